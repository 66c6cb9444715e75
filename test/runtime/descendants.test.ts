// Which processes are a child's descendants, by what the kernel tells of all of them.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { descendantsOf, type ProcessRow } from '../../runtime/descendants.ts'

const FAMILY = { pid: 100, startTicks: 50, mark: 'ours' }
const row = (pid: number, parent: number, session: number, startTicks = 60): ProcessRow => ({
  ...{ pid, parent, group: session, session, startTicks },
})
const child = row(100, 1, 100, 50)
const find = (rows: readonly ProcessRow[], marks: Readonly<Record<number, string>> = {}) =>
  descendantsOf(rows, FAMILY, (pid) => marks[pid] ?? null)
    .map(({ pid }) => pid)
    .sort()

const CASES: readonly [string, readonly ProcessRow[], Readonly<Record<number, string>>, readonly number[]][] = [
  ['a process it started', [child, row(101, 100, 100)], {}, [101]],
  ['one in the background, its parent gone', [child, row(102, 1, 100)], {}, [102]],
  ['one in a session of its own', [child, row(103, 100, 103)], {}, [103]],
  ['one that left session and parent, by its mark', [child, row(104, 1, 104)], { 104: 'ours' }, [104]],
  [
    'what a marked one started, though unmarked',
    [child, row(105, 1, 105), row(106, 105, 106)],
    { 105: 'ours' },
    [105, 106],
  ],
  ['who shares the session of a marked one', [child, row(107, 1, 108), row(109, 1, 108)], { 107: 'ours' }, [107, 109]],
  ['all of them after the child has ended', [row(110, 1, 100), row(111, 1, 111)], { 111: 'ours' }, [110, 111]],
  ['not the marked of another child', [child, row(112, 1, 112)], { 112: 'theirs' }, []],
  ['not who is older than the child', [child, row(113, 1, 100, 49), row(114, 1, 114, 49)], { 114: 'ours' }, []],
  [
    'not those of a stranger that has the number of the ended child',
    [row(100, 1, 100, 90), row(115, 100, 100, 91)],
    {},
    [],
  ],
]

it.each(CASES)('%s', (_name, rows, marks, expected) => {
  expect(find(rows, marks)).toEqual([...expected])
})

it('the order in which processes are listed changes nothing, and the child itself is never among them', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ parent: fc.integer({ min: 99, max: 112 }), session: fc.integer({ min: 99, max: 112 }) })),
      fc.infiniteStream(fc.nat()),
      (made, chance) => {
        const rows = [child, ...made.map(({ parent, session }, i) => row(101 + i, parent, session))]
        const shuffled = rows
          .map((each) => ({ each, at: Number(chance.next().value) }))
          .sort((a, b) => a.at - b.at)
          .map(({ each }) => each)
        expect(find(shuffled)).toEqual(find(rows))
        expect(find(rows)).not.toContain(100)
      },
    ),
  )
})
