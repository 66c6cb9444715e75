// The faults. Each is called at a moment when tasks run, and returns once it is over; what a checker must know of it (who
// held what when it began) is kept as a fact.

import pg from 'pg'
import { signal, sleep, waitFor } from './tools.mjs'

/** A lease, and what its observers may add to it by their own heartbeats, ms. */
const LEASE_MS = 10_000
/** docs/reliability.md fault D10 asks for 15 s; the machine may be busy with something else. */
const UNLOCK_LIMIT_MS = 25_000

/** Attempts that a worker holds now. */
const heldBy = (deployment, jobId) =>
  deployment.query(
    "select dag_run_id, ti_id, task_id, epoch from task_queue where stage = 'running' and worker_id = $1 order by ti_id",
    [jobId],
  )

/** By the database's clock, which writes the ledger. */
const databaseNow = async (deployment) => (await deployment.query('select clock_timestamp()::text as now'))[0].now

async function busyWorker({ deployment, chance }) {
  return waitFor('a worker that holds attempts', 60_000, async () => {
    for (const job of chance.shuffle(await deployment.jobs('worker')))
      if ((await heldBy(deployment, job.id)).length > 0) return job
    return null
  })
}

const someJob = async ({ deployment, chance }, kind) =>
  chance.pick(
    await waitFor(`a living ${kind}`, 60_000, async () => {
      const jobs = await deployment.jobs(kind)
      return jobs.length > 0 ? jobs : null
    }),
  )

async function kill(world, job) {
  signal(job.pid, 'SIGKILL')
  await waitFor(`the successor of ${job.entry.name}`, 60_000, async () =>
    (await world.deployment.jobs(job.entry.kind)).some(({ entry, pid }) => entry === job.entry && pid !== job.pid),
  )
  return `${job.entry.name}, pid ${job.pid}`
}

async function killChild(world) {
  const { deployment, chance } = world
  const pid = await waitFor('a child', 30_000, async () => {
    const { entry } = await busyWorker(world)
    return chance.pick(deployment.childrenOf(entry))
  })
  signal(pid, 'SIGKILL')
  return `pid ${pid}`
}

/** Frozen and thawed: after its lease everything it held belongs to others, and what it says then must not count. */
async function stop(world, kind, ms) {
  const { deployment, facts } = world
  const job = kind === 'worker' ? await busyWorker(world) : await someJob(world, kind)
  const held = kind === 'worker' ? await heldBy(deployment, job.id) : []
  const from = await databaseNow(deployment)
  signal(job.pid, 'SIGSTOP')
  await sleep(ms)
  const to = await databaseNow(deployment)
  signal(job.pid, 'SIGCONT')
  const isLost = ms >= LEASE_MS + 3_000
  facts.push({ kind: 'stopped', process: kind, jobId: job.id, from, to, isLost, held })
  if (isLost) {
    await waitFor(`the successor of ${job.entry.name}`, 60_000, async () =>
      (await deployment.jobs(kind)).some(({ entry, id }) => entry === job.entry && id !== job.id),
    )
  }
  return `${job.entry.name} for ${(ms / 1000).toFixed(1)} s, it held ${held.length} attempts${isLost ? '; its lease ran out' : ''}`
}

/** Shorter than the lease, or clearly longer: what lies between may end either way. */
const stopTime = ({ chance }, isLong) => (isLong ? chance.between(13_500, 15_000) : chance.between(3_000, 8_000))

/** A worker's COMMIT is under way for seconds while its client sees the connection break. */
async function lateCommit(world) {
  const { chance } = world
  const { entry } = await busyWorker(world)
  const ms = chance.between(5_000, 15_000)
  const caught = entry.proxy.holdBack('commit')
  const held = await Promise.race([caught, sleep(20_000)])
  if (held === undefined) throw new Error(`${entry.name} committed nothing for 20 s`)
  await sleep(ms)
  await held.letThrough()
  return `${entry.name}, ${(ms / 1000).toFixed(1)} s late`
}

