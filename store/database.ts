// Connections to the metadata database: the pool, transactions, the one writing connection of a process, and how values
// come back (instants as epoch milliseconds, counts as numbers). docs/reliability.md rule 15 holds for every one of them.

import type { Duplex } from 'node:stream'
import type pg from 'pg'
import { BaramError, messageOf } from '../core/errors.ts'
import { randomText } from '../runtime/ids.ts'
import type { Logger } from '../runtime/logger.ts'
import { isConnectionError, pgCode } from './answers.ts'
import { DoubtfulBackends } from './doubtful.ts'
import { Client, Pool, types as pgTypes } from './pg.ts'
import type { QueryResult, Sql } from './sql.ts'

/** A connection of its own, outside the pool. */
export type Connection = pg.Client

export interface DatabaseOptions {
  readonly url: string
  readonly poolSize: number
  readonly log: Logger
  /** Shown in pg_stat_activity. */
  readonly application: string
}

export interface Database extends Sql {
  /** Runs `body` in one transaction on a pooled connection; retried (≤ 5 times, with growing pauses) on the named codes alone. */
  transaction<T>(body: (tx: Sql) => Promise<T>): Promise<T>
  /** A connection of its own, for LISTEN or for the hot writer. The caller ends it. */
  connect(kind: 'listen' | 'writer'): Promise<pg.Client>
  /**
   * The connection of a caller's own broke under a statement: what was sent may still come into force. The next statement
   * of this process waits until the server's side of it is gone. The connection is destroyed.
   */
  abandon(client: Connection): void
  /** How the pool is used now. */
  poolUse(): { readonly total: number; readonly idle: number; readonly waiting: number }
  /** Names this process' sessions among all others of the server. */
  readonly session: string
  close(): Promise<void>
  readonly url: string
}

/** Codes after which repeating the whole transaction can help: serialization, deadlock, lock timeout. */
const RETRYABLE = new Set(['40001', '40P01', '55P03'])
const MAX_ATTEMPTS = 5

/** 1 s for a connection on loopback is long; a pool that waits longer has no free connection. */
const CONNECT_TIMEOUT_MS = 10_000
const STATEMENT_TIMEOUT_MS = 30_000
const LOCK_TIMEOUT_MS = 10_000
/** Below the lease (10 s): who freezes amid a transaction must not keep its locks until others give up (docs/reliability.md rule 23). */
const IDLE_IN_TRANSACTION_MS = 8_000

const TIMESTAMPTZ = 1184
const INT8 = 20

/** `2024-03-18 09:00:00.123456+00` to epoch ms. Sessions run in UTC, so the offset is always +00. */
function readInstant(value: string): number {
  return Date.parse(`${value.slice(0, 10)}T${value.slice(11).replace(/\+00$/, 'Z')}`)
}

const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === TIMESTAMPTZ) return readInstant
    if (oid === INT8) return Number
    // pg's own table: its typings give the parser of any type as a function of the text.
    return pgTypes.getTypeParser(oid, format) as (value: string) => unknown
  },
}

/** Postgres' own form of a URL that Airflow or SQLAlchemy would take (`postgresql+psycopg2://…`). */
export function normalizeUrl(url: string): string {
  const plain = url.replace(/^postgres(ql)?(\+[a-z0-9]+)?:\/\//, 'postgresql://')
  if (!plain.startsWith('postgresql://'))
    throw new BaramError(
      'CONFIG_INVALID',
      'the database URL must start with postgresql://; Baram keeps its metadata in Postgres only',
    )
  return plain
}

/** `application_name` holds 63 bytes; the end makes it this process' alone. */
const sessionName = (application: string): string => `${application.slice(0, 45)} ${randomText(12)}`

function clientConfig(options: DatabaseOptions, session: string): pg.ClientConfig {
  return {
    connectionString: normalizeUrl(options.url),
    application_name: session,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + 5_000,
    types,
    options: [
      '-c search_path=baram',
      '-c timezone=UTC',
      '-c jit=off',
      `-c statement_timeout=${STATEMENT_TIMEOUT_MS}`,
      `-c lock_timeout=${LOCK_TIMEOUT_MS}`,
      `-c idle_in_transaction_session_timeout=${IDLE_IN_TRANSACTION_MS}`,
    ].join(' '),
  }
}

/** Plans of hot statements must not change as tables grow (docs/dispatch.md#traps: the generic plan). */
const HOT_SESSION =
  'set plan_cache_mode=force_generic_plan; set enable_seqscan=off; set enable_hashjoin=off; set ' +
  'enable_mergejoin=off; set random_page_cost=0.1; set cpu_tuple_cost=0.5'

/**
 * Holds back what a client writes until this turn of the event loop is over: the statements of a transaction leave in one write. A
 * system call a statement was a quarter of a worker's time.
 */
function gatherWrites(client: pg.ClientBase): void {
  // pg has its socket there, of which its types tell nothing.
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Duplex } }).connection
  if (stream.writableCorked > 0) return
  stream.cork()
  process.nextTick(() => stream.uncork())
}

