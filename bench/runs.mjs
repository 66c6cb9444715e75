// A run from its trigger to its end, by the database's own instants; and what a bare commit takes beside it.

import { triggerRun } from '../dist/engine/runs/create.js'
import { until } from './deployment.mjs'

/** What each of `count` single-row commits took, ms. */
export async function commitLoop(query, count = 300) {
  await query('create table if not exists bench_commit (id int primary key, n int)')
  await query('insert into bench_commit values (1, 0) on conflict do nothing')
  const times = []
  for (let i = 0; i < count; i++) {
    const began = performance.now()
    await query('update bench_commit set n = n + 1 where id = 1')
    times.push(performance.now() - began)
  }
  return times
}

const EPOCH_MS = (column) => `extract(epoch from ${column}) * 1000`

/** Triggers a run, waits for its success; `ms` from queued to its end, `starts` of its tasks in order, epoch ms. */
export async function runOnce(d, dagId) {
  const calledAt = Date.now()
  const { dagRunId, runId } = await triggerRun(d, { dagId }, { name: 'bench', via: 'cli' })
  await until(
    async () =>
      (await d.query("select state from dag_run where id = $1 and state in ('success','failed')", [dagRunId]))[0],
    `${dagId} to end`,
  )
  const [run] = await d.query(
    `select state, ${EPOCH_MS('queued_at')} as queued, ${EPOCH_MS('end_date')} as ended from dag_run where id = $1`,
    [dagRunId],
  )
  if (run.state !== 'success') throw new Error(`${dagId} ended ${run.state}`)
  const starts = (
    await d.query(
      `select ${EPOCH_MS('start_date')} as s from task_instance where dag_run_id = $1 order by start_date`,
      [dagRunId],
    )
  ).map((row) => Number(row.s))
  return { dagRunId, runId, calledAt, ms: Number(run.ended) - Number(run.queued), queued: Number(run.queued), starts }
}

/** Distances of neighbours, ms. */
export const hopsOf = (starts) => starts.slice(1).map((start, i) => start - starts[i])
