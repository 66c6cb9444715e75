// The XComs of one instance as its page lists them: `return_value` first, then by key.

import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'

interface At {
  readonly dagRunId: number
  readonly taskId: string
  readonly mapIndex: number
}

export interface ListedXCom {
  readonly key: string
  /** JSON text, cut. */
  readonly text: string | null
  /** Characters of the whole text. */
  readonly length: number
  readonly timestamp: number
}

const OF = 'from xcom where dag_run_id = $1 and task_id = $2 and map_index = $3'
const ORDER = "(key <> 'return_value'), key"

/** @param after the key of the last entry of the page before; null = the first page */
export async function pageXComs(
  sql: Sql,
  { dagRunId, taskId, mapIndex }: At,
  after: string | null,
  { characters, limit }: { readonly characters: number; readonly limit: number },
): Promise<readonly ListedXCom[]> {
  return rowsOf<ListedXCom>(
    sql,
    `select key, left(value::text, $5) as text, length(value::text) as length, timestamp ${OF}
       and ($4::text is null or (${ORDER}) > ($4 <> 'return_value', $4)) order by ${ORDER} limit $6`,
    [dagRunId, taskId, mapIndex, after, characters, limit],
  )
}

export async function countXComs(sql: Sql, { dagRunId, taskId, mapIndex }: At): Promise<number> {
  const rows = await rowsOf<{ n: number }>(sql, `select count(*)::int as n ${OF}`, [dagRunId, taskId, mapIndex])
  return rows[0]?.n ?? 0
}
