// A run of a scheduler with an `/api/v2`, and what its tables say of it: Baram's and Airflow's have the same names.

import { until } from '../deployment.mjs'
import { median } from '../numbers.mjs'
import { hopsOf } from '../runs.mjs'

/** How long a run may take, ms. */
const LIMIT_MS = 600_000
const ms = (column) => `(extract(epoch from ${column}) * 1000)::float8`

/** @param d `query` on its database, and `client` of its API */
async function runOf({ query, client }, dagId) {
  const calledAt = Date.now()
  const { dag_run_id: runId } = await client.post(`/api/v2/dags/${dagId}/dagRuns`, { logical_date: null })
  const [run] = await until(
    async () => {
      const rows = await query(
        `select state, ${ms('end_date')} - ${ms('queued_at')} as took from dag_run
         where dag_id = $1 and run_id = $2 and state in ('success', 'failed')`,
        [dagId, runId],
      )
      return rows.length > 0 && rows
    },
    `${dagId} to end`,
    LIMIT_MS,
  )
  if (run.state !== 'success') throw new Error(`${dagId} ended ${run.state}`)
  const instances = await query(
    `select ${ms('start_date')} as start from task_instance where dag_id = $1 and run_id = $2 order by start_date`,
    [dagId, runId],
  )
  return { calledAt, runId, took: run.took, starts: instances.map((row) => row.start) }
}

/**
 * @param d `query` on its database, and `client` of its API
 * @param dags by measure: DAG id; `sustained` is a root and tasks that run at once
 */
export function schedulerMeasures(d, dags) {
  const rate = async (dagId) => {
    const { starts, took } = await runOf(d, dagId)
    return starts.length / (took / 1000)
  }
  return {
    hop: async () => median(hopsOf((await runOf(d, dags.hop)).starts)),
    ...(dags.fan === undefined ? {} : { fan: () => rate(dags.fan) }),
    smallFan: () => rate(dags.smallFan),
    sustained: () => rate(dags.sustained),
    async trigger() {
      const { calledAt, starts } = await runOf(d, dags.one)
      return starts[0] - calledAt
    },
    async code() {
      const { calledAt, runId } = await runOf(d, dags.one)
      const [{ value }] = await d.query(
        "select value from xcom where dag_id = $1 and run_id = $2 and key = 'return_value'",
        [dags.one, runId],
      )
      return Number(value) - calledAt
    },
  }
}

/** Adds up over all processes. */
export const sumOf = (pids, measure) => pids.reduce((sum, pid) => sum + measure(pid), 0)
