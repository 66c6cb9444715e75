// The list of ready instances against a set that is sorted anew for each look.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareInstances, type Ranked, ReadyList } from '../../core/ready-list.ts'

const instances: readonly Ranked[] = Array.from({ length: 60 }, (_, i) => ({
  id: `ti-${String((i * 7) % 60).padStart(2, '0')}`,
  priorityWeight: i % 3,
  mapIndex: (i % 10) - 1,
}))

const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), which: fc.array(fc.nat(instances.length - 1), { maxLength: 40 }) }),
  fc.record({ kind: fc.constant('delete' as const), which: fc.array(fc.nat(instances.length - 1), { maxLength: 40 }) }),
  fc.record({ kind: fc.constant('look' as const), count: fc.nat(70) }),
)

describe('the list of ready instances', () => {
  it('gives the same heads as sorting all of them, whatever was added, deleted and looked at before', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const list = new ReadyList<Ranked>()
        const expected = new Set<Ranked>()
        for (const act of steps) {
          if (act.kind === 'look') {
            expect(list.first(act.count)).toEqual([...expected].sort(compareInstances).slice(0, act.count))
            continue
          }
          for (const ti of act.which.flatMap((i) => instances[i] ?? [])) {
            if (act.kind === 'add') list.add(ti)
            else expect(list.delete(ti)).toBe(expected.has(ti))
            if (act.kind === 'add') expected.add(ti)
            else expected.delete(ti)
          }
        }
        expect(list.size).toBe(expected.size)
      }),
    )
  })

  it('finds an instance whose place has changed meanwhile', () => {
    const list = new ReadyList<{ id: string; priorityWeight: number; mapIndex: number }>()
    const all = [0, 1, 2].map((i) => ({ id: `t${i}`, priorityWeight: 1, mapIndex: i }))
    for (const ti of all) list.add(ti)
    expect(list.first(3)).toEqual(all)
    const [first] = all
    if (first !== undefined) first.mapIndex = 9
    if (first !== undefined) expect(list.delete(first)).toBe(true)
    expect(list.first(3)).toEqual(all.slice(1))
  })

  it('gives the head of ten thousand without sorting them for each look', () => {
    const list = new ReadyList<Ranked>()
    let compared = 0
    const counted = (i: number): Ranked => ({
      id: String(i).padStart(5, '0'),
      mapIndex: i,
      get priorityWeight() {
        compared++
        return 1
      },
    })
    for (let i = 0; i < 10_000; i++) list.add(counted((i * 7_919) % 10_000))
    list.first(1)
    compared = 0
    for (let i = 0; i < 1_000; i++) list.delete(list.first(1)[0] as Ranked)
    expect(compared).toBeLessThan(1_000 * 2 * 20)
  })
})
