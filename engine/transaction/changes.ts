// What one transaction changes, gathered while deciding and written at its end: the way of each task instance, values to store,
// and the slots that became free.

import type { JsonValue } from '../../core/json.ts'
import type { Wait } from '../../core/protocol.ts'
import type { Reason } from '../../core/reasons.ts'
import type { RunModel, TaskInstanceView, Transition } from '../../core/run-model.ts'
import type { RunState, TaskState } from '../../core/states.ts'
import { isActive } from '../../core/states.ts'

/** The way of one instance through this transaction. */
export interface Way {
  readonly ti: TaskInstanceView
  readonly from: TaskState | null
  readonly steps: { to: TaskState | null; because: Reason }[]
  readyAt: number | null
}

export interface NewXCom {
  readonly taskId: string
  readonly mapIndex: number
  readonly key: string
  readonly value: JsonValue
}

export interface NewWait {
  readonly tiId: string
  readonly wait: Wait
}

/** All changes of one run in one transaction. */
export class RunChanges {
  readonly model: RunModel
  readonly isPaused: boolean
  readonly ways = new Map<string, Way>()
  readonly xcoms: NewXCom[] = []
  /** What deferred instances wait for. */
  readonly waits: NewWait[] = []
  /** Waits whose event has come. */
  readonly fired: { readonly tiId: string; readonly event: JsonValue }[] = []
  /** Tasks of it run again: what copies remember of their values no longer counts. */
  isCleared = false
  /** Attempts were ended without their workers: these must be told. */
  mustStop = false
  /** Instances that wait for a slot since now, with why. */
  readonly held = new Map<string, Reason>()
  readonly runStateBefore: RunState
  runBecause: unknown = null

  constructor(model: RunModel, isPaused: boolean) {
    this.model = model
    this.isPaused = isPaused
    this.runStateBefore = model.run.state
  }

  add(transitions: readonly Transition[]): void {
    for (const { ti, from, to, because, readyAt } of transitions) {
      const way = this.ways.get(ti.id)
      if (way === undefined) this.ways.set(ti.id, { ti, from, steps: [{ to, because }], readyAt })
      else {
        way.steps.push({ to, because })
        way.readyAt = readyAt
      }
    }
  }

  get isEmpty(): boolean {
    return (
      this.ways.size === 0 &&
      this.held.size === 0 &&
      this.xcoms.length === 0 &&
      this.model.run.state === this.runStateBefore
    )
  }

  /** Instances that were under way, with a slot or deferred, and no longer are: limits of their task have room. */
  left(): TaskInstanceView[] {
    const isUnderWay = (state: TaskState | null) => isActive(state) || state === 'deferred'
    return [...this.ways.values()]
      .filter((way) => isUnderWay(way.from) && !isUnderWay(way.ti.state))
      .map((way) => way.ti)
  }

  /** Instances that held a slot before this transaction and no longer do. */
  freed(): TaskInstanceView[] {
    return [...this.ways.values()].filter((way) => isActive(way.from) && !isActive(way.ti.state)).map((way) => way.ti)
  }
}

/** Ways that are alike (same states, reasons, time): one statement moves them all. */
export function groupWays(ways: Iterable<Way>): Way[][] {
  const groups = new Map<string, Way[]>()
  for (const way of ways) {
    const key = JSON.stringify([way.from, way.steps, way.readyAt])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [way])
    else group.push(way)
  }
  return [...groups.values()]
}

/** Held instances by their reason: one statement puts all that wait for the same. */
export function groupHeld(held: ReadonlyMap<string, Reason>): { readonly ids: string[]; readonly because: Reason }[] {
  const groups = new Map<string, { ids: string[]; because: Reason }>()
  for (const [id, because] of held) {
    const key = JSON.stringify(because)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { ids: [id], because })
    else group.ids.push(id)
  }
  return [...groups.values()]
}
