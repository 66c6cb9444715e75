// Wake-ups. One a commit at most: a commit with a NOTIFY takes an instance-wide lock.

import type { Sql } from '../sql.ts'

/** Workers: there are queued rows left over. */
export async function notifyWork(tx: Sql): Promise<void> {
  await tx.query("select pg_notify('work', '')", [], 'notify_work')
}

/** Workers: attempts were ended without you (a time limit, a DAG that fails fast); see which of yours. */
export async function notifyStop(tx: Sql): Promise<void> {
  await tx.query("select pg_notify('work', 'stop')", [], 'notify_stop')
}

/** Triggerers: there are new waits. */
export async function notifyTriggerer(tx: Sql): Promise<void> {
  await tx.query("select pg_notify('triggers', '')", [], 'notify_triggerer')
}

/** Schedulers: look at what is due, startable, held or asked for. */
export async function notifyScheduler(tx: Sql): Promise<void> {
  await tx.query("select pg_notify('sched', '')", [], 'notify_sched')
}

/** As above, but only when something waits for a slot: the common case costs one index look. */
export async function notifySchedulerIfThrottled(tx: Sql): Promise<void> {
  await tx.query(
    "select pg_notify('sched', '') where exists (select 1 from task_queue where stage = 'throttled')",
    [],
    'notify_sched_if_held',
  )
}

/** Pages: these runs (row ids) or DAGs changed. */
export async function notifyPages(
  sql: Sql,
  payload: { readonly runs: readonly number[]; readonly dags: readonly string[] },
): Promise<void> {
  // A payload holds 8,000 bytes; more runs than that at once only need "look again".
  const text = JSON.stringify(payload)
  await sql.query("select pg_notify('ui', $1)", [text.length < 7_500 ? text : '{"runs":[],"dags":["*"]}'], 'notify_ui')
}
