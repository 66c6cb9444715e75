// Baram itself: scheduler, worker and webserver as processes on the shared Postgres.

import { readFileSync } from 'node:fs'
import { chainDag, fanDag, manyDag, oneDag } from '../dags.mjs'
import { sleep, until } from '../deployment.mjs'
import { pss, rss, treeOf } from '../memory.mjs'
import { cpuOf } from '../profile.mjs'
import { schedulerMeasures, sumOf } from './scheduler-runs.mjs'
import { apiMeasures, latency, openClient } from './web.mjs'

/** DAG files and settings of its deployment. */
export const baramSetup = ({ concurrency, sizes }) => ({
  files: {
    'chain.ts': chainDag('chain', sizes.chain),
    'fan.ts': fanDag('fan', 1000),
    'small_fan.ts': fanDag('small_fan', 50),
    'many.ts': manyDag('many', sizes.sustained),
    'one.ts': oneDag,
  },
  env: {
    BARAM__CORE__PARALLELISM: String(concurrency),
    BARAM__WORKERS__CONCURRENCY: String(concurrency),
    BARAM__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS: 'True',
  },
})

/** Processes at rest use less of this window than the limit, ms. */
const REST_WINDOW_MS = 3_000
const REST_CPU_MS = 150

/** After the files are read their types are checked once, by a compiler that takes memory of its own for some seconds. */
const untilAtRest = (pids) =>
  until(async () => {
    const before = sumOf(pids(), cpuOf)
    await sleep(REST_WINDOW_MS)
    return Math.abs(sumOf(pids(), cpuOf) - before) < REST_CPU_MS
  }, 'Baram to be at rest')

/** @param d its deployment */
export async function openBaram(d, { concurrency, sizes }) {
  await until(async () => (await d.query('select count(*)::int as n from dag'))[0].n === 5, 'all DAG files')
  const client = await openClient(d.webUrl.replace(/\/$/, ''))
  const jobs = await d.query(
    "select pid from job where state = 'running' and job_type in ('SchedulerJob', 'WorkerJob', 'WebserverJob')",
  )
  const pids = () => jobs.flatMap((job) => treeOf(job.pid))
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  const notes = {
    hop: `chain of ${sizes.chain}`,
    sustained: `one run of ${sizes.sustained} tasks`,
    trigger: 'POST of a run until start_date of its task',
    code: 'POST of a run',
    page: 'one request, drawn by the server, up to 36 runs',
  }
  return {
    title: 'Baram',
    about:
      `${version}, parallelism and worker concurrency ${concurrency}; processes: ` +
      'scheduler with triggerer and dag-processor, worker with its children, webserver',
    notes,
    measures: {
      ...schedulerMeasures(
        { query: d.query, client },
        { hop: 'chain', fan: 'fan', smallFan: 'small_fan', sustained: 'many', one: 'one' },
      ),
      ...apiMeasures(client, notes),
      page: () => latency(() => client.text('/dags/small_fan')),
      async rss() {
        await untilAtRest(pids)
        notes.rss = `${pids().length} processes`
        return sumOf(pids(), rss)
      },
      pss: async () => sumOf(pids(), pss),
    },
    close: () => d.stopProcesses(),
  }
}
