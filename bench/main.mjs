// `npm run bench`: one table, each row beside its floor and a physical limit taken in the same run.

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { triggerRun } from '../dist/engine/runs/create.js'
import { benchFiles, head, profiledDag } from './dags.mjs'
import { openDeployment, until } from './deployment.mjs'
import { addHistory } from './history.mjs'
import { childrenOf, pss, rss } from './memory.mjs'
import { largeFile, measureCold, measureNeighbour } from './neighbours.mjs'
import { at, median, show, sorted } from './numbers.mjs'
import { profile, tellProfiles } from './profile.mjs'
import { postgresVersion, record, say } from './record.mjs'
import { commitLoop, hopsOf, runOnce } from './runs.mjs'
import { measureStreams } from './streams.mjs'

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    sustained: { type: 'string', default: '5000' },
    /** Finished task instances in the tables before anything is measured. */
    history: { type: 'string', default: '0' },
    /** Tasks of the run beside which a neighbour is started. */
    large: { type: 'string', default: '20000' },
    wide: { type: 'string', default: '10000' },
    /** host:port of a broker, for the rows of Kafka. */
    kafka: { type: 'string' },
    /** Nothing else. */
    streams: { type: 'boolean', default: false },
    /** Where the time of a task goes, and nothing else. */
    profile: { type: 'boolean', default: false },
    /** Tasks of the profiled run. */
    tasks: { type: 'string', default: '5000' },
    /** Keeps what is printed in docs/benchmarks.md. */
    record: { type: 'boolean', default: false },
    /** What the kept numbers must be read with. */
    note: { type: 'string' },
  },
})
const RUNS = Number(flags.runs)
const SUSTAINED = Number(flags.sustained)
/** Instances of the mapped task, and waits held at once. */
const WIDE = Number(flags.wide)
const gate = join(mkdtempSync(join(tmpdir(), 'baram-bench-gate-')), 'open')
const LARGE = Number(flags.large)
const files = { ...benchFiles({ sustained: SUSTAINED, wide: WIDE, gate }), ...largeFile(LARGE) }
const env = { BARAM__CORE__PARALLELISM: '64', BARAM__WORKERS__CONCURRENCY: '16' }
/** @param section of docs/benchmarks.md */
async function keep(d, section) {
  if (flags.record) record({ section, postgres: await postgresVersion(d), note: flags.note })
}

const add = (what, value, floor, limit) =>
  say(`${what.padEnd(46)} ${value.padEnd(34)} floor ${floor.padEnd(14)} ${limit}`)

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

const pidOf = async (d, jobType) =>
  (await d.query("select pid from job where state = 'running' and job_type = $1", [jobType]))[0].pid

/** One task with as many instances as allowed: each read one item of a list, and one task reads what all of them returned. */
async function measureMapped(d) {
  const run = await runOnce(d, 'mapped')
  const [{ value }] = await d.query("select value from xcom where dag_run_id = $1 and task_id = 'sum'", [run.dagRunId])
  if (value !== WIDE * (WIDE - 1)) throw new Error(`the mapped task's values sum up to ${value}`)
  const of = async (job) => Math.round(rss(await pidOf(d, job)))
  add(
    `mapped task of ${WIDE}, tasks/s`,
    `${show(WIDE / (run.ms / 1000), 0)} (${show(run.ms / 1000, 1)} s)`,
    '–',
    `worker ${await of('WorkerJob')} MB, scheduler ${await of('SchedulerJob')} MB`,
  )
}

