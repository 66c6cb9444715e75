// The deployment under test: a Postgres of its own, two schedulers, two workers and a web server, each a process of the
// built product, started again when it ends as a service manager would. The workers reach the database through proxies.

import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { transform } from 'esbuild'
import { CALENDAR, dagFile, POOLS } from './dags.mjs'
import { childrenOf, isAlive, makeQuery, signal, sleep, waitFor } from './tools.mjs'

const PAUSE_MS = 500
const STOP_LIMIT_MS = 30_000
const JOB_TYPES = { scheduler: 'SchedulerJob', worker: 'WorkerJob', webserver: 'WebserverJob' }
/** Nothing here survives a power cut, and nothing needs to: a killed server's pages are still the machine's. */
const SETTINGS = { fsync: 'off', full_page_writes: 'off', max_connections: '150' }

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

/** The tests' own proxy, which is TypeScript, made readable for plain Node. */
async function loadProxy(folder) {
  const source = readFileSync(fileURLToPath(new URL('../support/late-proxy.ts', import.meta.url)), 'utf8')
  const path = join(folder, 'late-proxy.mjs')
  writeFileSync(path, (await transform(source, { loader: 'ts', format: 'esm' })).code)
  return import(pathToFileURL(path).href)
}

export class Deployment {
  /** @param product folder that holds the built product (`dist/`) */
  constructor({ folder, product, diary, tasks, minutes }) {
    Object.assign(this, { folder, product, diary, tasks })
    this.home = join(folder, 'home')
    this.dags = join(folder, 'dags')
    this.witness = join(folder, 'witness')
    this.logs = join(this.home, 'logs')
    this.startDate = new Date(Math.floor(Date.now() / 60_000) * 60_000 - minutes * 60_000)
    this.program = join(product, 'dist', 'cli', 'main.js')
    this.processes = []
    this.isStopping = false
    this.query = makeQuery(() => this.postgres.url)
    /** Ends that nobody asked for, beside those of the faults. */
    this.restarts = []
  }

