// Bytes become the text they are, in the charset that is named somehow; an unknown charset is refused, never guessed.

import fc from 'fast-check'
import iconv from 'iconv-lite'
import { describe, expect, it } from 'vitest'
import { CharsetUnknownError, charsetNamed, decodeAnswer, decodeText, textStream } from '../../operators/charset.ts'
import { HttpAnswer, judgeStatus } from '../../operators/http/answer.ts'
import { HttpAnswerError } from '../../operators/http/errors.ts'

/** 똠방각하: its first syllable is one that only Windows' extension of EUC-KR has. */
const KOREAN = '똠방각하 펲시콜라, 한글'
const CP949 = iconv.encode(KOREAN, 'cp949')

describe('a charset', () => {
  it.each([
    ...[
      'euc-kr',
      'EUC-KR',
      'cp949',
      'CP949',
      'ms949',
      'MS949',
      'ks_c_5601-1987',
      'KS_C_5601-1987',
      'ksc5601',
      'windows-949',
    ],
    ...['x-windows-949', 'UHC', 'x-uhc', 'cseuckr', 'korean', 'EUCKR', 'euc_kr', ' cp949 ', '"cp949"', "'EUC-KR'"],
  ])('%j is Korean of Windows', (label) => {
    expect(charsetNamed(label)).toBe('euc-kr')
    expect(decodeText(CP949, label)).toBe(KOREAN)
  })

  it.each([
    ['utf-8', '한글 😀', 'utf8'],
    ['UTF8', '한글 😀', 'utf8'],
    ['utf-16', '한글', 'utf-16le'],
    ['utf-16be', '한글', 'utf-16be'],
    ['utf-32le', '한글 😀', 'utf-32le'],
    ['latin1', 'caf\u00e9 €', 'windows-1252'],
    ['iso-8859-1', '“café”', 'windows-1252'],
    ['us-ascii', 'plain', 'windows-1252'],
    ['windows-1251', 'Привет', 'windows-1251'],
    ['koi8-r', 'Привет', 'koi8-r'],
    ['cp866', 'Привет', 'cp866'],
    ['cp850', 'é', 'cp850'],
    ['shift_jis', 'あ①ア', 'cp932'],
    ['MS932', 'あ①', 'cp932'],
    ['cp932', 'あ①', 'cp932'],
    ['euc-jp', 'あ', 'euc-jp'],
    ['gb2312', '汉字', 'gbk'],
    ['cp936', '汉字', 'gbk'],
    ['big5', '漢字', 'big5'],
    ['windows-1255', 'שלום', 'windows-1255'],
  ])('%s decodes %s', (label, text, encoder) => {
    expect(decodeText(iconv.encode(text, encoder, { addBOM: false }), label)).toBe(text)
  })

  it.each([
    'klingon',
    'iso-2022-kr',
    'johab',
    'utf-7',
    'x-user-defined',
    'base64',
    'hex',
    'binary',
    '',
    '한글',
    '__proto__',
    'constructor',
    'toString',
  ])('%j is refused, with what was found', (label) => {
    expect(() => charsetNamed(label)).toThrow(CharsetUnknownError)
    expect(() => charsetNamed(label)).toThrow(`found ${JSON.stringify(label)}`)
  })

  it('decodes the same whatever pieces the bytes come in', () => {
    const cases = fc.constantFrom(
      ['utf-8', 'utf8'],
      ['cp949', 'cp949'],
      ['shift_jis', 'cp932'],
      ['big5', 'big5'],
      ['utf-16le', 'utf-16le'],
    )
    fc.assert(
      fc.property(
        cases,
        fc.array(fc.constantFrom(...'똠방각하a 1漢字あ')),
        fc.integer({ min: 1, max: 5 }),
        ([label = '', encoder = ''], chars, size) => {
          const bytes = iconv.encode(chars.join(''), encoder)
          const stream = textStream(label)
          let text = ''
          for (let at = 0; at < bytes.length; at += size) text += stream.write(bytes.subarray(at, at + size))
          expect(text + stream.end()).toBe(decodeText(bytes, label))
        },
      ),
    )
  })
})

describe('an answer', () => {
  const html = (markup: string) => Buffer.concat([Buffer.from(markup), CP949])
  it.each([
    ['text/html; charset=cp949', CP949],
    ['text/html;charset="MS949"', CP949],
    ["text/html; charset='euc-kr'", CP949],
    ['TEXT/HTML; CHARSET = KS_C_5601-1987 ; x=y', CP949],
    ['text/plain; x="a"; charset=UHC, text/plain', CP949],
    ['text/plain; charset="x-windows-949"', CP949],
    ['text/plain', Buffer.from(KOREAN)],
    ['', Buffer.from(KOREAN)],
    ['text/plain; charset=', Buffer.from(KOREAN)],
    ['text/plain; charset=euc-kr', Buffer.from(`\ufeff${KOREAN}`)],
    ['text/plain', iconv.encode(KOREAN, 'utf-16le', { addBOM: true })],
    ['application/json; charset=utf-8', Buffer.from(KOREAN)],
  ])('of type %j is read as it was meant', (type, body) => {
    expect(decodeAnswer(body, type)).toBe(KOREAN)
  })

  it.each([
    '<html><head><meta charset="euc-kr">',
    "<meta charset='CP949'>",
    '<META CHARSET=ks_c_5601-1987 >',
    '<meta http-equiv="Content-Type" content="text/html; charset=euc-kr">',
    '<?xml version="1.0" encoding="euc-kr"?>',
    '<!-- <meta charset="utf-8"> --><meta charset="ms949"/>',
  ])('of HTML without a charset is read by its own word: %s', (markup) => {
    expect(decodeAnswer(html(markup), 'text/html')).toContain(KOREAN)
  })

  const answer = (type: string, status = 200) =>
    new HttpAnswer({ url: 'http://shop/x', method: 'GET', status, headers: { 'content-type': type }, body: CP949 })

  it.each(['text/html; charset=klingon', 'application/json; charset=utf-7'])(
    'in %s is refused, with where it came from',
    (type) => {
      const read = () => answer(type).value()
      expect(read).toThrow(HttpAnswerError)
      expect(read).toThrow(/^GET http:\/\/shop\/x: expected a charset that is known, .* found "(klingon|utf-7)"$/)
    },
  )

  it('of HTML that names an unknown charset itself is refused', () => {
    expect(() => decodeAnswer(html('<meta charset="klingon">'), 'text/html')).toThrow('found "klingon"')
  })

  it('in an unknown charset still tells its status', () => {
    const judging = { expectStatus: '2xx', retryAfterLimit: 1, now: 0 } as const
    expect(() => judgeStatus(answer('text/html; charset=klingon', 500), judging)).toThrow(
      /answered 500: 2\d bytes \(.*"klingon"/,
    )
  })
})

describe('JSON of an answer', () => {
  it('has integers beyond 2^53 as text', () => {
    const headers = { 'content-type': 'application/json' }
    const body = Buffer.from('{"id": 9007199254740993, "n": 9007199254740991}')
    const answer = new HttpAnswer({ url: 'http://shop/x', method: 'GET', status: 200, headers, body })
    expect(answer.value()).toEqual({ id: '9007199254740993', n: 9_007_199_254_740_991 })
  })
})
