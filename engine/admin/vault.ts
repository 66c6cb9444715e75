// Variables and Connections with their secrets: sealed on the way in, opened on the way out, environment overrides first.
// What changes them are the verbs of variables.ts and connections.ts.

import { type ConnectionFields, parseConnectionText } from '../../core/connection-uri.ts'
import type { JsonValue } from '../../core/json.ts'
import { isSensitiveName, MASK, maskByName } from '../../core/masker.ts'
import type { SecretBox } from '../../runtime/secrets.ts'
import type { Database } from '../../store/database.ts'
import {
  type ConnectionRow,
  findConnection,
  findVariable,
  listConnections,
  listVariables,
  type VariableRow,
} from '../../store/postgres/variables.ts'
import type { Sql } from '../../store/sql.ts'
import { maskExtra, maskFields, restoreMasked } from './masked-json.ts'

export interface VaultOptions {
  readonly database: Database
  readonly box: SecretBox
  readonly variableOverrides: ReadonlyMap<string, string>
  readonly connectionOverrides: ReadonlyMap<string, string>
  readonly sensitiveNames: readonly string[]
}

export interface Variable {
  readonly key: string
  readonly value: string
  readonly description: string | null
  readonly isSensitive: boolean
  readonly updatedAt: number
}

export interface Connection extends ConnectionFields {
  readonly connId: string
  readonly description: string | null
  readonly updatedAt: number
}

/** A Connection as somebody sets it. */
export type ConnectionSetting = Omit<Connection, 'updatedAt'>

/** Where the arguments of an instance's trigger are stored. */
export const triggerContext = (tiId: string): string => `trigger|${tiId}|kwargs`

export class Vault {
  private readonly options: VaultOptions

  constructor(options: VaultOptions) {
    this.options = options
  }

  /** Bound: it is handed to what looks at names. */
  readonly isSensitive = (name: string): boolean => isSensitiveName(name, this.options.sensitiveNames)

  private readVariable(row: VariableRow): Variable {
    const value = row.val === null ? '' : this.options.box.open(row.val, `variable|${row.key}|val`)
    return {
      key: row.key,
      value,
      description: row.description,
      isSensitive: this.isSensitive(row.key),
      updatedAt: row.updatedAt,
    }
  }

  /** The value a task sees: an environment override (upper-cased key) wins over the database. */
  async getVariable(key: string): Promise<string | null> {
    const override = this.options.variableOverrides.get(key.toUpperCase())
    if (override !== undefined) return override
    return (await this.findVariable(key))?.value ?? null
  }

  /** The stored Variable, without overrides. */
  async findVariable(key: string): Promise<Variable | null> {
    const row = await findVariable(this.options.database, key)
    return row === null ? null : this.readVariable(row)
  }

  async listVariables(): Promise<readonly Variable[]> {
    return (await listVariables(this.options.database)).map((row) => this.readVariable(row))
  }

  /** True when the key is set by the environment, which the database cannot change. */
  isVariableOverridden(key: string): boolean {
    return this.options.variableOverrides.has(key.toUpperCase())
  }

  /** A Variable's value as it is stored. A masked value (`***`) of a sensitive key or field keeps what is stored. */
  async sealVariable(tx: Sql, key: string, value: string): Promise<string> {
    return this.options.box.seal(await this.unmasked(tx, key, value), `variable|${key}|val`)
  }

  /** What was shown as `***` and has come back as such is what is stored. */
  private async unmasked(tx: Sql, key: string, value: string): Promise<string> {
    if (!value.includes(MASK) || (value === MASK && !this.isSensitive(key))) return value
    const row = await findVariable(tx, key)
    return (row === null ? null : restoreMasked(value, this.readVariable(row).value, this.isSensitive)) ?? value
  }

  /** The value as pages and the API show it: `***` for a sensitive key, and for sensitive fields of JSON. */
  shownValue(variable: Variable): string {
    if (variable.isSensitive) return MASK
    return maskFields(variable.value, this.isSensitive)
  }

  /** `extra` as pages and the API show it. */
  shownExtra(extra: string | null): string | null {
    return maskExtra(extra, this.isSensitive)
  }

  /** A copy of `value` in which every field with a sensitive name reads `***`. */
  maskByName(value: unknown): unknown {
    return maskByName(value, this.isSensitive)
  }

  /** Seals JSON that is no Variable or Connection; `place` names where it is stored. */
  sealJson(value: JsonValue, context: string): string {
    return this.options.box.seal(JSON.stringify(value), context)
  }

  /** @throws BaramError SECRET_KEY | SECRET_CORRUPT */
  openJson(envelope: string, context: string): JsonValue {
    return JSON.parse(this.options.box.open(envelope, context)) as JsonValue
  }

  private readConnection(row: ConnectionRow): Connection {
    const open = (envelope: string | null, field: string) =>
      envelope === null ? null : this.options.box.open(envelope, `connection|${row.connId}|${field}`)
    return {
      connId: row.connId,
      connType: row.connType,
      description: row.description,
      host: row.host,
      schema: row.schema,
      login: row.login,
      password: open(row.password, 'password'),
      port: row.port,
      extra: open(row.extra, 'extra'),
      updatedAt: row.updatedAt,
    }
  }

  /** The Connection a task sees, overrides first. */
  async getConnection(connId: string): Promise<Connection | null> {
    const override = this.options.connectionOverrides.get(connId.toUpperCase())
    if (override !== undefined) return { connId, description: null, updatedAt: 0, ...parseConnectionText(override) }
    return this.findConnection(connId)
  }

  /** @param sql default: any connection; a transaction sees what it has locked */
  async findConnection(connId: string, sql: Sql = this.options.database): Promise<Connection | null> {
    const row = await findConnection(sql, connId)
    return row === null ? null : this.readConnection(row)
  }

  async listConnections(): Promise<readonly Connection[]> {
    return (await listConnections(this.options.database)).map((row) => this.readConnection(row))
  }

  isConnectionOverridden(connId: string): boolean {
    return this.options.connectionOverrides.has(connId.toUpperCase())
  }

  /** A Connection's row. A password or secret field of `extra` that reads `***` keeps what is stored. */
  async sealConnection(tx: Sql, connection: ConnectionSetting) {
    const { box } = this.options
    const stored = await findConnection(tx, connection.connId)
    const before = stored === null ? null : this.readConnection(stored)
    const password = connection.password === MASK ? (before?.password ?? null) : connection.password
    const extra = restoreMasked(connection.extra, before?.extra ?? null, this.isSensitive)
    return {
      connId: connection.connId,
      connType: connection.connType,
      description: connection.description,
      host: connection.host,
      schema: connection.schema,
      login: connection.login,
      port: connection.port,
      password: password === null ? null : box.seal(password, `connection|${connection.connId}|password`),
      extra: extra === null ? null : box.seal(extra, `connection|${connection.connId}|extra`),
    }
  }
}