/** As many waits as that, all held at once in one process; then all are let go. */
async function measureWaiting(d) {
  const { dagRunId } = await triggerRun(d, { dagId: 'waiting' }, { name: 'bench', via: 'cli' })
  const began = performance.now()
  const count = async (state) =>
    (
      await d.query('select count(*)::int as n from task_instance where dag_run_id = $1 and state = $2', [
        dagRunId,
        state,
      ])
    )[0].n
  await until(async () => (await count('deferred')) === WIDE, 'all to be deferred', 300_000)
  await until(
    async () =>
      (
        await d.query('select count(*)::int as n from trigger where dag_run_id = $1 and triggerer_id is not null', [
          dagRunId,
        ])
      )[0].n === WIDE,
    'the triggerer to hold all',
  )
  const deferredMs = performance.now() - began
  const scheduler = await pidOf(d, 'TriggererJob')
  // Two children of the scheduler's process: the one that parses files, and the one that holds the waits.
  const sizes = childrenOf(scheduler).map((pid) => Math.round(rss(pid)))
  const held = `scheduler ${Math.round(rss(scheduler))} MB, its children ${sizes.join(' and ')} MB`
  const opened = performance.now()
  writeFileSync(gate, '')
  await until(async () => (await count('success')) === WIDE + 1, 'all to go on', 300_000)
  add(
    `${WIDE} waits in one triggerer, s`,
    `${show(deferredMs / 1000, 1)} to defer, ${show((performance.now() - opened) / 1000, 1)} to go on`,
    '–',
    held,
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

if (flags.streams) {
  const alone = await openDeployment({ processes: [] })
  try {
    await measureStreams({ url: alone.server.url, kafka: flags.kafka, add })
    await keep(alone, 'Table')
  } finally {
    await alone.close()
  }
  process.exit(0)
}

async function profileTasks() {
  const folder = mkdtempSync(join(tmpdir(), 'baram-bench-profile-'))
  const all = { ...files, 'profiled.ts': profiledDag(folder) }
  const tasks = Number(flags.tasks)
  all['many.ts'] = all['many.ts'].replace(`i < ${SUSTAINED}`, `i < ${tasks}`)
  const d = await openDeployment({ files: all, env, profile: folder })
  try {
    await until(
      async () => (await d.query('select count(*)::int as n from dag'))[0].n === Object.keys(all).length,
      'all',
    )
    await runOnce(d, 'profiled')
    await profile(d, `${tasks} tasks cold`, tasks, () => runOnce(d, 'many'))
    await profile(d, `${tasks} tasks warm`, tasks, () => runOnce(d, 'many'))
    await runOnce(d, 'chain')
    await profile(d, 'five chains of 100', 500, async () => {
      for (let i = 0; i < 5; i++) await runOnce(d, 'chain')
    })
    await profile(d, 'fan-out of 1,000 and join', 1002, () => runOnce(d, 'fan'))
    await keep(d, 'Profile')
  } finally {
    await d.close()
  }
  tellProfiles(folder)
}

if (flags.profile) {
  await profileTasks()
  process.exit(0)
}

await measureCold(env, add)
const d = await openDeployment({ files, env })
try {
  await until(
    async () => (await d.query('select count(*)::int as n from dag'))[0].n === Object.keys(files).length,
    'all DAG files',
  )
  if (Number(flags.history) > 0) await addHistory(d, Number(flags.history))
  const commits = await commitLoop(d.query)
  const limit = `bare commit ${show(median(commits))} ms`
  say(`\n${RUNS} runs each, ${limit}, 2 cores shared by everything\n`)
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
    hops.push(...hopsOf((await runOnce(d, 'chain')).starts))
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

  await measureNeighbour(d, LARGE, add)
  await measureMapped(d)
  await measureWaiting(d)
  const saves = await saveToVisible(d)
  add(
    'save a DAG file → in the database, p50 / max, ms',
    `${show(median(saves), 0)} / ${show(sorted(saves).at(-1), 0)}`,
    '1,000',
    '20 files',
  )
  await memory(d, 'after all runs')
  await measureStreams({ url: d.server.url, kafka: flags.kafka, add })
  const [{ n }] = await d.query('select count(*)::int as n from task_queue')
  if (n !== 0) throw new Error(`${n} rows are left in task_queue`)
  await keep(d, 'Table')
} finally {
  await d.close()
}
