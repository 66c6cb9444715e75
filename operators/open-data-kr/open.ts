// The client of a connection: type http, the service key as password.

import { join } from 'node:path'
import type { ConnectionResult, OperatorContext } from '../../sdk/index.ts'
import { type Clock, systemClock } from '../clock.ts'
import { ConnectionUnusableError, readExtra } from '../connection.ts'
import { HttpClient } from '../http/client.ts'
import { targetOf } from '../http/connection.ts'
import { OpenDataClient } from './client.ts'
import { DailyCalls } from './daily-calls.ts'
import { ServiceKey } from './key.ts'

export const OPEN_DATA_CONNECTION = 'open_data_kr_default'
const HOST = 'apis.data.go.kr'
/** Of a development key, for each service. */
const CALLS_PER_DAY = 10_000
const TIMEOUT_S = 60
const MOST_BYTES = 32 * 1024 * 1024

export interface OpenOpenData {
  /** Default `open_data_kr_default`. */
  readonly connId?: string
  /** For tests. */
  readonly clock?: Clock
}

function callsPerDayOf(connection: ConnectionResult): number {
  const value = readExtra(connection)['calls_per_day'] ?? CALLS_PER_DAY
  if (typeof value === 'number' && Number.isInteger(value) && value > 0) return value
  throw new ConnectionUnusableError(connection.id, 'its extra.calls_per_day must be a whole number, such as 10000')
}

const countFolder = (op: Pick<OperatorContext, 'embeddedRoot'>) => join(op.embeddedRoot, 'open-data-kr')

/**
 * The client of a connection of type http whose password is the service key, encoded or decoded. `host` (default
 * `apis.data.go.kr`), `schema` (default https) and `port` say where; `extra.calls_per_day` (default 10,000) is the budget
 * of each service. Close what you get.
 * @throws ConnectionUnusableError when it is missing or cannot be used
 */
export async function openOpenData(
  op: Pick<OperatorContext, 'client' | 'log' | 'signal' | 'embeddedRoot'>,
  { connId = OPEN_DATA_CONNECTION, clock = systemClock }: OpenOpenData = {},
): Promise<OpenDataClient> {
  const connection = await op.client.getConnection(connId)
  if (connection === null)
    throw new ConnectionUnusableError(
      connId,
      'there is none: add it, of type http, with the service key of data.go.kr as its password',
    )
  const key = new ServiceKey(connId, connection.password ?? '')
  const calls = new DailyCalls({ folder: countFolder(op), perDay: callsPerDayOf(connection), clock })
  // The password is the key, and a parameter: as basic authentication it would be sent a second time.
  const address = { host: connection.host || HOST, schema: connection.schema || 'https', login: '', password: '' }
  const target = await targetOf(op, { ...connection, ...address }, ['calls_per_day'])
  const http = new HttpClient(target, op.signal, { timeout: TIMEOUT_S, maxBytes: MOST_BYTES }, clock)
  return new OpenDataClient({ http, key, calls })
}

/** The client of a simulated service of this host, which needs no connection. @param url such as `http://127.0.0.1:4711` */
export function openSimulatedOpenData(
  op: Pick<OperatorContext, 'signal' | 'embeddedRoot'>,
  url: string,
  clock: Clock = systemClock,
): OpenDataClient {
  const key = new ServiceKey('simulated', 'baram-simulated-key')
  const calls = new DailyCalls({ folder: countFolder(op), perDay: CALLS_PER_DAY, clock })
  const target = { base: new URL(url), headers: {}, tls: {} }
  const http = new HttpClient(target, op.signal, { timeout: TIMEOUT_S, maxBytes: MOST_BYTES }, clock)
  return new OpenDataClient({ http, key, calls })
}
