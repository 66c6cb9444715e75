// `npm run bench`: one table, each row beside its floor and a physical limit taken in the same run.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { triggerRun } from '../dist/engine/create-run.js'
import { openDeployment, until } from './deployment.mjs'

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    sustained: { type: 'string', default: '5000' },
    history: { type: 'string', default: '0' },
  },
})
const RUNS = Number(flags.runs)
const SUSTAINED = Number(flags.sustained)

const head = "import { Dag } from 'baram'\n"
const files = {
  'chain.ts': `${head}const dag = new Dag('chain', { isPausedUponCreation: false })
let last = dag.task('t000', () => {})()
for (let i = 1; i < 100; i++) last = dag.task('t' + String(i).padStart(3, '0'), () => {})().after(last)
export default dag
`,
  'fan.ts': `${head}const dag = new Dag('fan', { isPausedUponCreation: false, maxActiveTasks: 100000 })
const root = dag.task('root', () => {})()
const join = dag.task('join', () => {})()
for (let i = 0; i < 1000; i++) dag.task('t' + i, () => {})().after(root).before(join)
export default dag
`,
  'many.ts': `${head}const dag = new Dag('many', { isPausedUponCreation: false, maxActiveTasks: 16 })
const root = dag.task('root', () => {})()
for (let i = 0; i < ${SUSTAINED}; i++) dag.task('t' + i, () => {})().after(root)
export default dag
`,
  'one.ts': `${head}export const dag = new Dag('one', { isPausedUponCreation: false })
dag.task('only', () => { console.log('here', Date.now()) })()
`,
}

const sorted = (list) => [...list].sort((a, b) => a - b)
const at = (list, share) => sorted(list)[Math.min(list.length - 1, Math.floor(list.length * share))]
const median = (list) => at(list, 0.5)
const show = (x, digits = 2) => (x === undefined ? '–' : x.toFixed(digits))

const rows = []
const add = (what, value, floor, limit) => {
  rows.push([what, value, floor, limit])
  console.log(`${what.padEnd(46)} ${value.padEnd(34)} floor ${floor.padEnd(14)} ${limit}`)
}

async function commitLoop(d, count = 300) {
  await d.query('create table if not exists bench_commit (id int primary key, n int)')
  await d.query('insert into bench_commit values (1, 0) on conflict do nothing')
  const times = []
  for (let i = 0; i < count; i++) {
    const began = performance.now()
    await d.query('update bench_commit set n = n + 1 where id = 1')
    times.push(performance.now() - began)
  }
  return times
}

async function runOnce(d, dagId) {
  const calledAt = Date.now()
  const { dagRunId, runId } = await triggerRun(d.database, d.boards, { dagId, triggeredBy: 'cli', user: 'bench' })
  await until(
    async () =>
      (await d.query("select state from dag_run where id = $1 and state in ('success','failed')", [dagRunId]))[0],
    `${dagId} to end`,
  )
  const [run] = await d.query(
    'select state, extract(epoch from queued_at) * 1000 as queued, extract(epoch from end_date) * 1000 as ended from dag_run where id = $1',
    [dagRunId],
  )
  if (run.state !== 'success') throw new Error(`${dagId} ended ${run.state}`)
  const starts = (
    await d.query(
      'select extract(epoch from start_date) * 1000 as s from task_instance where dag_run_id = $1 order by start_date',
      [dagRunId],
    )
  ).map((row) => Number(row.s))
  return { dagRunId, runId, calledAt, ms: Number(run.ended) - Number(run.queued), queued: Number(run.queued), starts }
}

const rss = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024

const childrenOf = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)

/** Proportional set size, so that what Postgres' processes share is counted once, MB. */
const pss = (pid) => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1024

async function memory(d, label) {
  const jobs = await d.query(
    "select distinct job_type, pid from job where state = 'running' and job_type in ('SchedulerJob', 'WorkerJob', 'WebserverJob') order by 1",
  )
  const parts = jobs.map((job) => `${job.job_type.replace('Job', '').toLowerCase()} ${Math.round(rss(job.pid))}`)
  const worker = jobs.find((job) => job.job_type === 'WorkerJob')
  const sizes = childrenOf(worker.pid).map(rss)
  const postgres = [d.server.pid, ...childrenOf(d.server.pid)].reduce((sum, pid) => sum + pss(pid), 0)
  add(
    `memory ${label}, MB`,
    parts.join(', '),
    '250 / 150 MB',
    `${sizes.length} children of ${show(median(sizes), 0)} MB, Postgres ${show(postgres, 0)} MB`,
  )
}

