// Callbacks that a run transaction calls: their rows are part of it, so that none is lost and none tells of what was
// rolled back. A DAG without callbacks costs one look at its graph.

import { callbacksFor } from '../../core/alerts.ts'
import { uuidv7 } from '../../runtime/ids.ts'
import { insertCallbacks } from '../../store/postgres/callbacks.ts'
import type { Sql } from '../../store/sql.ts'
import type { RunChanges } from '../transaction/changes.ts'

/** Statements that store what these changes call; empty for a DAG without callbacks. */
export function recordCallbacks(tx: Sql, changes: RunChanges): readonly Promise<void>[] {
  const { model, runBecause, runStateBefore } = changes
  const hasRunMoved = model.run.state !== runStateBefore
  const callbacks = callbacksFor(model, changes.moved.values(), hasRunMoved, runBecause)
  if (callbacks.length === 0) return []
  const { dagId, versionId, dagRunId } = model.run
  const rows = callbacks.map(({ reason, ...callback }) => ({ ...callback, id: uuidv7(), data: { reason } }))
  return [insertCallbacks(tx, { dagId, versionId, dagRunId }, rows)]
}
