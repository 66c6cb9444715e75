// A window into a Postgres table by key: one transaction a window, and where wanted the positions of the group with it.

import type { OperatorContext } from '../../sdk/index.ts'
import { EventLogError } from '../event-log/event-log.ts'
import type { SinkAck, StreamWindow, WindowSink } from '../event-log/window.ts'
import type { PostgresHook } from '../postgres/hook.ts'
import { type UpsertCounts, upsertRows } from '../postgres/upsert.ts'
import { movePositions, readPositions, withPostgres } from './positions.ts'

export interface PostgresSink<T> {
  /** Default `postgres_default`. */
  readonly connId?: string
  /** Made when it is not there. */
  readonly table: string
  /** Name to Postgres type, the author's own SQL. */
  readonly columns: Readonly<Record<string, string>>
  /** Columns that name a row. Of several records of one key in a window the last one counts, as it would from window to window. */
  readonly key: readonly string[]
  /** The record's values, in the order of `columns`. */
  readonly row: (value: T) => readonly unknown[]
  /**
   * Keep the group's positions in the table `baram_stream_position`, in the transaction of the rows: they are right even where the
   * log forgets its stored offsets. Default false: the log keeps them.
   */
  readonly keepsPositions?: boolean
}

/** The last row of each key, in the order of their first. */
function lastByKey(rows: Iterable<readonly unknown[]>, at: readonly number[]): readonly (readonly unknown[])[] {
  const byKey = new Map<string, readonly unknown[]>()
  for (const row of rows) byKey.set(JSON.stringify(at.map((i) => String(row[i]))), row)
  return [...byKey.values()]
}

async function putWindow<T>(op: OperatorContext, sink: PostgresSink<T>, window: StreamWindow<T>): Promise<SinkAck> {
  const { connId, table, columns, key, row, keepsPositions = false } = sink
  const names = Object.keys(columns)
  const given = window.records.map(({ value }) => row(value))
  const rows = lastByKey(
    given,
    key.map((name) => names.indexOf(name)),
  )
  const within = keepsPositions ? (postgres: PostgresHook) => movePositions(postgres, window) : undefined
  const counts: UpsertCounts = await withPostgres(op, connId, (postgres) =>
    upsertRows(postgres, { table, columns, key, rows, ...(within !== undefined && { within }) }),
  )
  const repeats = given.length - rows.length
  op.log.info({ table, ...counts, repeats }, 'window upserted')
  await op.record({ kind: 'table', target: `Postgres ${table}`, rowsRead: given.length, rowsWritten: given.length })
  return { written: given.length }
}

/** Upserts each window in one transaction: a window that is repeated changes nothing. */
export function postgresSink<T>(sink: PostgresSink<T>): WindowSink<T> {
  const unknown = sink.key.find((name) => !Object.hasOwn(sink.columns, name))
  if (sink.key.length === 0 || unknown !== undefined)
    throw new EventLogError(`postgresSink: key must name columns of ${sink.table}, found ${unknown ?? 'none'}`)
  return {
    name: `Postgres ${sink.table}`,
    put: (op, window) => putWindow(op, sink, window),
    ...(sink.keepsPositions === true && {
      positions: (op: OperatorContext, { topic, group }: { topic: string; group: string }) =>
        withPostgres(op, sink.connId, (postgres) => readPositions(postgres, topic, group)),
    }),
  }
}