/** Sends statements to one pg client. @param gathers those sent one after the other leave together */
export function sqlOf(client: pg.ClientBase, gathers = false): Sql {
  return {
    async query<Row>(text: string, values: readonly unknown[] = [], name?: string): Promise<QueryResult<Row>> {
      const config = name === undefined ? { text, values: [...values] } : { text, values: [...values], name }
      if (gathers) gatherWrites(client)
      const result = await client.query<Row & pg.QueryResultRow>(config)
      return { rows: result.rows, rowCount: result.rowCount ?? 0 }
    },
  }
}

function unavailable(cause: unknown): BaramError {
  return new BaramError('DATABASE_UNAVAILABLE', `the metadata database does not answer: ${messageOf(cause)}`, { cause })
}

/** The connection broke under COMMIT: the change may count or not. */
const unknownFate = (cause: unknown): BaramError =>
  new BaramError(
    'DATABASE_UNAVAILABLE',
    'the connection to the metadata database broke while the change was being stored; whether it was is not known: look before you repeat it',
    { cause, details: { fate: 'unknown' } },
  )

/** Opens the pool. Nothing is sent until the first statement. */
export function openDatabase(options: DatabaseOptions): Database {
  const session = sessionName(options.application)
  const config = clientConfig(options, session)
  const doubtful = new DoubtfulBackends()
  const pool = new Pool({
    ...config,
    max: options.poolSize,
    idleTimeoutMillis: 60_000,
    allowExitOnIdle: false,
    // Awaited by the pool, whatever its types say.
    onConnect: (client) => doubtful.note(client) as unknown as undefined,
  })
  pool.on('error', (error) => options.log.warn({ err: messageOf(error) }, 'an idle database connection was lost'))
  // A checked-out client has no listener of its own: without one, its loss would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined))

  const checkout = async () => {
    let client: pg.PoolClient
    try {
      client = await pool.connect()
    } catch (cause) {
      throw unavailable(cause)
    }
    try {
      if (!doubtful.isEmpty) await doubtful.settle(sqlOf(client))
      return client
    } catch (error) {
      client.release(true)
      throw error
    }
  }

  /** A client that broke or timed out is destroyed, never used again (docs/reliability.md rule 15). */
  const giveBack = (client: pg.PoolClient, error: unknown) => {
    const isBroken = isConnectionError(error)
    if (isBroken) doubtful.add(client)
    client.release(isBroken)
  }

  const once = async <T>(body: (tx: Sql) => Promise<T>): Promise<T> => {
    const client = await checkout()
    let failure: unknown
    let isCommitting = false
    try {
      await client.query('begin')
      const result = await body(sqlOf(client))
      isCommitting = true
      await client.query('commit')
      return result
    } catch (error) {
      failure = error
      if (!isConnectionError(error))
        await client.query('rollback').catch((cause: unknown) => {
          failure = cause
        })
      throw isCommitting && isConnectionError(error) ? unknownFate(error) : error
    } finally {
      giveBack(client, failure)
    }
  }

  return {
    url: options.url,
    async query<Row>(text: string, values: readonly unknown[] = [], name?: string) {
      const client = await checkout()
      let failure: unknown
      try {
        return await sqlOf(client).query<Row>(text, values, name)
      } catch (error) {
        failure = error
        throw error
      } finally {
        giveBack(client, failure)
      }
    },
    async transaction(body) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await once(body)
        } catch (error) {
          if (attempt >= MAX_ATTEMPTS || !RETRYABLE.has(pgCode(error) ?? '')) throw error
          await new Promise((done) => setTimeout(done, attempt * 20))
        }
      }
    },
    async connect(kind) {
      const client = new Client({ ...config, pipeline: kind === 'writer' })
      client.on('error', (error) => options.log.warn({ err: messageOf(error), kind }, 'a database connection was lost'))
      try {
        await client.connect()
        await doubtful.note(client)
        if (kind === 'writer') {
          await client.query(HOT_SESSION)
          if (!doubtful.isEmpty) await doubtful.settle(sqlOf(client))
        }
      } catch (cause) {
        await client.end().catch(() => undefined)
        throw unavailable(cause)
      }
      return client
    },
    abandon(client) {
      doubtful.add(client)
      void client.end().catch(() => undefined)
    },
    poolUse: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    session,
    async close() {
      await pool.end()
    },
  }
}
