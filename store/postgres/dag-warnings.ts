// What people should know of a DAG that runs all the same; one row a DAG and kind.

import { repairText } from '../../core/storable.ts'
import type { Sql } from '../sql.ts'

export async function putDagWarning(tx: Sql, dagId: string, kind: string, message: string): Promise<void> {
  await tx.query(
    `insert into dag_warning (dag_id, warning_type, message) values ($1, $2, $3)
     on conflict (dag_id, warning_type) do update set message = excluded.message, timestamp = now()`,
    [dagId, kind, repairText(message)],
  )
}

export async function deleteDagWarning(tx: Sql, dagId: string, kind: string): Promise<void> {
  await tx.query('delete from dag_warning where dag_id = $1 and warning_type = $2', [dagId, kind], 'delete_dag_warning')
}

/** The message, or null. */
export async function findDagWarning(sql: Sql, dagId: string, kind: string): Promise<string | null> {
  const { rows } = await sql.query<{ message: string }>(
    'select message from dag_warning where dag_id = $1 and warning_type = $2',
    [dagId, kind],
  )
  return rows[0]?.message ?? null
}
