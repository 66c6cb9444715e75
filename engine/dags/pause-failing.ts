// DAGs whose runs fail again and again are paused.

import type { Database } from '../../store/database.ts'
import { insertAudit } from '../../store/postgres/audit.ts'
import { pauseFailingDags } from '../../store/postgres/dags.ts'
import { notifyPages } from '../../store/postgres/notify.ts'
import { hasFailures, takeFailures } from '../../store/postgres/scheduler-requests.ts'

/** DAGs whose last runs have all failed are paused, as many as each asks for (maxConsecutiveFailedDagRuns). */
export async function pauseFailing(database: Database): Promise<readonly string[]> {
  if (!(await hasFailures(database))) return []
  return database.transaction(async (tx) => {
    const failed = await takeFailures(tx)
    const paused = await pauseFailingDags(tx, failed)
    for (const { dagId, limit } of paused)
      await insertAudit(tx, {
        event: 'paused_after_failures',
        dagId,
        owner: 'scheduler',
        extra: `its last ${limit} runs failed (maxConsecutiveFailedDagRuns)`,
      })
    const ids = paused.map((row) => row.dagId)
    if (ids.length > 0) await notifyPages(tx, { runs: [], dags: ids })
    return ids
  })
}
