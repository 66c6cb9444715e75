// Does a work once and kills itself at the n-th kill point; it tells where, or that it came to its end without. Run as a process.

import { GUARDS, type GuardName } from './guards.ts'
import { KillPoints } from './kill-points.ts'
import { type WorkName, type World, work } from './works.ts'

export interface Order {
  readonly work: WorkName
  readonly world: World
  readonly guards: readonly GuardName[]
  /** From 1; 0 = never. */
  readonly deadly: number
}

// The order is of the test that started this process.
const { work: name, world, guards, deadly } = JSON.parse(process.argv[2] ?? '') as Order
const points = new KillPoints(deadly)
const before = points.count
for (const room of guards) await GUARDS[room](points, world)
if (points.count !== before) throw new Error('opening the guards reached kill points of the work')
await work(name, world, 1)
if (deadly !== 0 && points.count >= deadly) throw new Error(`kill point ${deadly} was reached and did not kill`)
