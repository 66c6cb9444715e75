// DAG versions: what a run is pinned to.

import type { Sql } from '../sql.ts'

export interface VersionRow {
  readonly data: unknown
  readonly module_hash: string
  readonly version_hash: string
  readonly version_number: number
}

export async function loadVersion(sql: Sql, versionId: string): Promise<VersionRow | null> {
  const { rows } = await sql.query<VersionRow>(
    `select s.data, v.module_hash, v.version_hash, v.version_number from serialized_dag s join dag_version v on v.id = s.dag_version_id where v.id = $1`,
    [versionId],
    'load_version',
  )
  return rows[0] ?? null
}

export async function loadModule(sql: Sql, hash: string): Promise<string | null> {
  const { rows } = await sql.query<{ code: string }>('select code from dag_module where hash = $1', [hash])
  return rows[0]?.code ?? null
}
