// What Variables, Connections and pools have in common: a row is found by its own name.

import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'

const NAMES = { variable: 'key', connection: 'conn_id', slot_pool: 'pool' } as const

/** Those of the names that exist, locked in one order, so that two who want the same rows cannot wait for each other. */
export async function lockSettings(
  tx: Sql,
  table: keyof typeof NAMES,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const column = NAMES[table]
  const rows = await rowsOf<{ name: string }>(
    tx,
    `select ${column} as name from ${table} where ${column} = any($1) order by ${column} for update`,
    [names],
  )
  return new Set(rows.map((row) => row.name))
}
