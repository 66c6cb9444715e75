// One connection to Postgres for one task: parameters beside the text, exact values, cancelled with the attempt, always
// closed.

import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFromStdin } from 'pg-copy-streams'
import type { JsonValue } from '../../sdk/index.ts'
import type { ConnectionContext } from '../connection.ts'
import { type Connect, connectorOf } from './connect.ts'
import { copyText } from './copy.ts'
import { explained, PostgresError, PostgresResultTooLargeError } from './errors.ts'
import { numberParameters } from './statements.ts'
import { toParameter } from './values.ts'

/** How long a cancelled statement may take to end before its connection is cut. */
const CANCEL_MS = 2_000

/** For `$1`, `$2` … a list; for `:name` an object. Lists inside become arrays, objects JSON. */
export type PostgresParameters = readonly unknown[] | Readonly<Record<string, unknown>>

export type PostgresRow = { readonly [column: string]: JsonValue }

export interface QueryLimits {
  /** Of all rows as JSON; more is an error, and the statement is cancelled. Default: no limit. */
  readonly maxBytes?: number
  /** Rows of each statement to keep; those after are read and dropped. Default: all. */
  readonly maxRows?: number
}

/** What one statement gave. */
export interface StatementResult {
  /** `SELECT`, `INSERT` … */
  readonly command: string
  /** Rows it gave or changed; null when it is no such statement. */
  readonly rowCount: number | null
  /** null when it is a statement that gives none. */
  readonly rows: readonly PostgresRow[] | null
  /** Names in the order of the statement, which a row as an object does not keep for names such as `1`. */
  readonly columns: readonly string[]
}

export interface PostgresTable {
  readonly schema?: string
  readonly table: string
}

/** Whatever is in it, it is one name. */
export const quoteName = (name: string) => `"${name.replaceAll('"', '""')}"`

export function quoteTable(given: string | PostgresTable): string {
  const names =
    typeof given === 'string' ? given.split('.') : [given.schema, given.table].filter((name) => name !== undefined)
  return names.map(quoteName).join('.')
}

/** Two columns of one name would be one in a row: the first would be lost without a word. */
function checkColumns({ fields }: pg.QueryResult): void {
  const names = new Set<string>()
  for (const { name } of fields) {
    if (names.has(name))
      throw new PostgresError(`two columns of the result are named ${name}: give one another name with "as"`, null)
    names.add(name)
  }
}

/** Gathers what one query answers, within the limits. */
class Answers {
  readonly #limits: QueryLimits
  readonly #tooLarge: () => void
  readonly #rows = new Map<unknown, PostgresRow[]>()
  #bytes = 0
  isTooLarge = false

  constructor(limits: QueryLimits, tooLarge: () => void) {
    this.#limits = limits
    this.#tooLarge = tooLarge
  }

  add(row: PostgresRow, result: unknown): void {
    if (this.isTooLarge) return
    const { maxBytes, maxRows = Number.POSITIVE_INFINITY } = this.#limits
    const rows = this.#rows.get(result) ?? []
    this.#rows.set(result, rows)
    if (rows.length >= maxRows) return
    if (maxBytes !== undefined) this.#bytes += Buffer.byteLength(JSON.stringify(row)) + 1
    this.isTooLarge = maxBytes !== undefined && this.#bytes > maxBytes
    if (this.isTooLarge) this.#tooLarge()
    else rows.push(row)
  }

  resultOf(result: pg.QueryResult): StatementResult {
    checkColumns(result)
    const { command, rowCount, fields } = result
    const rows = fields.length === 0 ? null : (this.#rows.get(result) ?? [])
    return { command, rowCount, rows, columns: fields.map(({ name }) => name) }
  }
}

interface Opened {
  readonly client: pg.Client
  readonly pid: number
}

export class PostgresHook {
  readonly #client: pg.Client
  readonly #pid: number
  readonly #connect: Connect
  readonly #signal: AbortSignal
  #running = 0
  #isInTransaction = false
  #cutting: NodeJS.Timeout | undefined
  readonly #onAbort = () => void this.#stop()

