// What a large run does to its neighbours, and what the first run of a deployment costs.

import { triggerRun } from '../dist/engine/runs/create.js'
import { benchFiles, manyDag } from './dags.mjs'
import { openDeployment, sleep, until } from './deployment.mjs'
import { at, median, show, sorted } from './numbers.mjs'
import { runOnce } from './runs.mjs'

/** Between two runs of the neighbour, ms. */
const EVERY_MS = 100

/** From the trigger of a run of `count` tasks to its end, another DAG is triggered ten times a second. */
export async function measureNeighbour(d, count, add) {
  const by = { name: 'bench', via: 'cli' }
  const large = await triggerRun(d, { dagId: 'large' }, by)
  const ids = []
  const hasEnded = async () =>
    (await d.query('select 1 from dag_run where id = $1 and end_date is not null', [large.dagRunId])).length > 0
  while (!(await hasEnded())) {
    ids.push((await triggerRun(d, { dagId: 'one' }, by)).dagRunId)
    await sleep(EVERY_MS)
  }
  const started = () =>
    d.query(
      `select extract(epoch from t.start_date - r.queued_at) * 1000 as ms from dag_run r join task_instance t on t.dag_run_id = r.id
       where r.id = any($1) and t.start_date is not null`,
      [ids],
    )
  await until(async () => (await started()).length === ids.length, 'the neighbours to start')
  const waits = (await started()).map((row) => Number(row.ms))
  add(
    `start beside a run of ${count}, p50 / p99 / max, ms`,
    `${show(median(waits))} / ${show(at(waits, 0.99))} / ${show(sorted(waits).at(-1), 0)}`,
    '– / – / 1,000',
    `${ids.length} runs of a neighbour`,
  )
}

/** The DAG of `measureNeighbour`. */
export const largeFile = (count) => ({ 'large.ts': manyDag('large', count) })

/** The first run of a deployment beside its fifth to ninth: processes, modules and compiled code are cold. */
export async function measureCold(env, add) {
  const { 'fan.ts': fan } = benchFiles({ sustained: 1, wide: 1, gate: '' })
  const d = await openDeployment({ files: { 'fan.ts': fan }, env })
  try {
    await until(async () => (await d.query('select 1 from dag')).length === 1, 'the DAG file')
    const rates = []
    for (let i = 0; i < 9; i++) rates.push(1002 / ((await runOnce(d, 'fan')).ms / 1000))
    const warm = median(rates.slice(4))
    add(
      'first 1,000 tasks of a cold deployment, tasks/s',
      `${show(rates[0], 0)}, ${show((100 * rates[0]) / warm, 0)} % of warm`,
      '60 %',
      `warm ${show(warm, 0)}`,
    )
  } finally {
    await d.close()
  }
}
