// Which DAGs are favourites of whom.

import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'

export async function isFavourite(sql: Sql, dagId: string, user: string): Promise<boolean> {
  const rows = await rowsOf(sql, 'select 1 from dag_favorite where dag_id = $1 and user_id = $2', [dagId, user])
  return rows.length > 0
}

/** False when it is one already. */
export async function insertFavourite(tx: Sql, dagId: string, user: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    'insert into dag_favorite (dag_id, user_id) values ($1, $2) on conflict do nothing',
    [dagId, user],
  )
  return rowCount === 1
}

/** False when it was none. */
export async function deleteFavourite(tx: Sql, dagId: string, user: string): Promise<boolean> {
  const { rowCount } = await tx.query('delete from dag_favorite where dag_id = $1 and user_id = $2', [dagId, user])
  return rowCount === 1
}
