// Which exchange a task talks to: the one of its connection, else the simulated one, said so in the log.

import { type Clock, systemClock } from '../../operators/clock.ts'
import { ConnectionUnusableError, readExtra } from '../../operators/connection.ts'
import { type ConnectionResult, FailTask, type OperatorContext } from '../../sdk/index.ts'
import { UpbitClient } from './client.ts'

/** Set by `dagctl standalone` to the address of its simulated exchange. */
export const SIMULATED_URL_VARIABLE = 'upbit_simulated_url'

/** `host` may hold the whole address, as Airflow's HTTP hook allows; else `schema` (default https), `host` and `port` make it. */
function baseUrlOf(connection: ConnectionResult): string {
  const host = connection.host ?? ''
  const url = host.includes('://') ? host : `${connection.schema || 'https'}://${host}`
  if (host === '' || !URL.canParse(url) || !/^https?:/.test(url)) {
    throw new ConnectionUnusableError(connection.id, 'it needs a host, such as api.upbit.com, with schema https')
  }
  const parsed = new URL(url)
  if (connection.port) parsed.port = String(connection.port)
  return parsed.origin
}

function authorizationOf({ login, password }: ConnectionResult): string | null {
  if (!login) return null
  return `Basic ${Buffer.from(`${login}:${password ?? ''}`).toString('base64')}`
}

function requestsPerSecondOf(connection: ConnectionResult): number {
  const value = readExtra(connection)['requests_per_second'] ?? 10
  if (typeof value === 'number' && value > 0 && value <= 1_000) return value
  throw new ConnectionUnusableError(connection.id, 'its extra.requests_per_second must be a number above 0, such as 10')
}

export interface OpenUpbit {
  /** Default `upbit_default`, of type http. */
  readonly connId?: string
  readonly clock?: Clock
}

/** Close what you get. @throws FailTask when neither the connection nor a simulated exchange is there */
export async function openUpbit(
  op: OperatorContext,
  { connId = 'upbit_default', clock = systemClock }: OpenUpbit = {},
): Promise<UpbitClient> {
  const connection = await op.client.getConnection(connId)
  if (connection !== null) {
    if (connection.type !== 'http')
      throw new ConnectionUnusableError(connId, `it must be of type http, found ${connection.type}`)
    const authorization = authorizationOf(connection)
    const baseUrl = baseUrlOf(connection)
    op.log.info({ connId, baseUrl }, 'reading candles from the exchange of the connection')
    const requestsPerSecond = requestsPerSecondOf(connection)
    return new UpbitClient({
      baseUrl,
      requestsPerSecond,
      clock,
      signal: op.signal,
      ...(authorization === null ? {} : { authorization }),
    })
  }
  const baseUrl = await op.client.getVariable(SIMULATED_URL_VARIABLE)
  if (baseUrl === null) {
    throw new FailTask(
      `there is no connection ${connId} and no simulated exchange (Variable ${SIMULATED_URL_VARIABLE}): ` +
        `add the connection ${connId} of type http with host api.upbit.com, or run dagctl standalone, which starts a simulated exchange`,
    )
  }
  op.log.info(
    { connId, baseUrl },
    'no such connection: the data is simulated, from the simulated exchange of this host',
  )
  return new UpbitClient({ baseUrl, clock, signal: op.signal })
}
