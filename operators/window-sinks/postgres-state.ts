// A window folded into tables of Postgres: sums, counts and sets that are kept from window to window.
//
// What is added must be added once. So the group's positions move in the transaction that adds, and a retried window begins
// after what was added: it is the one sink of a window that need not be idempotent.

import type { OperatorContext } from '../../sdk/index.ts'
import type { StreamWindow, WindowSink } from '../event-log/window.ts'
import type { PostgresHook } from '../postgres/hook.ts'
import { movePositions, readPositions, withPostgres } from './positions.ts'

export interface PostgresState<T> {
  /** Told in logs and effects: what the state is of. */
  readonly name: string
  /** Default `postgres_default`. */
  readonly connId?: string
  /** Makes the tables, before each window and outside of its transaction. */
  readonly prepare: (postgres: PostgresHook) => Promise<void>
  /** Adds the window to the tables, within the transaction that moves the positions. What it throws undoes both. */
  readonly add: (postgres: PostgresHook, window: StreamWindow<T>) => Promise<void>
}

async function addWindow<T>(op: OperatorContext, state: PostgresState<T>, window: StreamWindow<T>): Promise<void> {
  await withPostgres(op, state.connId, async (postgres) => {
    await state.prepare(postgres)
    await postgres.transaction(async () => {
      await state.add(postgres, window)
      await movePositions(postgres, window)
    })
  })
}

/** Adds each window once to state that is kept in Postgres: the positions move with it. */
export function postgresState<T>(state: PostgresState<T>): WindowSink<T> {
  return {
    name: `Postgres ${state.name}`,
    async put(op, window) {
      await addWindow(op, state, window)
      const rows = window.records.length
      op.log.info({ state: state.name, rows }, 'window added to the state')
      await op.record({ kind: 'table', target: `Postgres ${state.name}`, rowsRead: rows, rowsWritten: rows })
      return { written: rows }
    },
    positions: (op, { topic, group }) =>
      withPostgres(op, state.connId, (postgres) => readPositions(postgres, topic, group)),
  }
}
