import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type DiffHunk, type DiffKind, diffTexts } from '../../engine/dags/text-diff.ts'

describe('a diff of two texts', () => {
  test('has the lines that went and came, with three around, and numbers of both', () => {
    const before = Array.from({ length: 20 }, (_, i) => `line ${i + 1}`).join('\n')
    const after = before.replace('line 10', 'line ten').replace('line 20', 'line 20\nline 21')
    const [first, second, ...rest] = diffTexts(`${before}\n`, `${after}\n`)
    expect(rest).toEqual([])
    expect(first?.skipped).toBe(6)
    expect(
      first?.lines.map(({ kind, text, before: b, after: a }) => `${kind} ${b ?? '-'} ${a ?? '-'} ${text}`),
    ).toEqual([
      'same 7 7 line 7',
      'same 8 8 line 8',
      'same 9 9 line 9',
      'removed 10 - line 10',
      'added - 10 line ten',
      'same 11 11 line 11',
      'same 12 12 line 12',
      'same 13 13 line 13',
    ])
    expect([second?.skipped, second?.lines.at(-1)?.text]).toEqual([4, 'line 21'])
  })

  test('of equal texts is empty, and any two are told whole by it: only lines that both have are left out', () => {
    expect(diffTexts('a\n', 'a\n')).toEqual([])
    const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 30 })
    fc.assert(
      fc.property(text, text, (before, after) => {
        const hunks = diffTexts(textOf(before), textOf(after))
        const [older, newer] = [readBack(before, hunks, 'added'), readBack(after, hunks, 'removed')]
        expect(older.lines).toEqual(before)
        expect(newer.lines).toEqual(after)
        expect(older.leftOut).toEqual(newer.leftOut)
      }),
    )
  })
})

const textOf = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('')

/** The lines of one side as a reader of the hunks has them, with what was left out taken from the side itself. */
function readBack(side: readonly string[], hunks: readonly DiffHunk[], other: DiffKind) {
  const lines: string[] = []
  const leftOut: string[][] = []
  const skip = (count: number) => {
    leftOut.push(side.slice(lines.length, lines.length + count))
    lines.push(...(leftOut.at(-1) ?? []))
  }
  for (const hunk of hunks) {
    skip(hunk.skipped)
    lines.push(...hunk.lines.filter(({ kind }) => kind !== other).map((line) => line.text))
  }
  skip(side.length - lines.length)
  return { lines, leftOut }
}
