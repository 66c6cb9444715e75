// What one transaction changes, gathered while deciding and written at its end: the moves of each task instance, values to store,
// and the slots that became free.

import type { JsonValue } from '../../core/json.ts'
import type { Wait } from '../../core/protocol.ts'
import { type Reason, type RunReason, stopsWorker } from '../../core/reasons.ts'
import type { RunModel, TaskInstanceView, Transition } from '../../core/run-model.ts'
import type { RunState, TaskState } from '../../core/states.ts'
import { isActive } from '../../core/states.ts'

/** What one transaction does to one instance. */
export interface InstanceChange {
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
  readonly moved = new Map<string, InstanceChange>()
  readonly xcoms: NewXCom[] = []
  /** What deferred instances wait for. */
  readonly waits: NewWait[] = []
  /** Waits whose event has come. */
  readonly fired: { readonly tiId: string; readonly event: JsonValue }[] = []
  /** Tasks of it run again: what copies remember of their values no longer counts. */
  isCleared = false
  /** Instances that wait for a slot since now, with why. */
  readonly throttled = new Map<string, Reason>()
  readonly runStateBefore: RunState
  /** Why the run itself moved; null = it did not. */
  runBecause: RunReason | null = null

  constructor(model: RunModel, isPaused: boolean) {
    this.model = model
    this.isPaused = isPaused
    this.runStateBefore = model.run.state
  }

  add(transitions: readonly Transition[]): void {
    for (const { ti, from, to, because, readyAt } of transitions) {
      const change = this.moved.get(ti.id)
      if (change === undefined) this.moved.set(ti.id, { ti, from, steps: [{ to, because }], readyAt })
      else {
        change.steps.push({ to, because })
        change.readyAt = readyAt
      }
    }
  }

  /** Moves the run itself. @throws BaramError TRANSITION_ILLEGAL */
  moveRun(to: RunState, because: RunReason): void {
    this.model.moveRun(to)
    this.runBecause = because
  }

  /** Attempts were ended without a report of their workers: these must be told. */
  get mustStop(): boolean {
    return [...this.moved.values()].some(({ from, steps }) => {
      const [first] = steps
      return from === 'running' && first !== undefined && stopsWorker(first.because)
    })
  }

  get isEmpty(): boolean {
    return (
      this.moved.size === 0 &&
      this.throttled.size === 0 &&
      this.xcoms.length === 0 &&
      this.model.run.state === this.runStateBefore
    )
  }

  /** Instances that were under way, with a slot or deferred, and no longer are: limits of their task have room. */
  left(): TaskInstanceView[] {
    const isUnderWay = (state: TaskState | null) => isActive(state) || state === 'deferred'
    return [...this.moved.values()]
      .filter((change) => isUnderWay(change.from) && !isUnderWay(change.ti.state))
      .map((change) => change.ti)
  }

  /** Instances that held a slot before this transaction and no longer do. */
  freed(): TaskInstanceView[] {
    return [...this.moved.values()]
      .filter((change) => isActive(change.from) && !isActive(change.ti.state))
      .map((change) => change.ti)
  }
}

/** Changes that are alike (same states, reasons, time): one statement moves them all. */
export function groupChanges(changes: Iterable<InstanceChange>): [InstanceChange, ...InstanceChange[]][] {
  const groups = new Map<string, [InstanceChange, ...InstanceChange[]]>()
  for (const change of changes) {
    const key = JSON.stringify([change.from, change.steps, change.readyAt])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [change])
    else group.push(change)
  }
  return [...groups.values()]
}

/** Held instances by their reason: one statement puts all that wait for the same. */
export function groupThrottled(
  throttled: ReadonlyMap<string, Reason>,
): { readonly ids: string[]; readonly because: Reason }[] {
  const groups = new Map<string, { ids: string[]; because: Reason }>()
  for (const [id, because] of throttled) {
    const key = JSON.stringify(because)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { ids: [id], because })
    else group.ids.push(id)
  }
  return [...groups.values()]
}
