// The last resort for what the database refuses otherwise: an instance is ended by its row alone, with the reason.

import { storableJson } from '../../core/storable.ts'
import type { Sql } from '../sql.ts'
import type { AttemptKey } from './effects.ts'
import { UNFINISHED } from './state-lists.ts'

/**
 * Fails an instance that is neither idle nor finished, without its run's copy: nothing of it is decided here, its run is
 * decided as a whole afterwards.
 * @returns false when it is no longer what was meant
 */
export async function failInstance(tx: Sql, at: AttemptKey, who: string, because: unknown): Promise<boolean> {
  const { rowCount } = await tx.query(
    `with run as (update dag_run set rev = rev + 1, updated_at = now() where id = $1 returning id, rev),
     moved as (
       update task_instance t set state = 'failed', start_date = coalesce(t.start_date, now()), end_date = clock_timestamp(),
         duration = coalesce(extract(epoch from clock_timestamp() - t.start_date), 0), ready_at = null, updated_at = now()
       from run, (select id, state from task_instance where dag_run_id = $1 and id = $2) before
       where t.dag_run_id = $1 and t.id = $2 and t.epoch = $3 and before.id = t.id
         and t.state in (${UNFINISHED})
       returning t.id, t.try_number, t.epoch, before.state as from_state, run.rev)
     insert into ti_event (dag_run_id, rev, ti_id, try_number, epoch, from_state, to_state, who, because)
     select $1, rev, id, try_number, epoch, from_state, 'failed', $4, $5::jsonb from moved`,
    [at.dagRunId, at.tiId, at.epoch, who, storableJson(because)],
  )
  if (rowCount === 0) return false
  await tx.query('delete from trigger where dag_run_id = $1 and ti_id = $2', [at.dagRunId, at.tiId])
  await tx.query('delete from task_queue where dag_run_id = $1 and ti_id = $2', [at.dagRunId, at.tiId])
  await tx.query(
    "insert into inbox (kind, payload) select 'decide', jsonb_build_object('dag_run_id', id) from dag_run where id = $1 and state = 'running'",
    [at.dagRunId],
  )
  return true
}

/** Writes beside a run why nothing of it can be decided now, unless that is its last word already. */
export async function noteRun(sql: Sql, dagRunId: number, who: string, because: unknown): Promise<void> {
  await sql.query(
    `insert into ti_event (dag_run_id, rev, from_state, to_state, who, because)
     select r.id, r.rev, r.state, r.state, $2, $3::jsonb from dag_run r
     where r.id = $1 and not exists (
       select 1 from ti_event e where e.dag_run_id = r.id and e.rev = r.rev and e.ti_id is null and e.because = $3::jsonb)`,
    [dagRunId, who, storableJson(because)],
  )
}
