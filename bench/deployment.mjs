// A whole deployment for measuring: embedded Postgres with its defaults (durable), scheduler and worker as processes.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { Supervisor } from '../dist/cli/supervise.js'
import { makeHome, noteDatabaseUrl, openOn } from '../dist/cli/wire.js'
import { migrations } from '../dist/migrations/index.js'
import { loadConfig } from '../dist/runtime/config.js'
import { makeLogger } from '../dist/runtime/logger.js'
import { acquireHomeLock } from '../dist/services/home-lock.js'
import { startEmbeddedPostgres } from '../dist/services/postgres/index.js'
import { migrate } from '../dist/store/migrate.js'

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms))

/** Waits until `check` gives something; the deadline is generous, the measure is taken from the database's own clock. */
export async function until(check, what, limitMs = 120_000) {
  const end = performance.now() + limitMs
  for (;;) {
    const found = await check()
    if (found) return found
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms in vain for ${what}`)
    await sleep(5)
  }
}

/**
 * @param profile folder for CPU profiles of the processes; Postgres then counts statements too
 * @param postgres settings of the server over ours, e.g. for others that share it
 */
export async function openDeployment({
  env = {},
  files = {},
  processes = ['scheduler', 'worker', 'webserver'],
  profile,
  postgres = {},
} = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'baram-bench-'))
  const home = join(folder, 'home')
  const dags = join(folder, 'dags')
  mkdirSync(dags)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dags, name), text)
  const settings = {
    ...process.env,
    BARAM_HOME: home,
    BARAM__CORE__DAGS_FOLDER: dags,
    BARAM__CORE__LOAD_EXAMPLES: 'False',
    BARAM__CORE__KILLED_TASK_CLEANUP_TIME: '2',
    BARAM__LOGGING__LOGGING_LEVEL: 'warn',
    ...env,
  }
  const config = loadConfig(settings)
  const log = makeLogger('bench', 'error')
  makeHome(config)
  const lock = await acquireHomeLock(home)
  const counting = profile === undefined ? {} : { shared_preload_libraries: 'pg_stat_statements' }
  const server = await startEmbeddedPostgres({ home, log, settings: { ...counting, ...postgres } })
  noteDatabaseUrl(config, server.url)
  await migrate(server.url, migrations)
  const context = openOn(config, log, server.url, 'bench', true, async () => {})
  const pids = {}
  const supervisor = new Supervisor(
    processes.map((name) => ({
      name,
      args: name === 'webserver' ? [name, '--port', '0'] : [name],
      ...(profile === undefined
        ? {}
        : { nodeArgs: ['--cpu-prof', '--cpu-prof-interval=100', `--cpu-prof-dir=${profile}`] }),
    })),
    { env: settings, logFolder: config.logFolder, onExit() {} },
  )
  const failed = await supervisor.start()
  if (failed.length > 0) throw new Error(`${failed} did not start; see ${config.logFolder}`)
  const sql = new pg.Client({ connectionString: server.url, options: '-c search_path=baram' })
  await sql.connect()
  if (profile !== undefined) await sql.query('create extension if not exists pg_stat_statements')
  return {
    ...context,
    sql,
    dags,
    home,
    pids,
    server,
    async query(text, values) {
      return (await sql.query(text, values)).rows
    },
    webUrl: supervisor.urlOf('webserver'),
    /** The server stays. */
    stopProcesses: () => supervisor.stop(4_000),
    async close() {
      await sql.end()
      await supervisor.stop(4_000)
      await context.close()
      await server.stop()
      await lock.release()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
