import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { diffTexts } from '../../engine/dags/text-diff.ts'

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

  test('of equal texts is empty, and of any two tells both: removed and same is the old one, added and same the new', () => {
    expect(diffTexts('a\n', 'a\n')).toEqual([])
    const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 6 }).map((lines) => lines.join('\n'))
    fc.assert(
      fc.property(text, text, (before, after) => {
        fc.pre(before !== after && before !== '' && after !== '' && before.length < 7 && after.length < 7)
        const lines = diffTexts(`${before}\n`, `${after}\n`).flatMap((hunk) => hunk.lines)
        const of = (left: string) => lines.filter((line) => line.kind !== left).map((line) => line.text)
        expect(of('added').join('\n')).toBe(before)
        expect(of('removed').join('\n')).toBe(after)
      }),
    )
  })
})
