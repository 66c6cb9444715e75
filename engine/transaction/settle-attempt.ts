// Applies an attempt's outcome: moves the instance, stores its XComs, advances its downstream.

import { advance, failFast } from '../../core/decide.ts'
import { countItems } from '../../core/mapping.ts'
import type { TaskInstanceView } from '../../core/run-model.ts'
import { type Outcome, settle } from '../../core/settle.ts'
import { isFinished } from '../../core/states.ts'
import { SKIP_KEY } from '../../store/postgres/xcoms.ts'
import type { NewXCom, RunChanges } from './changes.ts'

export interface Report {
  readonly dagRunId: number
  readonly tiId: string
  readonly epoch: number
  readonly outcome: Outcome
  readonly xcoms: readonly NewXCom[]
}

/** What an attempt returned that decides on other tasks. */
export function recordOutputs(changes: RunChanges, ti: TaskInstanceView, report: Report): void {
  const { model } = changes
  const taskId = model.graph.task(ti.task).taskId
  const { outcome } = report
  if (outcome.kind === 'success' && model.graph.skippers.has(ti.task)) {
    // Also when it skips nothing: what it chose in an earlier life of its run must not go on.
    const skipped = model.recordSkips(ti.task, outcome.skips ?? [])
    if (skipped.length > 0)
      changes.xcoms.push({ taskId, mapIndex: ti.mapIndex, key: SKIP_KEY, value: { skipped: [...skipped] } })
  }
  if (outcome.kind === 'defer') changes.waits.push({ tiId: ti.id, wait: outcome.wait })
  if (!model.graph.mapSources.has(ti.task)) return
  const value = report.xcoms.find((xcom) => xcom.key === 'return_value' && xcom.taskId === taskId)?.value
  if (value !== undefined) model.recordLength(ti, countItems(value) ?? 0)
}

/** Settles an instance and moves on what its end releases. */
export function settleAndAdvance(changes: RunChanges, ti: TaskInstanceView, outcome: Outcome, now: number): void {
  const { model } = changes
  const transition = settle(model, ti, outcome, now)
  changes.add([transition])
  if (!isFinished(transition.to)) return
  if (transition.to === 'failed' && model.graph.dag.failFast) {
    changes.add(failFast(model, ti))
  }
  changes.add(advance(model, [ti]))
}
