// Setting and deleting Connections.

import { alreadyExists, BaramError, notFound } from '../../core/errors.ts'
import { deleteConnection as deleteRow, insertConnection, upsertConnection } from '../../store/postgres/variables.ts'
import { type Actor, audit, type Engine } from '../engine.ts'
import { checkKey, checkText, type OnExisting } from './setting.ts'
import type { ConnectionSetting } from './vault.ts'

/** Columns of a Connection with a length of their own. */
const MOST_CHARACTERS: Readonly<Record<string, number>> = { connType: 500, host: 500, schema: 500 }

function check(connection: ConnectionSetting): void {
  const { port } = connection
  checkKey(connection.connId, 'connection id')
  if (connection.connType === '') throw new BaramError('INPUT_INVALID', 'a connection needs a type')
  for (const [field, text] of Object.entries(connection))
    if (typeof text === 'string') checkText(text, `the field ${field}`, MOST_CHARACTERS[field])
  if (port !== null && !(Number.isInteger(port) && port >= 0 && port <= 65_535))
    throw new BaramError('INPUT_INVALID', `a port is a whole number from 0 to 65535, found ${port}`)
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
    const row = await vault.sealConnection(tx, connection)
    if (existing === 'overwrite') await upsertConnection(tx, row)
    else if (!(await insertConnection(tx, row))) {
      if (existing === 'skip') return false
      throw alreadyExists('connection', connection.connId)
    }
    const { connId, connType } = connection
    await audit(tx, actor, { event: 'connection.set', extra: { conn_id: connId, conn_type: connType } })
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
    if (!(await deleteRow(tx, connId))) throw notFound('connection', connId)
    await audit(tx, actor, { event: 'connection.delete', extra: { conn_id: connId } })
  })
}
