// Apache Airflow with the LocalExecutor on the shared Postgres: api-server, scheduler, dag-processor and triggerer as processes.

import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { until } from '../deployment.mjs'
import { pss, rss, treeOf } from '../memory.mjs'
import { freePort } from './redis.mjs'
import { schedulerMeasures, sumOf } from './scheduler-runs.mjs'
import { apiMeasures, latency, openClient } from './web.mjs'

/** Its shapes are smaller: a task takes a process of its own. */
const CHAIN = 10
const SUSTAINED = 100
const DAGS = ['chain', 'small_fan', 'many', 'one']
const COMPONENTS = ['api-server', 'scheduler', 'dag-processor', 'triggerer']
const START_MS = 180_000
const STOP_MS = 15_000
const dagFile = fileURLToPath(new URL('airflow-dags.py', import.meta.url))
const pins = fileURLToPath(new URL('airflow-requirements.txt', import.meta.url))
/** What it is pinned at, e.g. `3.3.2`. */
const airflowVersion = () => /^apache-airflow==(\S+)$/m.exec(readFileSync(pins, 'utf8'))[1]

function settings({ home, url, port, concurrency }) {
  const own = {
    CORE__EXECUTOR: 'LocalExecutor',
    CORE__PARALLELISM: concurrency,
    CORE__MAX_ACTIVE_TASKS_PER_DAG: concurrency,
    CORE__LOAD_EXAMPLES: 'False',
    CORE__DAGS_FOLDER: join(home, 'dags'),
    CORE__DAGS_ARE_PAUSED_AT_CREATION: 'False',
    CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS: 'True',
    CORE__EXECUTION_API_SERVER_URL: `http://127.0.0.1:${port}/execution/`,
    DATABASE__SQL_ALCHEMY_CONN: url.replace('postgresql:', 'postgresql+psycopg2:'),
    API__HOST: '127.0.0.1',
    API__PORT: port,
    API__SECRET_KEY: randomBytes(16).toString('hex'),
    API_AUTH__JWT_SECRET: randomBytes(32).toString('hex'),
    LOGGING__LOGGING_LEVEL: 'WARNING',
  }
  const named = Object.entries(own).map(([name, value]) => [`AIRFLOW__${name}`, String(value)])
  const bench = { AIRFLOW_HOME: home, BENCH_CHAIN: String(CHAIN), BENCH_SUSTAINED: String(SUSTAINED) }
  return { ...process.env, ...Object.fromEntries(named), ...bench }
}

/** @throws Error with the last lines it printed */
const command = (program, args, env) =>
  new Promise((resolve, reject) => {
    execFile(program, args, { env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else
        reject(new Error(`airflow ${args.join(' ')}: ${`${stdout}${stderr}`.trim().split('\n').slice(-3).join(' ')}`))
    })
  })

/** A component in a process group of its own; its output goes to a file of the home. */
function launch(program, name, { env, home }) {
  const output = openSync(join(home, `${name}.out`), 'a')
  const child = spawn(program, [name], { env, stdio: ['ignore', output, output], detached: true })
  const gone = new Promise((resolve) => child.once('exit', resolve))
  const kill = (signal) => {
    try {
      process.kill(-child.pid, signal)
    } catch (error) {
      if (error.code !== 'ESRCH') throw error // Its group has ended.
    }
  }
  return {
    pid: child.pid,
    async stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => kill('SIGKILL'), STOP_MS)
      await gone
      clearTimeout(timer)
      kill('SIGKILL')
    },
  }
}

/** What a browser asks for to draw the page of a DAG: the shell, then the grid's three requests at once. */
async function readPage(client, dagId) {
  await client.text(`/dags/${dagId}`)
  const runs = await client.get(`/ui/grid/runs/${dagId}?limit=10&order_by=-run_after`)
  const ids = runs.map((run) => `run_ids=${encodeURIComponent(run.run_id)}`).join('&')
  await Promise.all([
    client.text(`/ui/grid/structure/${dagId}?limit=10&order_by=-run_after`),
    client.text(`/ui/grid/ti_summaries/${dagId}?${ids}`),
  ])
}

/** What a component said last; nothing when it has said nothing. */
const lastLine = (file) => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').at(-1) : '')

async function waitForDags(query, base) {
  let client
  await until(
    async () => {
      client = await openClient(base).catch(() => null) // It does not listen yet.
      return client !== null
    },
    'the api-server',
    START_MS,
  )
  await until(
    async () => (await query('select count(*)::int as n from serialized_dag'))[0].n === DAGS.length,
    'its DAG files',
    START_MS,
  )
  return client
}

/**
 * @param folder where it is installed
 * @param url of its database on the shared server
 * @throws Error when it does not start; nothing of it runs then
 */
export async function openAirflow({ folder, url, concurrency }) {
  const program = join(folder, 'bin', 'airflow')
  const home = mkdtempSync(join(tmpdir(), 'baram-bench-airflow-'))
  mkdirSync(join(home, 'dags'))
  copyFileSync(dagFile, join(home, 'dags', 'bench.py'))
  const port = await freePort()
  const env = settings({ home, url, port, concurrency })
  const sql = new pg.Client({ connectionString: url })
  const processes = []
  const close = async () => {
    await Promise.all(processes.map((component) => component.stop()))
    await sql.end()
    rmSync(home, { recursive: true, force: true })
  }
  try {
    await sql.connect()
    await command(program, ['db', 'migrate'], env)
    for (const name of COMPONENTS) processes.push(launch(program, name, { env, home }))
    const query = async (text, values) => (await sql.query(text, values)).rows
    const client = await waitForDags(query, `http://127.0.0.1:${port}`)
    const notes = notesOf(processes)
    return { ...describe(concurrency), notes, measures: measuresOf({ query, client, processes, notes }), close }
  } catch (error) {
    const last = COMPONENTS.map((name) => lastLine(join(home, `${name}.out`))).filter(Boolean)
    await close()
    throw new Error([error.message, ...last].join('; '), { cause: error })
  }
}

const treesOf = (processes) => processes.flatMap((component) => treeOf(component.pid))

const notesOf = (processes) => ({
  hop: `chain of ${CHAIN}`,
  sustained: `one run of ${SUSTAINED} tasks`,
  trigger: 'POST of a run until start_date of its task',
  code: 'POST of a run',
  rss: `${treesOf(processes).length} processes`,
  page: 'the shell, then the three requests of its grid for up to 10 runs; its script, and drawing, not counted',
})

function measuresOf({ query, client, processes, notes }) {
  const dags = { hop: 'chain', smallFan: 'small_fan', sustained: 'many', one: 'one' }
  const pids = () => treesOf(processes)
  return {
    ...schedulerMeasures({ query, client }, dags),
    ...apiMeasures(client, notes),
    page: () => latency(() => readPage(client, 'small_fan')),
    rss: async () => sumOf(pids(), rss),
    pss: async () => sumOf(pids(), pss),
  }
}

const describe = (concurrency) => ({
  title: 'Apache Airflow',
  isSlow: true,
  about:
    `${airflowVersion()}, LocalExecutor, parallelism and max_active_tasks_per_dag ${concurrency}, other settings its defaults; processes: ` +
    `${COMPONENTS.join(', ')}. Measured after the others, which have ended: its own loops would take their time`,
  cannot: { fan: 'not measured: minutes a run; the next row has a size for it' },
})
