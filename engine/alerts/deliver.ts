// How a call of a callback ended: it is over, it is called again, or it has no try left and the DAG says so.

import { ALERT_OPTIONS, CALLBACK_TRIES, callbackDelay } from '../../core/alerts.ts'
import { reasonText } from '../../core/bound-result.ts'
import type { Database } from '../../store/database.ts'
import { insertAudit } from '../../store/postgres/audit.ts'
import { type ClaimedCallback, endCallback } from '../../store/postgres/callbacks.ts'
import { deleteDagWarningOf, putDagWarning } from '../../store/postgres/dag-warnings.ts'
import { notifyPages } from '../../store/postgres/notify.ts'
import type { Sql } from '../../store/sql.ts'

/** `dag_warning.warning_type` of a DAG whose callback could not be called. */
export const CALLBACK_FAILED = 'callback failed'

/** What a call came to. Texts are masked. */
export type CallResult =
  | { readonly kind: 'success' }
  | {
      readonly kind: 'failure'
      readonly message: string
      readonly isRetryable: boolean
      readonly retryAfterMs?: number
    }

/** Whose callback it is, as people read it: also how its warning is found again. */
export function nameCallback({ kind, dagId, taskId }: Pick<ClaimedCallback, 'kind' | 'dagId' | 'taskId'>): string {
  return `the ${kind === 'deadline' ? 'deadline callback' : ALERT_OPTIONS[kind]} of ${taskId === null ? dagId : `${dagId}.${taskId}`}`
}

/** Seconds until it is called again; null = it has no try left. */
function againIn(call: ClaimedCallback, result: CallResult & { kind: 'failure' }): number | null {
  if (!result.isRetryable || call.tries >= CALLBACK_TRIES) return null
  return result.retryAfterMs === undefined ? callbackDelay(call.tries) : result.retryAfterMs / 1000
}

/** What was not delivered is seen on the DAG's pages and in the audit log. */
async function tellLost(tx: Sql, call: ClaimedCallback, message: string): Promise<void> {
  const { dagId, runId, taskId, mapIndex, kind, tries } = call
  const why = reasonText(message)
  const of = runId === null ? '' : ` of run ${runId}`
  await putDagWarning(
    tx,
    dagId,
    CALLBACK_FAILED,
    `${nameCallback(call)} failed: an alert${of} was not delivered in ${tries} ${tries === 1 ? 'try' : 'tries'}: ${why}`,
  )
  const extra = { kind, tries, reason: why, callback_id: call.id }
  await insertAudit(tx, { event: 'callback.failed', owner: 'scheduler', dagId, runId, taskId, mapIndex, extra })
  await notifyPages(tx, { runs: [], dags: [dagId] })
}

/**
 * Ends one call.
 * @returns seconds until the next one; null = it is over; undefined = another scheduler has taken it over
 */
export async function endCall(
  database: Database,
  call: ClaimedCallback,
  jobId: number,
  result: CallResult,
): Promise<number | null | undefined> {
  return database.transaction(async (tx) => {
    const again = result.kind === 'failure' ? againIn(call, result) : null
    const end = result.kind === 'failure' ? { output: result.message, againIn: again } : null
    if (!(await endCallback(tx, call.id, jobId, end))) return undefined
    if (result.kind === 'failure' && again === null) await tellLost(tx, call, result.message)
    if (result.kind === 'success' && (await deleteDagWarningOf(tx, call.dagId, CALLBACK_FAILED, nameCallback(call))))
      await notifyPages(tx, { runs: [], dags: [call.dagId] })
    return again
  })
}