  async start() {
    for (const path of [this.dags, this.witness]) mkdirSync(path)
    chmodSync(this.folder, 0o755) // Postgres' own user passes through it.
    await this.startPostgres()
    const url = this.postgres.url
    const { startLateProxy } = await loadProxy(this.folder)
    this.proxies = [await startLateProxy(url), await startLateProxy(url)]
    execFileSync(process.execPath, [this.program, 'db', 'init'], {
      env: this.env(url),
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    for (const [pool, slots] of Object.entries(POOLS))
      await this.query('insert into slot_pool (pool, slots) values ($1, $2)', [pool, slots])
    this.port = await freePort()
    const startDate = this.startDate.toISOString()
    writeFileSync(join(this.dags, 'chaos.ts'), dagFile({ witness: this.witness, tasks: this.tasks, startDate }))
    this.add('scheduler-1', ['scheduler'], url)
    this.add('scheduler-2', ['scheduler'], url)
    for (const [i, proxy] of this.proxies.entries())
      this.add(`worker-${i + 1}`, ['worker', '--concurrency', '14'], proxy.url).proxy = proxy
    this.add('webserver', ['webserver', '--port', String(this.port)], url)
    await waitFor('the DAGs', 60_000, async () => (await this.query('select 1 from dag')).length === 4)
    await waitFor('both workers', 30_000, async () => (await this.jobs('worker')).length === 2)
  }

  env(url) {
    return {
      ...process.env,
      BARAM_HOME: this.home,
      BARAM__DATABASE__SQL_ALCHEMY_CONN: url,
      BARAM__CORE__DAGS_FOLDER: this.dags,
      BARAM__CORE__LOAD_EXAMPLES: 'False',
      BARAM__CORE__PARALLELISM: '64',
      BARAM__CORE__KILLED_TASK_CLEANUP_TIME: '2',
      BARAM__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS: 'True',
    }
  }

  async startPostgres() {
    const { startEmbeddedPostgres } = await import(
      pathToFileURL(join(this.product, 'dist', 'services', 'postgres', 'index.js')).href
    )
    const home = join(this.folder, 'postgres')
    mkdirSync(home, { recursive: true })
    const log = { info() {}, warn() {} }
    this.postgres = await startEmbeddedPostgres({ home, log, settings: SETTINGS })
  }

  /** The server is away meanwhile, and says so: a proxy that took connections and dropped them would be silence. */
  async withoutPostgres(name, ms) {
    await Promise.all(this.proxies.map((proxy) => proxy.refuse(true)))
    const { pid } = this.postgres
    signal(pid, name)
    await waitFor('the end of Postgres', 60_000, () => !isAlive(pid))
    await sleep(ms)
    await this.startPostgres()
    await Promise.all(this.proxies.map((proxy) => proxy.refuse(false)))
  }

  add(name, args, url) {
    const entry = { name, kind: args[0], args, url, child: null, proxy: null }
    this.processes.push(entry)
    this.spawn(entry)
    return entry
  }

  spawn(entry) {
    const log = join(this.folder, `${entry.name}.log`)
    const child = spawn(process.execPath, [this.program, ...entry.args, '--log-file', log], {
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: this.env(entry.url),
    })
    entry.child = child
    child.on('exit', (code, name) => {
      if (this.isStopping) return
      const why = name ?? `code ${code}`
      this.restarts.push({ name: entry.name, why })
      this.diary(`${entry.name} (pid ${child.pid}) ended: ${why}`)
      setTimeout(() => this.isStopping || this.spawn(entry), PAUSE_MS)
    })
  }

  /** Living jobs of a kind, with the process entry that each belongs to. */
  async jobs(kind) {
    const rows = await this.query(
      "select id, pid, info ->> 'session' as session from job where job_type = $1 and state = 'running' order by id",
      [JOB_TYPES[kind]],
    )
    return rows.flatMap(({ id, pid, session }) => {
      const entry = this.processes.find(({ child }) => child.pid === pid)
      return entry === undefined || !isAlive(pid) ? [] : [{ id: Number(id), pid, session, entry }]
    })
  }

  pids() {
    const kept = this.processes.filter(({ kind }) => kind !== 'webserver')
    return Object.fromEntries(kept.map(({ name, child }) => [name, child.pid]))
  }

  childrenOf(entry) {
    return childrenOf(entry.child.pid)
  }

  /** Asks for a run over REST, again until it is answered: 409 says that an unanswered request had been served. */
  async trigger(dagId, runId) {
    return waitFor(
      `a trigger of ${dagId}`,
      90_000,
      async () => {
        try {
          const answer = await fetch(`http://127.0.0.1:${this.port}/api/v2/dags/${dagId}/dagRuns`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ dag_run_id: runId, logical_date: null }),
            signal: AbortSignal.timeout(10_000),
          })
          await answer.text()
          return answer.ok || answer.status === 409
        } catch {
          return false // The web server is down, or the answer was lost.
        }
      },
      200,
    )
  }

  /** SIGTERM for all. @returns what did not end as it should */
  async stop() {
    this.isStopping = true
    const problems = []
    const all = this.processes.flatMap((entry) => [entry.child.pid, ...this.childrenOf(entry)])
    for (const { child } of this.processes) signal(child.pid, 'SIGTERM')
    const began = performance.now()
    for (const { name, child } of this.processes) {
      const left = () => !isAlive(child.pid)
      await waitFor(`the end of ${name}`, Math.max(0, STOP_LIMIT_MS - (performance.now() - began)), left).catch(
        (error) => {
          problems.push(error.message)
          signal(child.pid, 'SIGKILL')
        },
      )
    }
    await waitFor('the end of all children', 10_000, () => !all.some(isAlive)).catch(() => {
      for (const pid of all.filter(isAlive)) {
        problems.push(`process ${pid} is left`)
        signal(pid, 'SIGKILL')
      }
    })
    return { problems, checked: all.length }
  }

  async stopPostgres() {
    await Promise.all((this.proxies ?? []).map((proxy) => proxy.close()))
    await this.postgres?.stop()
  }

  /** Minutes that are due by the database's clock, epoch ms. */
  async dueDates(slackMs) {
    const [{ now }] = await this.query('select (extract(epoch from clock_timestamp()) * 1000)::float8 as now')
    const dates = []
    for (let at = this.startDate.getTime(); at <= now - slackMs; at += 60_000) dates.push(at)
    return dates
  }

  async hasCaughtUp() {
    const due = await this.dueDates(5_000)
    const rows = await this.query(
      "select count(*)::int as n from dag_run where dag_id = $1 and run_type = 'scheduled' and state = 'success'",
      [CALENDAR.dagId],
    )
    return rows[0].n >= due.length
  }
}
