// What ends runs from outside: their time, and DAGs that fail again and again.

import { expire } from '../../core/decide.ts'
import type { Database } from '../../store/database.ts'
import { insertAudit } from '../../store/postgres/audit.ts'
import { pauseFailingDags } from '../../store/postgres/dags.ts'
import { hasFailures, takeFailures } from '../../store/postgres/inbox.ts'
import { notifyPages } from '../../store/postgres/notify.ts'
import { findTimedOutRuns } from '../../store/postgres/runs.ts'
import type { RunChanges } from '../transaction/changes.ts'
import type { TurnRunner } from '../transaction/run-transaction.ts'
import { blame, noteRefused } from '../transaction/set-aside.ts'

/** How many runs one turn takes at most. */
const BATCH = 100

/** Runs that took longer than their DAG allows fail; what has not ended in them is skipped. Returns how many. */
export async function expireRuns(database: Database, turns: TurnRunner): Promise<number> {
  const ids = await findTimedOutRuns(database, BATCH)
  if (ids.length === 0) return 0
  const result = await turns.run({
    runs: [],
    // One that is held by another at this moment is still late at the next look.
    freeRuns: ids,
    isBatch: true,
    act(all) {
      for (const [id, changes] of all) blame(id, () => endLate(changes))
    },
  })
  await noteRefused(turns, result.refused)
  return result.changedRuns.length
}

function endLate(changes: RunChanges): void {
  const { board } = changes
  if (board.run.state !== 'running') return
  const seconds = board.graph.dag.dagrunTimeout ?? 0
  const ended = expire(board, seconds)
  changes.add(ended)
  changes.mustStop = ended.some(({ from }) => from === 'running')
  board.run.state = 'failed'
  changes.runBecause = { code: 'run_timed_out', seconds }
}

/** DAGs whose last runs have all failed are paused, as many as each asks for (maxConsecutiveFailedDagRuns). */
export async function pauseFailing(database: Database): Promise<readonly string[]> {
  if (!(await hasFailures(database))) return []
  return database.transaction(async (tx) => {
    const failed = await takeFailures(tx)
    const paused = await pauseFailingDags(tx, failed)
    for (const { dag_id, limit } of paused)
      await insertAudit(tx, {
        event: 'paused_after_failures',
        dagId: dag_id,
        owner: 'scheduler',
        extra: `its last ${limit} runs failed (maxConsecutiveFailedDagRuns)`,
      })
    const ids = paused.map((row) => row.dag_id)
    if (ids.length > 0) await notifyPages(tx, { runs: [], dags: ids })
    return ids
  })
}