/** A session that looks like a worker's takes a lock amid its transaction and is never heard of again. */
async function openFrozen({ deployment }, job, sql, limitMs) {
  const client = new pg.Client({
    connectionString: deployment.postgres.url,
    application_name: job.session,
    // What the product's own sessions live under; a worker that is killed besides needs no such limit.
    options: `-c search_path=baram -c lock_timeout=10000 -c idle_in_transaction_session_timeout=${limitMs}`,
  })
  client.on('error', () => {})
  await client.connect()
  await client.query('begin')
  const { rows } = await client.query(sql)
  return { client, runs: rows.map(({ id }) => Number(id)) }
}

const RUN_LOCK =
  "select id from dag_run where id in (select dag_run_id from task_queue where dag_id = 'storm' and stage = 'running') order by id for update"
const ADMISSION_LOCK = "select pg_advisory_xact_lock(hashtext('baram.admission')), null as id"

async function frozenHolder(world, sql, isKilled) {
  const { deployment, facts } = world
  const job = await busyWorker(world)
  const { client, runs } = await openFrozen(world, job, sql, isKilled ? 0 : 8_000)
  const count = async () => {
    const [{ n }] = await deployment.query("select count(*)::int as n from ti_event where to_state = 'success'")
    return n
  }
  const before = await count()
  const began = performance.now()
  if (isKilled) signal(job.pid, 'SIGKILL')
  // Over when its session is gone and whoever waited for it goes on.
  const isGone = async () => {
    const [{ n }] = await deployment.query('select count(*)::int as n from pg_stat_activity where pid = $1', [
      client.processID,
    ])
    return n === 0 && (await count()) > before
  }
  const ms = await waitFor('the end of the lock', 60_000, isGone, 100).then(() => performance.now() - began)
  await client.end().catch(() => {})
  facts.push({ kind: 'frozen', ms, limitMs: UNLOCK_LIMIT_MS })
  const what = sql === RUN_LOCK ? `the lock of ${runs.length} run(s)` : 'the admission lock'
  return `${what} in the name of ${job.entry.name}${isKilled ? ', which was killed' : ''}: free after ${Math.round(ms)} ms`
}

/** The server says that it is down: everybody stays up and keeps what it holds. */
async function outage({ deployment, facts, outageMs }) {
  const before = deployment.pids()
  const held = await deployment.query(
    "select dag_run_id, ti_id, task_id, epoch from task_queue where stage = 'running' order by ti_id",
  )
  const from = await databaseNow(deployment)
  await deployment.withoutPostgres('SIGINT', outageMs)
  // Observers count a lease anew from their first look: who was taken for dead would be found out within one.
  await sleep(LEASE_MS + 2_000)
  facts.push({ kind: 'outage', from, to: await databaseNow(deployment), before, after: deployment.pids(), held })
  return `${outageMs / 1000} s, ${held.length} attempts were running`
}

/** By name; `isOdd` alternates between the two forms that some of them have. */
const FAULTS = {
  'kill-scheduler': async (world) => kill(world, await someJob(world, 'scheduler')),
  'kill-worker': async (world) => kill(world, await busyWorker(world)),
  'kill-child': killChild,
  'kill-webserver': async (world) => kill(world, await someJob(world, 'webserver')),
  async 'kill-postgres'({ deployment }) {
    await deployment.withoutPostgres('SIGKILL', 0)
    return 'started again at once'
  },
  'stop-scheduler': (world, isOdd) => stop(world, 'scheduler', stopTime(world, isOdd)),
  'stop-worker': (world, isOdd) => stop(world, 'worker', stopTime(world, !isOdd)),
  'late-commit': lateCommit,
  'frozen-holder': (world, isOdd) => frozenHolder(world, world.chance.pick([RUN_LOCK, ADMISSION_LOCK]), isOdd),
  outage,
}

export const FAULT_NAMES = Object.keys(FAULTS)

/** Every fault once, in an order of the seed's, and again. */
export function makePlan(chance, names, cycles) {
  const plan = []
  if (names.length === 0) return plan
  for (let round = 0; plan.length < cycles; round++)
    for (const name of chance.shuffle(names)) plan.push({ name, isOdd: round % 2 === 1 })
  return plan.slice(0, cycles)
}

export const inject = ({ name, isOdd }, world) => FAULTS[name](world, isOdd)
