// What adapters read from a Connection: its `extra` as an object, and the folder of a local backend.

import { isAbsolute, resolve } from 'node:path'
import type { ConnectionResult, OperatorContext } from '../sdk/index.ts'

/** What opening a connection needs of a task's context: `dagctl` has as much. */
export type ConnectionContext = Pick<OperatorContext, 'log' | 'signal' | 'dagId' | 'taskId' | 'embeddedRoot'> & {
  readonly client: Pick<OperatorContext['client'], 'getConnection'>
}

/** A Connection that cannot be used as it stands. The message names the field and what to put there. */
export class ConnectionUnusableError extends Error {
  override readonly name = 'ConnectionUnusableError'
  readonly connId: string
  constructor(connId: string, message: string, options?: ErrorOptions) {
    super(`connection ${connId}: ${message}`, options)
    this.connId = connId
  }
}

/** `extra` is a JSON string, as in Airflow; empty means no options. */
export function readExtra(connection: ConnectionResult): Readonly<Record<string, unknown>> {
  if (connection.extra === undefined || connection.extra === null || connection.extra.trim() === '') return {}
  let value: unknown
  try {
    value = JSON.parse(connection.extra)
  } catch (cause) {
    throw new ConnectionUnusableError(connection.id, 'its extra is not JSON', { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConnectionUnusableError(connection.id, 'its extra must be a JSON object')
  }
  return Object.fromEntries(Object.entries(value))
}

/** The folder a `directory` (or `file`) connection names in `extra.path`; it must be absolute: a worker's working folder is nobody's promise. */
export function folderOf(connection: ConnectionResult): string {
  const path = readExtra(connection)['path']
  if (typeof path !== 'string' || path === '') {
    throw new ConnectionUnusableError(
      connection.id,
      'its extra needs "path", an absolute folder, such as {"path": "/data/lake"}',
    )
  }
  if (!isAbsolute(path))
    throw new ConnectionUnusableError(connection.id, `its extra.path must be absolute, found ${path}`)
  return resolve(path)
}
