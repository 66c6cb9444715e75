// Bytes to text in the charset that somebody names: pages, answers, output of commands. One place decides; a charset that
// is not known is refused, since text in the wrong one looks like text until somebody reads it.
//
// Names are those of the WHATWG (`TextDecoder` knows them) and those of Korean and Japanese Windows and Java beside them.
// The tables are iconv-lite's: Node 20 decodes `euc-kr` without the 8,822 syllables that Windows has added (똠, 쌰),
// and `windows-1252` as if it were Latin-1.

import iconv from 'iconv-lite'

/** Names that servers send and the WHATWG does not list. */
const ALIASES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      'cp949',
      'ms949',
      'x-windows-949',
      'x-cp949',
      'uhc',
      'x-uhc',
      'euckr',
      'euc_kr',
      'x-euc-kr',
      'ks_c_5601',
      'ksc-5601',
      'ks-c-5601-1987',
    ].map((name) => [name, 'euc-kr']),
  ),
  ...Object.fromEntries(['cp932', 'sjis-win', 'x-ms-cp932'].map((name) => [name, 'shift_jis'])),
  eucjp: 'euc-jp',
  cp936: 'gbk',
  ms936: 'gbk',
  gb_18030: 'gb18030',
  cp950: 'big5',
  ms950: 'big5',
  'utf-8-sig': 'utf-8',
  utf8mb4: 'utf-8',
  utf_8: 'utf-8',
  utf16: 'utf-16le',
}

/** Tables of iconv-lite by WHATWG name, where they are called otherwise. GBK is read as what it became. */
const TABLES: Readonly<Record<string, string>> = {
  'euc-kr': 'cp949',
  gbk: 'gb18030',
  ibm866: 'cp866',
  'iso-8859-8-i': 'iso-8859-8',
}
/** Of these Node's tables are right, or the only ones. */
const OF_NODE: readonly string[] = ['utf-8', 'utf-16le', 'utf-16be', 'iso-2022-jp', 'macintosh', 'x-mac-cyrillic']
/** What iconv-lite knows beyond the WHATWG: code pages of DOS, and UTF-32. */
const BEYOND = /^(cp|ibm)\d{3,4}$|^utf-?32(le|be)?$/

/** A name that stands for no charset known here. */
export class CharsetUnknownError extends Error {
  override readonly name = 'CharsetUnknownError'
  constructor(label: string) {
    super(
      `expected a charset that is known, such as utf-8, euc-kr (also cp949, ms949) or shift_jis, found ${JSON.stringify(label)}`,
    )
  }
}

export interface TextStream {
  write(chunk: Uint8Array): string
  end(): string
}

/** The WHATWG's name, or null. */
function standardName(label: string): string | null {
  try {
    return new TextDecoder(label).encoding
  } catch {
    return null
  }
}

/**
 * The charset behind a name, however it is written: case, blanks and quotes do not count.
 * @throws CharsetUnknownError
 */
export function charsetNamed(label: string): string {
  const name = label
    .trim()
    .replace(/^(["'])(.*)\1$/, '$2')
    .trim()
    .toLowerCase()
  const standard = standardName(ALIASES[name] ?? name)
  if (standard !== null) return standard
  if (BEYOND.test(name) && iconv.encodingExists(name)) return name
  throw new CharsetUnknownError(label)
}

/** Decodes piece by piece: a character may stand in two. What is no text in the charset becomes �. @throws CharsetUnknownError */
export function textStream(label: string): TextStream {
  const name = charsetNamed(label)
  if (OF_NODE.includes(name)) {
    const decoder = new TextDecoder(name)
    return { write: (chunk) => decoder.decode(chunk, { stream: true }), end: () => decoder.decode() }
  }
  const decoder = iconv.getDecoder(TABLES[name] ?? name)
  return {
    write: (chunk) => decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)),
    end: () => decoder.end() ?? '',
  }
}

/** @throws CharsetUnknownError */
export function decodeText(bytes: Uint8Array, label: string): string {
  const stream = textStream(label)
  return stream.write(bytes) + stream.end()
}

/** What the first bytes say, whatever is said elsewhere. */
function charsetOfMark(bytes: Uint8Array): string | null {
  const [a, b, c] = bytes
  if (a === 0xef && b === 0xbb && c === 0xbf) return 'utf-8'
  if (a === 0xff && b === 0xfe) return 'utf-16le'
  return a === 0xfe && b === 0xff ? 'utf-16be' : null
}

/** `charset` of a content type: a token, or in quotes. */
function charsetOfType(contentType: string): string | null {
  const [, quoted, single, token] = /;\s*charset\s*=\s*(?:"([^"]*)"|'([^']*)'|([^;,\s]*))/i.exec(contentType) ?? []
  const label = quoted ?? single ?? token ?? ''
  return label.trim() === '' ? null : label
}

/** How far into a page its own word is looked for, as browsers do. */
const LOOKED = 1024

/** A page's own word: `<meta charset>`, `<meta … content="…charset=">` or `<?xml encoding?>`. */
function charsetOfMarkup(bytes: Uint8Array): string | null {
  const head = Buffer.from(bytes.subarray(0, LOOKED))
    .toString('latin1')
    .replace(/<!--[\s\S]*?-->/g, '')
  const found =
    /^\s*<\?xml[^>]*\sencoding\s*=\s*["']([^"']+)["']/i.exec(head) ??
    /<meta\s[^>]*charset\s*=\s*["']?\s*([^"'\s/>;]+)/i.exec(head)
  return found?.[1] ?? null
}

const MARKUP = /^\s*(text\/html|application\/xhtml\+xml|text\/xml|application\/([\w.-]+\+)?xml)\b/i

/**
 * The text of an answer, as browsers read it: a byte order mark counts first, then the content type, then the page's own
 * word; else it is UTF-8.
 * @throws CharsetUnknownError
 */
export function decodeAnswer(bytes: Uint8Array, contentType: string): string {
  const own = () => (MARKUP.test(contentType) ? charsetOfMarkup(bytes) : null)
  return decodeText(bytes, charsetOfMark(bytes) ?? charsetOfType(contentType) ?? own() ?? 'utf-8')
}
