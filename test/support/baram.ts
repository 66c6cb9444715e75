// A running deployment for end-to-end tests: the built product's own processes on a fresh database of the test server.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import type { JsonObject } from '../../core/json.ts'
import { triggerRun } from '../../engine/runs/create.ts'
import { RunCache } from '../../engine/transaction/run-cache.ts'
import { openDatabase } from '../../store/database.ts'
import { quietLog } from './engine.ts'
import { makeHome } from './launch-postgres.ts'
import { startTestPostgres } from './postgres.ts'
import { vaultOf } from './vault.ts'

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface TestBaram {
  readonly home: string
  /** Of its metadata. */
  readonly databaseUrl: string
  readonly dags: string
  /** Runs a `dagctl` command. */
  dagctl(...args: string[]): Promise<CommandResult>
  /** As above, parsed from `-o json`. */
  dagctlJson(...args: string[]): Promise<readonly Record<string, unknown>[]>
  /** Starts a run, as `dagctl trigger` does, without a process of its own; its run id. */
  trigger(dagId: string, conf?: JsonObject): Promise<string>
  writeDag(name: string, text: string): void
  query<Row extends Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>
  /** Starts a process of the product; resolves when it is ready. */
  start(name: 'scheduler' | 'worker' | 'webserver', ...args: string[]): Promise<ChildProcess>
  stop(): Promise<void>
}

/** Waits for a condition of another process; a deadline instead of a sleep of guessed length. */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  limitMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + limitMs
  for (;;) {
    const found = await check()
    if (found !== null && found !== undefined && found !== false) return found
    if (performance.now() > deadline) throw new Error(`waited ${limitMs} ms in vain for ${what}`)
    await new Promise((done) => setTimeout(done, 20))
  }
}

function runCommand(args: readonly string[], env: NodeJS.ProcessEnv): Promise<CommandResult> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr })
    })
  })
}

function launch(name: string, args: readonly string[], env: NodeJS.ProcessEnv, logFile: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, name, ...args, '--log-file', logFile], {
    env,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve(child))
    child.once('exit', (code) =>
      reject(new Error(`${name} ended with ${code} before it was ready; see ${readFileSync(logFile, 'utf8')}`)),
    )
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await gone
  clearTimeout(timer)
}

/** A home, a DAGs folder and a migrated database; no process runs yet. */
export async function startBaram(settings: Readonly<Record<string, string>> = {}): Promise<TestBaram> {
  const server = await startTestPostgres()
  const url = await server.createDatabase()
  const home = await makeHome()
  const dags = join(home, 'dags')
  mkdirSync(dags)
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    BARAM_HOME: join(home, 'baram'),
    BARAM__DATABASE__SQL_ALCHEMY_CONN: url,
    BARAM__CORE__DAGS_FOLDER: dags,
    BARAM__CORE__LOAD_EXAMPLES: 'False',
    BARAM__CORE__KILLED_TASK_CLEANUP_TIME: '1',
    // Each deployment would run the compiler beside its test.
    BARAM__DAG_PROCESSOR__CHECK_TYPES: 'False',
    NO_COLOR: '1',
    ...settings,
  }
  const processes: ChildProcess[] = []
  const client = new pg.Client({ connectionString: url, options: '-c search_path=baram' })
  const init = await runCommand(['db', 'init'], env)
  if (init.code !== 0) throw new Error(`db init failed: ${init.stderr}`)
  await client.connect()
  const database = openDatabase({ url, poolSize: 1, log: quietLog, application: 'e2e test' })
  const runCache = new RunCache()
  const dagctl = (...args: string[]) => runCommand(args, env)
  return {
    home: join(home, 'baram'),
    databaseUrl: url,
    dags,
    dagctl,
    async dagctlJson(...args) {
      const { code, stdout, stderr } = await dagctl(...args, '-o', 'json')
      if (stdout.trim() === '') throw new Error(`dagctl ${args.join(' ')} ended with ${code}: ${stderr}`)
      return JSON.parse(stdout) as Record<string, unknown>[]
    },
    async trigger(dagId, conf = {}) {
      return (
        await triggerRun(
          { database, runCache, vault: vaultOf({ database }) },
          { dagId, conf },
          { name: 'test', via: 'cli' },
        )
      ).runId
    },
    writeDag(name, text) {
      writeFileSync(join(dags, name), text)
    },
    async query<Row extends Record<string, unknown>>(text: string, values: readonly unknown[] = []) {
      return (await client.query<Row>(text, [...values])).rows
    },
    async start(name, ...args) {
      const child = await launch(name, args, env, join(home, `${name}.log`))
      processes.push(child)
      return child
    },
    async stop() {
      await Promise.all(processes.map(end))
      await client.end()
      await database.close()
      await server.stop()
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** Triggers a run and waits until it has ended; its state. */
export async function runToEnd(
  baram: TestBaram,
  dagId: string,
  conf: JsonObject = {},
): Promise<{ runId: string; state: string }> {
  const runId = await baram.trigger(dagId, conf)
  const state = await eventually(`run ${runId} of ${dagId} to end`, async () => {
    const [row] = await baram.query<{ state: string }>(
      "select state from dag_run where dag_id = $1 and run_id = $2 and state in ('success', 'failed')",
      [dagId, runId],
    )
    return row?.state
  })
  return { runId, state }
}
