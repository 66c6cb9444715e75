// Brings the schema to this version: knex, one transaction a migration together with its version row, and one advisory
// lock for the whole, so that two processes that start together migrate once.

import type { Knex } from 'knex'
import { BaramError } from '../core/errors.ts'
import { pgCode } from './answers.ts'
import { type Database, normalizeUrl } from './database.ts'
import { watchBlockers } from './migration-blockers.ts'

/** The form of a migration (migrations/ holds them; the composition root hands them in). */
export interface SchemaMigration {
  readonly name: string
  readonly up: string
  readonly down: string
}

export interface SchemaState {
  readonly applied: readonly string[]
  readonly pending: readonly string[]
  /** Applied, but unknown to this version: a newer Baram was here. */
  readonly unknown: readonly string[]
}

/** Any constant: it names "Baram migrates" among the database's advisory locks. */
const MIGRATION_LOCK = 7_302_514
/** Tells our sessions from others. */
export const MIGRATOR = 'baram migrate'
/** Longer than any statement of ours runs (30 s): whoever holds a lock beyond that is not at work. ms */
const LOCK_TIMEOUT_MS = 60_000

export interface MigrateOptions {
  /** How long a lock is waited for, ms; default 60 s. */
  readonly lockTimeoutMs?: number
}

/** knex is loaded by whoever migrates, and by nobody else: it costs every process 15 MB. */
async function open(url: string): Promise<Knex> {
  const { default: knexPackage } = await import('knex')
  return knexPackage.knex({
    client: 'pg',
    connection: {
      connectionString: normalizeUrl(url),
      application_name: MIGRATOR,
      connectionTimeoutMillis: 10_000,
    },
    // Our lock, the migrations, and who is asked what both wait for.
    pool: { min: 0, max: 3 },
  })
}

const limitLocks = (trx: Knex, timeoutMs: number) =>
  trx.raw("select set_config('lock_timeout', ?, true)", [`${timeoutMs}ms`])

function source(migrations: readonly SchemaMigration[], timeoutMs: number): Knex.MigrationSource<SchemaMigration> {
  return {
    getMigrations: () => Promise.resolve([...migrations]),
    getMigrationName: (migration) => migration.name,
    getMigration: (migration) =>
      Promise.resolve({
        up: async (trx: Knex) => {
          await limitLocks(trx, timeoutMs)
          await trx.raw('set local search_path to baram')
          await trx.raw(migration.up)
        },
        down: async (trx: Knex) => {
          await trx.raw('set local search_path to baram')
          await trx.raw(migration.down)
        },
      }),
  }
}

const migratorOptions = (migrations: readonly SchemaMigration[], timeoutMs: number): Knex.MigratorConfig => ({
  migrationSource: source(migrations, timeoutMs),
  tableName: 'schema_migration',
  schemaName: 'baram',
  disableTransactions: false,
})

type Ask = <Row>(text: string) => Promise<readonly Row[]>

const askKnex =
  (db: Knex): Ask =>
  async <Row>(text: string) =>
    (await db.raw<{ rows: Row[] }>(text)).rows

/** A schema with `alembic_version` is a real Airflow's: never touched. */
async function refuseForeign(ask: Ask): Promise<void> {
  const [found] = await ask<{ schema: string }>(
    "select table_schema as schema from information_schema.tables where table_name = 'alembic_version' and table_schema in ('baram', 'public')",
  )
  if (found !== undefined) {
    throw new BaramError(
      'DATABASE_FOREIGN',
      `the schema "${found.schema}" of this database belongs to an Apache Airflow (it has a table alembic_version); give Baram a database of its own`,
    )
  }
}

async function stateOf(ask: Ask, migrations: readonly SchemaMigration[]): Promise<SchemaState> {
  const [table] = await ask<{ found: string | null }>("select to_regclass('baram.schema_migration')::text as found")
  const rows =
    table?.found == null ? [] : await ask<{ name: string }>('select name from baram.schema_migration order by id')
  const applied = rows.map((row) => row.name)
  const known = new Set(migrations.map((migration) => migration.name))
  return {
    applied,
    pending: migrations.map((migration) => migration.name).filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !known.has(name)),
  }
}

/** What is applied and what is missing. @throws BaramError DATABASE_FOREIGN */
export async function checkSchema(database: Database, migrations: readonly SchemaMigration[]): Promise<SchemaState> {
  const ask: Ask = async <Row>(text: string) => (await database.query<Row>(text)).rows
  await refuseForeign(ask)
  return stateOf(ask, migrations)
}

/** Names of the migrations that were applied, also of a newer version. */
export async function listAppliedMigrations(database: Database): Promise<readonly string[]> {
  const { rows } = await database.query<{ name: string }>('select name from baram.schema_migration order by id')
  return rows.map((row) => row.name)
}

async function migrateLocked(
  db: Knex,
  migrations: readonly SchemaMigration[],
  timeoutMs: number,
): Promise<readonly string[]> {
  return db.transaction(async (lock) => {
    await limitLocks(lock, timeoutMs)
    await lock.raw('select pg_advisory_xact_lock(?)', [MIGRATION_LOCK])
    await db.raw('create schema if not exists baram')
    const { pending, unknown } = await stateOf(askKnex(db), migrations)
    if (unknown.length > 0) {
      throw new BaramError(
        'DATABASE_AHEAD',
        `the database was migrated by a newer Baram (${unknown.join(', ')}); start that version, or restore a backup`,
      )
    }
    if (pending.length === 0) return pending
    const options = migratorOptions(migrations, timeoutMs)
    // Under our own lock nobody else migrates: knex's is one that a killed migrator left.
    await db.migrate.forceFreeMigrationsLock(options)
    await db.migrate.latest(options)
    return pending
  })
}

/**
 * Applies what is missing; returns the names.
 * @throws BaramError DATABASE_FOREIGN | DATABASE_AHEAD | DATABASE_LOCKED, naming who holds the lock
 */
export async function migrate(
  url: string,
  migrations: readonly SchemaMigration[],
  options: MigrateOptions = {},
): Promise<readonly string[]> {
  const timeoutMs = options.lockTimeoutMs ?? LOCK_TIMEOUT_MS
  const db = await open(url)
  const blockers = watchBlockers(askKnex(db), MIGRATOR, timeoutMs)
  try {
    await refuseForeign(askKnex(db))
    return await migrateLocked(db, migrations, timeoutMs)
  } catch (error) {
    if (pgCode(error) !== '55P03') throw error
    throw new BaramError(
      'DATABASE_LOCKED',
      `the migration waited ${timeoutMs / 1000} s for a lock that is held by ${blockers.describe()}; end that ` +
        `session (\`select pg_terminate_backend(<pid>)\`), then try again`,
      { cause: error },
    )
  } finally {
    await blockers.stop()
    await db.destroy()
  }
}
