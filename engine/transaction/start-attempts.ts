// Attempts that a transaction starts on the worker that takes it: what they are given, and which of them come first.

import type { RunModel, TaskInstanceView } from '../../core/run-model.ts'
import type { SerializedTask } from '../../core/serialized.ts'
import type { QueuedRow } from '../../store/postgres/task-queue.ts'
import type { RunChanges } from './changes.ts'
import { blame } from './run-fault.ts'
import type { WorkerSelf } from './write.ts'

export interface Slots {
  readonly worker: WorkerSelf
  readonly count: number
  /** Null = every queue. */
  readonly queues: readonly string[] | null
  /** There may be queued rows to take besides what this transaction releases itself. */
  readonly mayClaim: boolean
}

/** An attempt that this worker now has to run: its row says `running` with this epoch. */
export interface StartedAttempt {
  readonly dagRunId: number
  readonly tiId: string
  readonly epoch: number
  readonly tryNumber: number
  readonly maxTries: number
  readonly mapIndex: number
  /** Instances of a mapped task; null when it is not mapped. */
  readonly expandedCount: number | null
  /** The try goes on after a wait: what it begins with stands in its row. */
  readonly isContinued: boolean
  /** Other tasks are mapped over its value. */
  readonly isMapSource: boolean
  readonly task: SerializedTask
  readonly run: RunModel['run']
}

/** Of what was queued before and what this transaction admitted: the most urgent ones start here, as far as slots go. */
export function startAttempts(
  all: ReadonlyMap<number, RunChanges>,
  queued: readonly QueuedRow[],
  admitted: readonly { changes: RunChanges; ti: TaskInstanceView }[],
  slots: Slots,
): StartedAttempt[] {
  const waiting = queued.flatMap((row) => {
    const changes = all.get(row.dagRunId)
    const ti = changes?.model.instances.get(row.tiId)
    return changes !== undefined && ti?.state === 'queued' && !changes.moved.has(ti.id) ? [{ changes, ti }] : []
  })
  const own = admitted.filter(({ ti }) => slots.queues === null || slots.queues.includes(ti.queue))
  const isBackfill = (changes: RunChanges) => Number(changes.model.run.runType === 'backfill')
  // Stable: at equal weight what was queued earlier goes first, and backfills last.
  const order = [...waiting, ...own].sort(
    (a, b) => b.ti.priorityWeight - a.ti.priorityWeight || isBackfill(a.changes) - isBackfill(b.changes),
  )
  return order.slice(0, Math.max(0, slots.count)).map(({ changes, ti }) => {
    const { model } = changes
    const task = blame(model.run.dagRunId, () => {
      changes.add([model.move(ti, 'running', { code: 'started', worker: slots.worker.hostname })])
      return model.graph.task(ti.task)
    })
    return {
      dagRunId: model.run.dagRunId,
      tiId: ti.id,
      epoch: ti.epoch,
      tryNumber: ti.tryNumber,
      maxTries: ti.maxTries,
      mapIndex: ti.mapIndex,
      expandedCount: task.mapping === null ? null : (model.byTask[ti.task]?.length ?? 1),
      isContinued: ti.isContinued,
      isMapSource: model.graph.mapSources.has(ti.task),
      task,
      run: model.run,
    }
  })
}
