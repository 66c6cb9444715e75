// Variables and Connections with their secrets: sealed on the way in, opened on the way out, environment overrides first.

import { type ConnectionFields, parseConnectionText } from '../../core/connection-uri.ts'
import { alreadyExists, BaramError } from '../../core/errors.ts'
import type { JsonValue } from '../../core/json.ts'
import { isSensitiveName, MASK, maskByName } from '../../core/masker.ts'
import { idFault, storableFault } from '../../core/storable.ts'
import type { SecretBox } from '../../runtime/secrets.ts'
import type { Database } from '../../store/database.ts'
import { insertAudit } from '../../store/postgres/audit.ts'
import {
  type ConnectionRow,
  deleteConnection,
  deleteVariable,
  findConnection,
  findVariable,
  insertConnection,
  insertVariable,
  listConnections,
  listVariables,
  upsertConnection,
  upsertVariable,
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

/** What happens to a key that exists. */
export type OnExisting = 'fail' | 'overwrite' | 'skip'

export interface SetOptions {
  /** Default `overwrite`. */
  readonly existing?: OnExisting
  /** First in the transaction: throws when the caller may no longer write. */
  readonly fence?: (tx: Sql) => Promise<void>
}

function checkKey(key: string, what: string): void {
  const fault = idFault(key, `a ${what}`)
  if (fault !== null) throw new BaramError('INPUT_INVALID', fault)
}

function checkText(text: string | null, what: string, most = Number.POSITIVE_INFINITY): void {
  const fault = text === null ? null : storableFault(text)
  if (fault !== null) throw new BaramError('INPUT_INVALID', `${what} must be text ${fault}`)
  if (text !== null && text.length > most)
    throw new BaramError('INPUT_INVALID', `${what} has at most ${most} characters, found ${text.length}`)
}

/** Columns of a Connection with a length of their own. */
const MOST_CHARACTERS: Readonly<Record<string, number>> = { connType: 500, host: 500, schema: 500 }

function checkPort(port: number | null): void {
  if (port !== null && !(Number.isInteger(port) && port >= 0 && port <= 65_535))
    throw new BaramError('INPUT_INVALID', `a port is a whole number from 0 to 65535, found ${port}`)
}

/** Where the arguments of an instance's trigger are stored. */
export const sealedPlace = (tiId: string): string => `trigger|${tiId}|kwargs`

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
      updatedAt: row.updated_at,
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

  /**
   * Sets a Variable, with its audit row. A masked value (`***`) of a sensitive key keeps what is stored.
   * @returns false when it existed and `existing` is `skip`
   * @throws BaramError CONFLICT when it existed and `existing` is `fail`
   */
  async setVariable(
    key: string,
    value: string,
    description: string | null,
    by: string,
    { existing = 'overwrite', fence }: SetOptions = {},
  ): Promise<boolean> {
    checkKey(key, 'variable key')
    checkText(value, 'the value')
    checkText(description, 'the description')
    return this.options.database.transaction(async (tx) => {
      await fence?.(tx)
      const sealed = this.options.box.seal(await this.unmasked(tx, key, value), `variable|${key}|val`)
      if (existing === 'overwrite') await upsertVariable(tx, key, sealed, description)
      else if (!(await insertVariable(tx, key, sealed, description))) {
        if (existing === 'skip') return false
        throw alreadyExists('variable', key)
      }
      await insertAudit(tx, {
        event: 'variable.set',
        owner: by,
        extra: { key, value: this.isSensitive(key) ? MASK : undefined },
      })
      return true
    })
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
  sealJson(value: JsonValue, place: string): string {
    return this.options.box.seal(JSON.stringify(value), place)
  }

  /** @throws BaramError SECRET_KEY | SECRET_CORRUPT */
  openJson(envelope: string, place: string): JsonValue {
    return JSON.parse(this.options.box.open(envelope, place)) as JsonValue
  }

  /** False when there was none. */
  async deleteVariable(key: string, by: string, fence?: SetOptions['fence']): Promise<boolean> {
    return this.options.database.transaction(async (tx) => {
      await fence?.(tx)
      const isGone = await deleteVariable(tx, key)
      if (isGone) await insertAudit(tx, { event: 'variable.delete', owner: by, extra: { key } })
      return isGone
    })
  }

  private readConnection(row: ConnectionRow): Connection {
    const open = (envelope: string | null, field: string) =>
      envelope === null ? null : this.options.box.open(envelope, `connection|${row.conn_id}|${field}`)
    return {
      connId: row.conn_id,
      connType: row.conn_type,
      description: row.description,
      host: row.host,
      schema: row.schema,
      login: row.login,
      password: open(row.password, 'password'),
      port: row.port,
      extra: open(row.extra, 'extra'),
      updatedAt: row.updated_at,
    }
  }

  /** The Connection a task sees, overrides first. */
  async getConnection(connId: string): Promise<Connection | null> {
    const override = this.options.connectionOverrides.get(connId.toUpperCase())
    if (override !== undefined) return { connId, description: null, updatedAt: 0, ...parseConnectionText(override) }
    return this.findConnection(connId)
  }

  async findConnection(connId: string): Promise<Connection | null> {
    const row = await findConnection(this.options.database, connId)
    return row === null ? null : this.readConnection(row)
  }

  async listConnections(): Promise<readonly Connection[]> {
    return (await listConnections(this.options.database)).map((row) => this.readConnection(row))
  }

  isConnectionOverridden(connId: string): boolean {
    return this.options.connectionOverrides.has(connId.toUpperCase())
  }

  private async sealConnection(tx: Sql, connection: Omit<Connection, 'updatedAt'>) {
    const { box } = this.options
    const stored = await findConnection(tx, connection.connId)
    const before = stored === null ? null : this.readConnection(stored)
    const password = connection.password === MASK ? (before?.password ?? null) : connection.password
    const extra = restoreMasked(connection.extra, before?.extra ?? null, this.isSensitive)
    return {
      conn_id: connection.connId,
      conn_type: connection.connType,
      description: connection.description,
      host: connection.host,
      schema: connection.schema,
      login: connection.login,
      port: connection.port,
      password: password === null ? null : box.seal(password, `connection|${connection.connId}|password`),
      extra: extra === null ? null : box.seal(extra, `connection|${connection.connId}|extra`),
    }
  }

  /** As `setVariable`; a password or secret field of `extra` that reads `***` keeps what is stored. */
  async setConnection(
    connection: Omit<Connection, 'updatedAt'>,
    by: string,
    existing: OnExisting = 'overwrite',
  ): Promise<boolean> {
    checkKey(connection.connId, 'connection id')
    if (connection.connType === '') throw new BaramError('INPUT_INVALID', 'a connection needs a type')
    for (const [field, text] of Object.entries(connection))
      if (typeof text === 'string') checkText(text, `the field ${field}`, MOST_CHARACTERS[field])
    checkPort(connection.port)
    return this.options.database.transaction(async (tx) => {
      const row = await this.sealConnection(tx, connection)
      if (existing === 'overwrite') await upsertConnection(tx, row)
      else if (!(await insertConnection(tx, row))) {
        if (existing === 'skip') return false
        throw alreadyExists('connection', connection.connId)
      }
      await insertAudit(tx, {
        event: 'connection.set',
        owner: by,
        extra: { conn_id: connection.connId, conn_type: connection.connType },
      })
      return true
    })
  }

  async deleteConnection(connId: string, by: string): Promise<boolean> {
    return this.options.database.transaction(async (tx) => {
      const isGone = await deleteConnection(tx, connId)
      if (isGone) await insertAudit(tx, { event: 'connection.delete', owner: by, extra: { conn_id: connId } })
      return isGone
    })
  }
}