async function saveToVisible(d) {
  const times = []
  for (let i = 0; i < 20; i++) {
    const id = `saved_${i}`
    const began = performance.now()
    writeFileSync(join(d.dags, `${id}.ts`), `${head}export const dag = new Dag('${id}')\ndag.task('a', () => {})()\n`)
    await until(async () => (await d.query('select 1 from dag where dag_id = $1', [id]))[0], id)
    times.push(performance.now() - began)
  }
  return times
}

const d = await openDeployment({ files, env: { BARAM__CORE__PARALLELISM: '64', BARAM__WORKERS__CONCURRENCY: '16' } })
try {
  await until(
    async () => (await d.query('select count(*)::int as n from dag'))[0].n === Object.keys(files).length,
    'all DAG files',
  )
  const commits = await commitLoop(d)
  const limit = `bare commit ${show(median(commits))} ms`
  console.log(`\n${RUNS} runs each, ${limit}, 2 cores shared by everything\n`)
  await memory(d, 'idle')
  for (let i = 0; i < 3; i++) await runOnce(d, 'one')

  const triggers = []
  const lines = []
  for (let i = 0; i < Math.max(20, RUNS); i++) {
    const run = await runOnce(d, 'one')
    triggers.push(run.starts[0] - run.queued)
    const path = join(d.config.logFolder, 'dag_id=one', `run_id=${run.runId}`, 'task_id=only', 'attempt=1.log')
    const text = await until(async () => {
      try {
        return /here (\d+)/.exec(readFileSync(path, 'utf8'))
      } catch {
        return null
      }
    }, 'the log line')
    lines.push(Number(text[1]) - run.calledAt)
  }
  add(
    'trigger → task running, p50 / p99, ms',
    `${show(median(triggers))} / ${show(at(triggers, 0.99))}`,
    '25 / –',
    limit,
  )
  add('trigger → first line of user code, p50, ms', show(median(lines)), '–', limit)

  await runOnce(d, 'chain')
  const hops = []
  for (let i = 0; i < RUNS; i++) {
    const { starts } = await runOnce(d, 'chain')
    for (let n = 1; n < starts.length; n++) hops.push(starts[n] - starts[n - 1])
  }
  add(
    'chain of 100, a hop, p50 / p99, ms',
    `${show(median(hops))} / ${show(at(hops, 0.99))}`,
    '8 / 40',
    `${show(median(hops) / median(commits), 1)} × a bare commit`,
  )

  const fans = []
  for (let i = 0; i < RUNS; i++) fans.push(1002 / ((await runOnce(d, 'fan')).ms / 1000))
  add(
    'fan-out 1,000 + join, tasks/s',
    `${show(median(fans), 0)} [${show(sorted(fans)[0], 0)}–${show(sorted(fans).at(-1), 0)}]`,
    '1,500',
    `${show((median(fans) * median(commits)) / 1000, 2)} tasks a bare commit`,
  )

  const many = await runOnce(d, 'many')
  const quarter = Math.floor(many.starts.length / 4)
  const slope = (many.starts.at(-1) - many.starts.at(-quarter)) / (many.starts[quarter] - many.starts[1])
  add(
    `sustained ${SUSTAINED}, tasks/s`,
    `${show(SUSTAINED / (many.ms / 1000), 0)}, last ÷ first quarter ${show(slope)}`,
    '1,500',
    limit,
  )

  const saves = await saveToVisible(d)
  add(
    'save a DAG file → in the database, p50 / max, ms',
    `${show(median(saves), 0)} / ${show(sorted(saves).at(-1), 0)}`,
    '1,000',
    '20 files',
  )
  await memory(d, 'after all runs')
  const [{ n }] = await d.query('select count(*)::int as n from live')
  if (n !== 0) throw new Error(`${n} rows are left in live`)
} finally {
  await d.close()
}
