// The composition root: settings, log, database, vault. Everything else gets them handed in.

import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BaramError } from '../core/errors.ts'
import { Vault } from '../engine/admin/vault.ts'
import { RunCache } from '../engine/transaction/run-cache.ts'
import { migrations } from '../migrations/index.ts'
import { type Config, loadConfig } from '../runtime/config.ts'
import { type DestinationStream, type Logger, makeLogger } from '../runtime/logger.ts'
import { loadKey, type SecretBox, secretBox } from '../runtime/secrets.ts'
import { acquireHomeLock } from '../services/home-lock.ts'
import { startEmbeddedPostgres } from '../services/postgres/index.ts'
import { type Database, openDatabase } from '../store/database.ts'
import { checkSchema } from '../store/migrate.ts'
import { SchemaWatch } from '../store/schema-watch.ts'

/** Everything a command or process needs; close it at the end. */
export interface Context {
  readonly config: Config
  readonly log: Logger
  readonly database: Database
  readonly runCache: RunCache
  readonly vault: Vault
  readonly box: SecretBox
  /** Looks for a newer schema once it is started. */
  readonly schema: SchemaWatch
  close(): Promise<void>
}

/** Makes the home; the keys inside are closed to others (the home itself is open: Postgres' own user passes through it). */
export function makeHome(config: Config): void {
  mkdirSync(config.home, { recursive: true })
  mkdirSync(join(config.home, 'keys'), { recursive: true, mode: 0o700 })
  chmodSync(join(config.home, 'keys'), 0o700)
  mkdirSync(config.logFolder, { recursive: true })
}

/** @throws BaramError HOME_MISSING */
export function requireHome(config: Config): void {
  if (existsSync(join(config.home, 'keys'))) return
  throw new BaramError(
    'HOME_MISSING',
    `there is no Baram home at ${config.home}; run \`dagctl standalone\` or \`dagctl db init\` there, or point BARAM_HOME to the right folder`,
  )
}

const urlFile = (config: Config) => join(config.home, 'keys', 'database.url')

/** Leaves the embedded server's URL for other commands of this home; the file is as private as the keys beside it. */
export function noteDatabaseUrl(config: Config, url: string): void {
  const temporary = `${urlFile(config)}.${process.pid}`
  writeFileSync(temporary, `${url}\n`, { mode: 0o600 })
  renameSync(temporary, urlFile(config))
}

export function forgetDatabaseUrl(config: Config): void {
  rmSync(urlFile(config), { force: true })
}

function readNotedUrl(config: Config): string | null {
  try {
    return readFileSync(urlFile(config), 'utf8').trim()
  } catch {
    return null // No standalone runs here.
  }
}

async function answers(url: string, log: Logger): Promise<boolean> {
  const database = openDatabase({ url, poolSize: 1, log, application: 'dagctl probe' })
  try {
    await database.query('select 1')
    return true
  } catch {
    return false
  } finally {
    await database.close()
  }
}

interface Reached {
  readonly url: string
  release(): Promise<void>
}

/** How long a standalone that starts or stops is waited for, ms: it holds the home, and nothing answers. */
const STANDALONE_MS = 30_000
const LOOK_MS = 200

/** The embedded Postgres, for this command alone. */
async function startForCommand(config: Config, log: Logger): Promise<Reached> {
  const lock = await acquireHomeLock(config.home, true)
  try {
    const server = await startEmbeddedPostgres({ home: config.home, log })
    return {
      url: server.url,
      async release() {
        await server.stop()
        await lock.release()
      },
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** The configured database, the embedded one of a running standalone, or the embedded one started for this command alone. */
async function reachDatabase(config: Config, log: Logger): Promise<Reached> {
  if (config.databaseUrl !== null) return { url: config.databaseUrl, release: () => Promise.resolve() }
  requireHome(config)
  for (const start = performance.now(); ; await new Promise((done) => setTimeout(done, LOOK_MS))) {
    const noted = readNotedUrl(config)
    if (noted !== null && (await answers(noted, log))) return { url: noted, release: () => Promise.resolve() }
    try {
      return await startForCommand(config, log)
    } catch (error) {
      const isLocked = error instanceof BaramError && error.code === 'POSTGRES_LOCKED'
      if (!isLocked || performance.now() - start > STANDALONE_MS) throw error
    }
  }
}

/** The metadata's database if it runs and has our schema; null otherwise. Starts nothing and makes nothing. */
export async function openRunning(config: Config, log: Logger): Promise<Database | null> {
  const url = config.databaseUrl ?? readNotedUrl(config)
  if (url === null || !(await answers(url, log))) return null
  const database = openDatabase({ url, poolSize: 1, log, application: 'dagctl check' })
  const { pending, unknown } = await checkSchema(database, migrations)
  if (pending.length + unknown.length === 0) return database
  await database.close()
  return null
}

async function requireSchema(database: Database): Promise<void> {
  const { pending, unknown } = await checkSchema(database, migrations)
  if (unknown.length > 0)
    throw new BaramError(
      'DATABASE_AHEAD',
      `the database was migrated by a newer Baram (${unknown.join(', ')}); use that version`,
    )
  if (pending.length > 0)
    throw new BaramError('DATABASE_BEHIND', `the database lacks ${pending.join(', ')}; run \`dagctl db migrate\``)
}

export interface OpenOptions {
  /** Stands in the log and in pg_stat_activity. */
  readonly name: string
  /** Level when the settings say nothing: commands are quiet, processes are not. */
  readonly level?: string
  /** Also make what is missing (db init, standalone). */
  readonly isCreating?: boolean
  /** Skip the check of the schema (db commands). */
  readonly isRaw?: boolean
  readonly logTo?: DestinationStream
}

/** Opens everything; fails with one sentence when something is missing. */
export async function openContext(options: OpenOptions): Promise<Context> {
  const config = loadConfig()
  const log = makeLogger(options.name, options.level ?? config.logLevel, options.logTo)
  if (options.isCreating === true) makeHome(config)
  const reached = await reachDatabase(config, log)
  try {
    const context = openOn(config, log, reached.url, options.name, options.isCreating === true, () => reached.release())
    if (options.isRaw !== true) {
      await requireSchema(context.database).catch(async (error: unknown) => {
        await context.database.close()
        throw error
      })
    }
    return context
  } catch (error) {
    await reached.release()
    throw error
  }
}

/** As above, on a database that is known to be there. */
export function openOn(
  config: Config,
  log: Logger,
  url: string,
  name: string,
  isCreating: boolean,
  release: () => Promise<void>,
): Context {
  const box = secretBox(loadKey(config.home, 'secret', isCreating))
  const database = openDatabase({ url, poolSize: config.poolSize, log, application: `baram ${name}` })
  const { variableOverrides, connectionOverrides, sensitiveNames } = config
  return {
    config,
    log,
    database,
    box,
    runCache: new RunCache(),
    schema: new SchemaWatch({ database, log, known: migrations.map((migration) => migration.name) }),
    vault: new Vault({ database, box, variableOverrides, connectionOverrides, sensitiveNames }),
    async close() {
      await database.close()
      await release()
    },
  }
}
