// One in-memory DuckDB for one task: limits set, downloads off, every statement cancellable.
//
// A DuckDB *file* can be open in one process only, so nothing is kept in it: tables are Parquet files and views over them.
// The module is loaded on first use (70 MB): a DAG file that only names an operator must stay cheap to parse.

import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'

export interface DuckDbLimits {
  /** As DuckDB writes sizes. Default `512MB`. */
  readonly memoryLimit?: string
  /** Default 2. */
  readonly threads?: number
  /** Where sorts and tables beyond the memory limit spill. Default: they fail instead. */
  readonly tempDirectory?: string
}

export interface StatementOptions {
  /** Ends the statement when it aborts. Default: nothing does. */
  readonly signal?: AbortSignal | undefined
  /** Default: no limit but the task's own. */
  readonly timeoutMs?: number | undefined
}

/** A value as DuckDB's exact JSON has it: BIGINT, DECIMAL and timestamps are text, so that no digit is lost. */
export type ExactValue =
  | string
  | number
  | boolean
  | null
  | readonly ExactValue[]
  | { readonly [key: string]: ExactValue }
export type ExactRow = Readonly<Record<string, ExactValue>>

export interface ExactResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly rows: readonly ExactRow[]
}

export class StatementTimedOut extends Error {
  override readonly name = 'StatementTimedOut'
  readonly timeoutMs: number
  constructor(timeoutMs: number, options?: ErrorOptions) {
    super(`the statement took longer than its limit of ${timeoutMs} ms and was cancelled`, options)
    this.timeoutMs = timeoutMs
  }
}

export class DuckDbSession {
  readonly connection: DuckDBConnection
  readonly #instance: DuckDBInstance

  constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance
    this.connection = connection
  }

  async run(sql: string, options: StatementOptions = {}): Promise<void> {
    await this.#guarded(() => this.connection.run(sql), options)
  }

  async query(sql: string, options: StatementOptions = {}): Promise<ExactResult> {
    const reader = await this.#guarded(() => this.connection.runAndReadAll(sql), options)
    const types = reader.columnTypes()
    return {
      columns: reader.columnNames().map((name, i) => ({ name, type: String(types[i]) })),
      rows: reader.getRowObjectsJson(),
    }
  }

  /**
   * The texts of a statement's only column, some thousands at a time: nothing else of the result is held. Until it is read to
   * its end, the session must be asked nothing else.
   */
  async *texts(sql: string, options: StatementOptions = {}): AsyncGenerator<readonly string[]> {
    const result = await this.#guarded(() => this.connection.stream(sql), options)
    for (;;) {
      const chunk = await this.#guarded(() => result.fetchChunk(), options)
      if (chunk === null || chunk.rowCount === 0) return
      yield chunk.getColumnValues(0).map(String)
    }
  }

  close(): void {
    this.connection.closeSync()
    this.#instance.closeSync()
  }

  /** DuckDB stops within milliseconds of `interrupt()`; what it then throws is told as what really ended the statement. */
  async #guarded<T>(statement: () => Promise<T>, { signal, timeoutMs }: StatementOptions): Promise<T> {
    signal?.throwIfAborted()
    const interrupt = () => this.connection.interrupt()
    let timedOut = false
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true
            interrupt()
          }, timeoutMs)
    signal?.addEventListener('abort', interrupt, { once: true })
    try {
      return await statement()
    } catch (cause) {
      if (timedOut && timeoutMs !== undefined) throw new StatementTimedOut(timeoutMs, { cause })
      signal?.throwIfAborted()
      throw cause
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', interrupt)
    }
  }
}

export async function openDuckDb(limits: DuckDbLimits = {}): Promise<DuckDbSession> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: limits.memoryLimit ?? '512MB',
    threads: String(limits.threads ?? 2),
    temp_directory: limits.tempDirectory ?? '',
    // DuckDB would otherwise fetch an extension from the internet in the middle of a task.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    // Blocks of files are kept by path: a file that was replaced must never be answered from them.
    enable_external_file_cache: 'false',
  })
  return new DuckDbSession(instance, await instance.connect())
}

/** A text literal: the only way values get into SQL that DuckDB does not let us bind (COPY targets, view bodies). */
export function sqlText(value: string): string {
  if (value.includes('\0')) throw new Error('SQL text cannot hold a NUL character')
  return `'${value.replaceAll("'", "''")}'`
}

export function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
