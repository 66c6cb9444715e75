// Setting, changing and deleting Connections, one or several.

import { alreadyExists, BaramError, notFound } from '../../core/errors.ts'
import { lockSettings } from '../../store/postgres/settings.ts'
import { deleteConnection as deleteRow, insertConnection, upsertConnection } from '../../store/postgres/variables.ts'
import type { Sql } from '../../store/sql.ts'
import { type Actor, audit, type Engine } from '../engine.ts'
import { type BulkAction, type BulkOutcome, bulk, type Settings } from './bulk.ts'
import { checkKey, checkText, given, type OnExisting, type PatchOf } from './setting.ts'
import type { ConnectionSetting, Vault } from './vault.ts'

/** What is asked of a Connection. */
export type ConnectionPatch = PatchOf<ConnectionSetting, 'connId'>

/** Columns of a Connection with a length of their own. */
const MOST_CHARACTERS: Readonly<Record<string, number>> = { connType: 500, host: 500, schema: 500 }

function check(connection: ConnectionPatch): void {
  const { port = null } = connection
  checkKey(connection.connId, 'connection id')
  if (connection.connType === '') throw new BaramError('INPUT_INVALID', 'a connection needs a type')
  for (const [field, text] of Object.entries(connection))
    if (typeof text === 'string') checkText(text, `the field ${field}`, MOST_CHARACTERS[field])
  if (port !== null && !(Number.isInteger(port) && port >= 0 && port <= 65_535))
    throw new BaramError('INPUT_INVALID', `a port is a whole number from 0 to 65535, found ${port}`)
}

/** What a new one has where nothing is given. */
const EMPTY = {
  connType: '',
  ...{ description: null, host: null, schema: null, login: null, password: null, port: null, extra: null },
} as const

const noteSet = (tx: Sql, { connId, connType }: ConnectionSetting, actor: Actor) =>
  audit(tx, actor, { event: 'connection.set', extra: { conn_id: connId, conn_type: connType } })

/** False when it exists. */
async function insert(tx: Sql, vault: Vault, connection: ConnectionSetting, actor: Actor): Promise<boolean> {
  if (!(await insertConnection(tx, await vault.sealConnection(tx, connection)))) return false
  await noteSet(tx, connection, actor)
  return true
}

async function overwrite(tx: Sql, vault: Vault, connection: ConnectionSetting, actor: Actor): Promise<void> {
  await upsertConnection(tx, await vault.sealConnection(tx, connection))
  await noteSet(tx, connection, actor)
}

/** The row is locked. @throws BaramError NOT_FOUND | INPUT_INVALID */
async function change(tx: Sql, vault: Vault, patch: ConnectionPatch, actor: Actor): Promise<void> {
  const before = await vault.findConnection(patch.connId, tx)
  if (before === null) throw notFound('connection', patch.connId)
  await overwrite(tx, vault, { ...before, ...given<ConnectionSetting>(patch) }, actor)
}

async function remove(tx: Sql, connId: string, actor: Actor): Promise<boolean> {
  if (!(await deleteRow(tx, connId))) return false
  await audit(tx, actor, { event: 'connection.delete', extra: { conn_id: connId } })
  return true
}

const settings = (vault: Vault): Settings<ConnectionPatch> => ({
  what: 'connections',
  idOf: ({ connId }) => connId,
  check,
  lock: (tx, ids) => lockSettings(tx, 'connection', ids),
  add: async (tx, patch, actor) => {
    const isNew = await insert(tx, vault, { ...EMPTY, ...given<ConnectionSetting>(patch), connId: patch.connId }, actor)
    if (!isNew) throw alreadyExists('connection', patch.connId)
  },
  change: (tx, patch, actor) => change(tx, vault, patch, actor),
  remove: async (tx, connId, actor) => {
    await remove(tx, connId, actor)
  },
})

/** Several Connections at once. @throws BaramError INPUT_INVALID: nothing was done */
export const bulkConnections = (
  { database, vault }: Pick<Engine, 'database' | 'vault'>,
  actions: readonly BulkAction<ConnectionPatch>[],
  actor: Actor,
): Promise<readonly BulkOutcome[]> => bulk({ database }, settings(vault), actions, actor)

/** Makes a Connection; what is not given is empty. @throws BaramError INPUT_INVALID, or CONFLICT when it exists */
export async function createConnection(
  { database, vault }: Pick<Engine, 'database' | 'vault'>,
  patch: ConnectionPatch,
  actor: Actor,
): Promise<void> {
  check(patch)
  await database.transaction((tx) => settings(vault).add(tx, patch, actor))
}

/** Changes what is given of a Connection. @throws BaramError NOT_FOUND | INPUT_INVALID */
export async function patchConnection(
  { database, vault }: Pick<Engine, 'database' | 'vault'>,
  patch: ConnectionPatch,
  actor: Actor,
): Promise<void> {
  check(patch)
  await database.transaction(async (tx) => {
    await lockSettings(tx, 'connection', [patch.connId])
    await change(tx, vault, patch, actor)
  })
}

/**
 * Of Airflow's default Connections those whose type an operator here reads and that nothing embedded stands in for: a
 * `kafka_default` that leads nowhere would take the place of the embedded one.
 */
const DEFAULTS: readonly ConnectionPatch[] = [
  { connId: 'fs_default', connType: 'fs', extra: '{"path": "/"}' },
  { connId: 'http_default', connType: 'http', host: 'https://www.httpbin.org/' },
  { connId: 'spark_default', connType: 'spark', host: 'yarn', extra: '{"queue": "root.default"}' },
]

/** Adds the default Connections that are not there. */
export async function addDefaultConnections(engine: Pick<Engine, 'database' | 'vault'>, actor: Actor): Promise<void> {
  await bulkConnections(engine, [{ kind: 'create', entities: DEFAULTS, existing: 'skip' }], actor)
}

/**
 * Sets a Connection; a password or secret field of `extra` that reads `***` keeps what is stored.
 * @returns false when it existed and `existing` is `skip`
 * @throws BaramError INPUT_INVALID, or CONFLICT when it existed and `existing` is `fail`
 */
export async function setConnection(
  { database, vault }: Pick<Engine, 'database' | 'vault'>,
  /** `existing`: default `overwrite`. */
  { existing = 'overwrite', ...connection }: ConnectionSetting & { readonly existing?: OnExisting },
  actor: Actor,
): Promise<boolean> {
  check(connection)
  return database.transaction(async (tx) => {
    if (existing === 'overwrite') await overwrite(tx, vault, connection, actor)
    else if (!(await insert(tx, vault, connection, actor))) {
      if (existing === 'skip') return false
      throw alreadyExists('connection', connection.connId)
    }
    return true
  })
}

/** @throws BaramError NOT_FOUND */
export async function deleteConnection(
  { database }: Pick<Engine, 'database'>,
  connId: string,
  actor: Actor,
): Promise<void> {
  await database.transaction(async (tx) => {
    if (!(await remove(tx, connId, actor))) throw notFound('connection', connId)
  })
}
