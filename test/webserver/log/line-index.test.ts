import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_LINE } from '../../../webserver/logs/line-splitter.ts'
import { parseLine } from '../../../webserver/logs/log-file.ts'
import { markOf } from '../../../webserver/logs/shown-line.ts'
import { cut, indexOf, pieceSizes, writtenLog } from './written.ts'

/** What the index says, counted line by line from the whole text. */
function naive(lines: readonly string[]) {
  const parsed = lines.map(parseLine)
  const levels = { error: 0, warning: 0, info: 0, debug: 0 }
  for (const line of parsed) levels[line.level]++
  const first = parsed.findIndex((line) => line.level === 'error')
  const groups: { start: number; end: number | null; isEnded: boolean; hasError: boolean }[] = []
  for (const [i, line] of parsed.entries()) {
    const mark = markOf(line.event)
    const open = groups.find((group) => group.end === null)
    if (line.level === 'error' && open !== undefined) open.hasError = true
    if (mark !== null && open !== undefined) {
      open.end = mark === 'end' ? i + 1 : i
      open.isEnded = mark === 'end'
    }
    if (mark === 'group') groups.push({ start: i + 1, end: null, isEnded: false, hasError: false })
  }
  return { total: lines.length, levels, firstError: first === -1 ? null : first + 1, groups }
}

describe('the line index of a log', () => {
  test('counts what a line-by-line reader counts, wherever the pieces are cut', () => {
    fc.assert(
      fc.property(writtenLog, pieceSizes, ({ lines, bytes }, sizes) => {
        const index = indexOf(cut(bytes, sizes))
        expect({ ...index.counts(), groups: index.groups }).toEqual(naive(lines))
        expect(index.size).toBe(bytes.length)
      }),
      { numRuns: 500 },
    )
  })

  test('knows where its blocks begin', () => {
    const lines = Array.from({ length: 5_432 }, (_, i) =>
      JSON.stringify({ event: `줄 ${i}`, level: i % 7 === 0 ? 'error' : 'info' }),
    )
    const bytes = Buffer.from(`${lines.join('\n')}\n`)
    const index = indexOf(cut(bytes, [1000, 77, 4096]))
    expect(index.blocks.map(({ line }) => line)).toEqual([1, 1001, 2001, 3001, 4001, 5001])
    for (const { line, offset } of index.blocks)
      expect(parseLine(bytes.subarray(offset).toString().split('\n')[0] ?? '').event).toBe(`줄 ${line - 1}`)
    expect(index.blockOf(1)).toBe(0)
    expect(index.blockOf(1000)).toBe(0)
    expect(index.blockOf(1001)).toBe(1)
    expect(index.blockOf(9999)).toBe(5)
  })

  test('counts a line longer than is kept of one as one line, and goes on after it', () => {
    const long = `${'x'.repeat(MAX_LINE)}한글`
    const bytes = Buffer.from(`first\n${long}\n{"level":"error","event":"last"}`)
    const index = indexOf(cut(bytes, [1024 * 1024]))
    expect(index.counts()).toEqual({ total: 3, levels: { error: 1, warning: 0, info: 2, debug: 0 }, firstError: 3 })
    expect(index.size).toBe(bytes.length)
  })

  test('ends a group at the next one, and says which group a line is in', () => {
    const events = [
      'before',
      '::group::A',
      'in a',
      '::group::B',
      'in b',
      '::endgroup::',
      'between',
      '::endgroup::',
      '::group::C',
      'in c',
    ]
    const index = indexOf([Buffer.from(events.map((event) => JSON.stringify({ event })).join('\n'))])
    expect(index.groups.map(({ start, end, isEnded }) => [start, end, isEnded])).toEqual([
      [2, 3, false],
      [4, 6, true],
      [9, null, false],
    ])
    expect(events.map((_, i) => index.groupOf(i + 1)?.start ?? null)).toEqual([null, 2, 2, 4, 4, 4, null, null, 9, 9])
  })
})
