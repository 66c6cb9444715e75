// Variables and Connections as rows. Values arrive here sealed; only engine/ opens them.

import { bind } from '../bind.ts'
import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'

export interface VariableRow {
  readonly id: number
  readonly key: string
  /** Envelope. */
  readonly val: string | null
  readonly description: string | null
  readonly updatedAt: number
}

const VARIABLE = 'id, key, val, description, updated_at'

export async function findVariable(sql: Sql, key: string): Promise<VariableRow | null> {
  const rows = await rowsOf<VariableRow>(sql, `select ${VARIABLE} from variable where key = $1`, [key], 'find_variable')
  return rows[0] ?? null
}

export async function listVariables(sql: Sql): Promise<readonly VariableRow[]> {
  return rowsOf<VariableRow>(sql, `select ${VARIABLE} from variable order by key`)
}

/** Inserts; false when the key exists. */
export async function insertVariable(tx: Sql, key: string, val: string, description: string | null): Promise<boolean> {
  const { rowCount } = await tx.query(
    'insert into variable (key, val, description) values ($1, $2, $3) on conflict do nothing',
    [key, val, description],
  )
  return rowCount === 1
}

export async function upsertVariable(tx: Sql, key: string, val: string, description: string | null): Promise<void> {
  await tx.query(
    `insert into variable (key, val, description) values ($1, $2, $3)
     on conflict (key) do update set val = excluded.val, description = excluded.description, updated_at = now()`,
    [key, val, description],
    'upsert_variable',
  )
}

/** What is undefined stays as it is; false when there is none. */
export async function updateVariable(
  tx: Sql,
  key: string,
  { val, description }: { readonly val: string | undefined; readonly description: string | null | undefined },
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update variable set val = coalesce($2, val), description = case when $3::boolean then $4 else description end, updated_at = now()
     where key = $1`,
    [key, val ?? null, description !== undefined, description ?? null],
  )
  return rowCount === 1
}

export async function deleteVariable(tx: Sql, key: string): Promise<boolean> {
  const { rowCount } = await tx.query('delete from variable where key = $1', [key])
  return rowCount === 1
}

export interface ConnectionRow {
  readonly id: number
  readonly connId: string
  readonly connType: string
  readonly description: string | null
  readonly host: string | null
  readonly schema: string | null
  readonly login: string | null
  /** Envelope. */
  readonly password: string | null
  readonly port: number | null
  /** Envelope. */
  readonly extra: string | null
  readonly updatedAt: number
}

const CONNECTION = 'id, conn_id, conn_type, description, host, schema, login, password, port, extra, updated_at'

export async function findConnection(sql: Sql, connId: string): Promise<ConnectionRow | null> {
  const rows = await rowsOf<ConnectionRow>(
    sql,
    `select ${CONNECTION} from connection where conn_id = $1`,
    [connId],
    'find_connection',
  )
  return rows[0] ?? null
}

export async function listConnections(sql: Sql): Promise<readonly ConnectionRow[]> {
  return rowsOf<ConnectionRow>(sql, `select ${CONNECTION} from connection order by conn_id`)
}

export type ConnectionValues = Omit<ConnectionRow, 'id' | 'updatedAt'>

const namedValues = (row: ConnectionValues) => ({
  connId: row.connId,
  connType: row.connType,
  description: row.description,
  host: row.host,
  schema: row.schema,
  login: row.login,
  password: row.password,
  port: row.port,
  extra: row.extra,
})

/** Inserts; false when the id exists. */
export async function insertConnection(tx: Sql, row: ConnectionValues): Promise<boolean> {
  const { rowCount } = await tx.query(
    ...bind(
      `insert into connection (conn_id, conn_type, description, host, schema, login, password, port, extra)
     values (:connId, :connType, :description, :host, :schema, :login, :password, :port, :extra) on conflict do nothing`,
      namedValues(row),
    ),
  )
  return rowCount === 1
}

export async function upsertConnection(tx: Sql, row: ConnectionValues): Promise<void> {
  await tx.query(
    ...bind(
      `insert into connection (conn_id, conn_type, description, host, schema, login, password, port, extra)
     values (:connId, :connType, :description, :host, :schema, :login, :password, :port, :extra)
     on conflict (conn_id) do update set conn_type = excluded.conn_type, description = excluded.description, host = excluded.host,
       schema = excluded.schema, login = excluded.login, password = excluded.password, port = excluded.port, extra = excluded.extra, updated_at = now()`,
      namedValues(row),
    ),
  )
}

export async function deleteConnection(tx: Sql, connId: string): Promise<boolean> {
  const { rowCount } = await tx.query('delete from connection where conn_id = $1', [connId])
  return rowCount === 1
}
