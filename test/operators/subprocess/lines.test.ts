// Output as lines: nothing of it is lost, and none of it is kept that nobody needs.

import { describe, expect, test } from 'vitest'
import { LONGEST_LINE, OutputLines } from '../../../operators/subprocess/lines.ts'

function linesOf(chunks: readonly Uint8Array[], encoding = 'utf-8') {
  const told: string[] = []
  const lines = new OutputLines(encoding, (line) => told.push(line))
  for (const chunk of chunks) lines.add(chunk)
  lines.end()
  return { told, lines }
}
const bytes = (text: string) => Buffer.from(text)

describe('output', () => {
  test('is told line by line, without the white space at their ends', () => {
    const { told, lines } = linesOf([bytes('one  \ntw'), bytes('o\r\n\n  three')])
    expect(told).toEqual(['one', 'two', '', '  three'])
    expect(lines.last).toBe('  three')
  })

  test('of nothing has an empty last line and tells none', () => {
    const { told, lines } = linesOf([])
    expect([told, lines.last, lines.tail]).toEqual([[], '', ''])
  })

  test('that ends with empty lines has an empty last line, as in Airflow', () => {
    expect(linesOf([bytes('result\n\n')]).lines.last).toBe('')
  })

  test('of a failure ends with the lines that tell why, and with the others where there are none', () => {
    const tailOf = (text: string) => {
      const lines = new OutputLines(
        'utf-8',
        () => undefined,
        (line) => !line.startsWith('INFO'),
      )
      lines.add(bytes(text))
      lines.end()
      return lines.tail
    }
    const cleanUp = 'INFO deleting a folder\n'.repeat(50)
    expect(tailOf(`INFO starting\nTraceback\nValueError: no number\n${cleanUp}`)).toBe(
      'Traceback\nValueError: no number',
    )
    expect(tailOf(`INFO starting\n${cleanUp}`)).toContain('INFO deleting a folder')
  })

  test('in Korean survives any cut between two bytes', () => {
    const text = bytes('서울 강남\n대한민국')
    const single = [...text].map((byte) => Uint8Array.of(byte))
    expect(linesOf(single).told).toEqual(['서울 강남', '대한민국'])
  })

  test('in another encoding is read in it', () => {
    expect(linesOf([Uint8Array.of(0xc7, 0xd1, 0xb1, 0xdb)], 'euc-kr').told).toEqual(['한글'])
  })

  test('without line breaks is told in pieces, and its last line is longer than an XCom may be', () => {
    const chunk = Buffer.alloc(65_536, 'x')
    const { told, lines } = linesOf(Array.from({ length: 40 }, () => chunk))
    expect(told.map((line) => line.length)).toEqual([LONGEST_LINE, LONGEST_LINE, 40 * 65_536 - 2 * LONGEST_LINE])
    expect(lines.last.length).toBe(LONGEST_LINE + 1)
    expect(lines.tail.length).toBeLessThanOrEqual(380)
  })

  test('after a line that was too long is whole again', () => {
    expect(linesOf([Buffer.alloc(LONGEST_LINE + 5, 'x'), bytes('\nshort\n')]).lines.last).toBe('short')
  })

  test('keeps the last lines that fit into a message', () => {
    const { lines } = linesOf([bytes(Array.from({ length: 1000 }, (_, i) => `line ${i}`).join('\n'))])
    expect(lines.tail.split('\n').at(-1)).toBe('line 999')
    expect(lines.tail.length).toBeLessThanOrEqual(380)
    expect(lines.tail.split('\n').length).toBeGreaterThan(20)
  })
})
