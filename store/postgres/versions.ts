// DAG versions: what a run is pinned to.

import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'

export interface VersionRow {
  readonly data: unknown
  readonly moduleHash: string
  readonly versionHash: string
  readonly versionNumber: number
}

export async function loadVersion(sql: Sql, versionId: string): Promise<VersionRow | null> {
  const rows = await rowsOf<VersionRow>(
    sql,
    `select s.data, v.module_hash, v.version_hash, v.version_number from serialized_dag s join dag_version v on v.id = s.dag_version_id where v.id = $1`,
    [versionId],
    'load_version',
  )
  return rows[0] ?? null
}

export async function loadModule(sql: Sql, hash: string): Promise<string | null> {
  const rows = await rowsOf<{ code: string }>(sql, 'select code from dag_module where hash = $1', [hash])
  return rows[0]?.code ?? null
}
