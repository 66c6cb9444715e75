// Where a sink keeps the positions of a group in Postgres, in the transaction of what it stores.

import type { OperatorContext } from '../../sdk/index.ts'
import { EventLogError, type Position } from '../event-log/event-log.ts'
import type { StreamWindow } from '../event-log/window.ts'
import { createTables } from '../postgres/create-tables.ts'
import { openPostgres, type PostgresHook } from '../postgres/hook.ts'

const POSITIONS = 'baram_stream_position'
const POSITIONS_TABLE = `create table if not exists ${POSITIONS} (
  group_name text, topic text, partition int, next_offset bigint not null, moved_at timestamptz not null default now(),
  primary key (group_name, topic, partition))`

export async function withPostgres<R>(
  op: OperatorContext,
  connId: string | undefined,
  use: (postgres: PostgresHook) => Promise<R>,
): Promise<R> {
  const postgres = await openPostgres(op, connId)
  try {
    return await use(postgres)
  } finally {
    await postgres.close()
  }
}

export async function readPositions(
  postgres: PostgresHook,
  topic: string,
  group: string,
): Promise<readonly Position[]> {
  await createTables(postgres, [POSITIONS], POSITIONS_TABLE)
  const rows = await postgres.query<{ partition: number; next_offset: number }>(
    `select partition, next_offset from ${POSITIONS} where group_name = $1 and topic = $2`,
    [group, topic],
  )
  return rows.map(({ partition, next_offset }) => ({ topic, partition, offset: next_offset }))
}

/** Moves each position from the window's start to its end. @throws EventLogError when another run has moved one since */
export async function movePositions<T>(postgres: PostgresHook, window: StreamWindow<T>): Promise<void> {
  const { topic, group, start, end } = window
  for (const [i, { partition, offset }] of end.entries()) {
    const [done] = await postgres.run(
      `insert into ${POSITIONS} as p (group_name, topic, partition, next_offset) values ($1, $2, $3, $4)
       on conflict (group_name, topic, partition) do update set next_offset = excluded.next_offset, moved_at = now()
       where p.next_offset = $5`,
      [group, topic, partition, offset, start[i]?.offset ?? 0],
    )
    if (done?.rowCount !== 1)
      throw new EventLogError(
        `group ${group} has moved on in partition ${partition} of ${topic} since this window was read: a newer run has taken over`,
      )
  }
}