  /** Use `openPostgres`. */
  constructor({ client, pid }: Opened, connect: Connect, signal: AbortSignal) {
    this.#client = client
    this.#pid = pid
    this.#connect = connect
    this.#signal = signal
    signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  /**
   * Rows of one statement. `bigint` and `numeric` come as numbers where JavaScript holds them exactly, else as texts;
   * `timestamptz` as ISO text in UTC; `timestamp`, `date`, `time`, `interval` as texts; `json` as JSON; `bytea` is
   * refused.
   * @throws PostgresError with the SQLSTATE
   */
  async query<T extends object = PostgresRow>(
    sql: string,
    parameters?: PostgresParameters,
    limits?: QueryLimits,
  ): Promise<readonly T[]> {
    const results = await this.run(sql, parameters, limits)
    // What a statement gives is the caller's claim.
    return (results.at(-1)?.rows ?? []) as readonly unknown[] as readonly T[]
  }

  /** As `query`, with what each statement did; a text of several statements takes no parameters. */
  async run(
    sql: string,
    parameters?: PostgresParameters,
    limits: QueryLimits = {},
  ): Promise<readonly StatementResult[]> {
    this.#signal.throwIfAborted()
    const numbered = Array.isArray(parameters)
      ? { text: sql, values: parameters as readonly unknown[] }
      : numberedSql(sql, parameters as Readonly<Record<string, unknown>> | undefined)
    return this.#watched(() => this.#submit(numbered.text, numbered.values.map(toParameter), limits))
  }

  /**
   * Writes rows by `COPY … FROM STDIN`, the fastest way in. All of them or none: an error, also one of `rows` itself,
   * leaves nothing.
   * @param table `name` or `schema.name`; for names with a dot in them `{ schema, table }`
   * @param options.batch rows a message; default 1000
   * @returns how many rows were written
   */
  async copyFrom(
    table: string | PostgresTable,
    columns: readonly string[],
    rows: AsyncIterable<readonly unknown[]> | Iterable<readonly unknown[]>,
    { batch = 1_000 }: { readonly batch?: number } = {},
  ): Promise<number> {
    this.#signal.throwIfAborted()
    const sql = `copy ${quoteTable(table)} (${columns.map(quoteName).join(', ')}) from stdin`
    return this.#watched(async () => {
      const idle = this.#idle()
      const stream = this.#client.query(copyFromStdin(sql))
      try {
        await pipeline(Readable.from(copyText(rows, columns, batch)), stream, { signal: this.#signal })
        return stream.rowCount
      } finally {
        // Rows that end with an error end the pipeline before the server has heard of it.
        await idle
      }
    })
  }

  /** Runs `body` in a transaction: committed when it returns, rolled back when it throws. They do not nest. */
  async transaction<T>(body: (postgres: this) => Promise<T>): Promise<T> {
    if (this.#isInTransaction) throw new Error('postgres.transaction: a transaction is open already; they do not nest')
    await this.run('begin')
    this.#isInTransaction = true
    try {
      const value = await body(this)
      const [done] = await this.run('commit')
      // Postgres answers so, without an error, when a statement inside had failed and nobody said so.
      if (done?.command === 'ROLLBACK')
        throw new PostgresError('a statement of the transaction had failed, so all of it was rolled back', '25P02')
      return value
    } catch (error) {
      // Without a connection there is nothing to roll back: Postgres has.
      await this.#submit('rollback', [], {}).catch(() => undefined)
      throw error
    } finally {
      this.#isInTransaction = false
    }
  }

  async close(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#onAbort)
    clearTimeout(this.#cutting)
    await this.#client.end().catch(() => undefined)
  }

  async #watched<T>(body: () => Promise<T>): Promise<T> {
    this.#running += 1
    try {
      return await body()
    } catch (error) {
      this.#signal.throwIfAborted()
      throw explained(error)
    } finally {
      this.#running -= 1
    }
  }

  #submit(text: string, values: readonly unknown[], limits: QueryLimits): Promise<readonly StatementResult[]> {
    return new Promise((resolve, reject) => {
      const query = new pg.Query<PostgresRow>({ text, values: [...values] })
      const answers = new Answers(limits, () => void this.#cancel())
      const tooLarge = () =>
        new PostgresResultTooLargeError(`the rows are larger than the limit of ${limits.maxBytes} bytes`)
      query.on('row', (row, result) => answers.add(row, result))
      query.on('error', (error) => reject(answers.isTooLarge ? tooLarge() : error))
      query.on('end', (result: pg.QueryResult | pg.QueryResult[]) => {
        if (answers.isTooLarge) return reject(tooLarge())
        try {
          resolve([result].flat().map((answer) => answers.resultOf(answer)))
        } catch (error) {
          reject(error)
        }
      })
      this.#client.query(query)
    })
  }

  /** Resolves when the server has answered all that is sent from now on, or the connection is gone. */
  async #idle(): Promise<void> {
    // The one that did not come is no longer listened for: a connection copies many times.
    const over = new AbortController()
    const { signal } = over
    await Promise.race([once(this.#client, 'drain', { signal }), once(this.#client, 'end', { signal })]).catch(
      () => undefined,
    )
    over.abort()
  }

  /** Asks the server to end what runs here; only another connection can. */
  async #cancel(): Promise<void> {
    const other = await this.#connect()
    try {
      await other.query('select pg_cancel_backend($1)', [this.#pid])
    } finally {
      await other.end()
    }
  }

  /** The attempt must stop: cancel, and cut the connection if that does not help. */
  async #stop(): Promise<void> {
    if (this.#running === 0) return
    this.#cutting = setTimeout(() => this.#cut(), CANCEL_MS)
    await this.#cancel().catch(() => this.#cut())
  }

  #cut(): void {
    // `pg` has no word for it: `end()` waits for what runs.
    const { connection } = this.#client as unknown as { readonly connection: { readonly stream: { destroy(): void } } }
    connection.stream.destroy()
  }
}

const numberedSql = (sql: string, parameters: Readonly<Record<string, unknown>> | undefined) =>
  parameters === undefined ? { text: sql, values: [] } : numberParameters(sql, parameters)

export interface OpenPostgres {
  /** Seconds a statement may take; then Postgres cancels it. Default: the server's own `statement_timeout`. */
  readonly timeout?: number
}

/**
 * Dates as this room reads them, whatever the server's or the role's settings; and who we are, to be able to cancel.
 */
const SET_UP = `select pg_backend_pid() as pid, set_config('datestyle', 'ISO', false),
  set_config('intervalstyle', 'postgres', false),
  set_config('statement_timeout', coalesce($1, current_setting('statement_timeout')), false)`

/** `dagctl standalone` keeps a connection to its own database for data, apart from the metadata. */
const EMBEDDED_ID = 'embedded_postgres'

/** Without a `postgres_default` of the user's own, the embedded database takes its place, said so in the log. */
async function idOrEmbedded(op: Pick<ConnectionContext, 'client' | 'log'>, connId: string): Promise<string> {
  if (connId !== 'postgres_default' || (await op.client.getConnection(connId)) !== null) return connId
  if ((await op.client.getConnection(EMBEDDED_ID)) === null) return connId
  op.log.info({ connId }, 'no such connection: using the embedded database of this host')
  return EMBEDDED_ID
}

/**
 * Connects to the database of a connection of type postgres: `host`, `port` (5432), `login`, `password`, `schema` (the
 * database), and in the extra libpq's `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, `connect_timeout`, `options`.
 * Close what you get. Notices go to the log.
 * @throws ConnectionUnusableError when the connection is missing or cannot be used, PostgresError when the server
 * refuses
 */
export async function openPostgres(
  op: Omit<ConnectionContext, 'embeddedRoot'>,
  connId = 'postgres_default',
  { timeout }: OpenPostgres = {},
): Promise<PostgresHook> {
  op.signal.throwIfAborted()
  const connect = await connectorOf(op, await idOrEmbedded(op, connId))
  let client: pg.Client | undefined
  try {
    client = await connect()
    client.on('notice', ({ severity, message }) => op.log.info({ severity }, message ?? ''))
    const milliseconds = timeout === undefined ? null : String(Math.max(1, Math.round(timeout * 1_000)))
    const { rows } = await client.query<{ pid: number }>(SET_UP, [milliseconds])
    return new PostgresHook({ client, pid: rows[0]?.pid ?? 0 }, connect, op.signal)
  } catch (error) {
    await client?.end().catch(() => undefined)
    throw explained(error)
  }
}
