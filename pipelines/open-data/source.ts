// Where a task reads a service of data.go.kr: from the portal, by its connection (live, opt-in), else from a simulated one, said
// so in the log.

import { type Clock, systemClock } from '../../operators/clock.ts'
import {
  type OpenDataClient,
  OpenDataError,
  OpenDataNoDataError,
  openOpenData,
  openSimulatedOpenData,
} from '../../operators/open-data-kr/index.ts'
import { FailTask, type OperatorContext } from '../../sdk/index.ts'

export interface OpenSource {
  /** Default `open_data_kr_default`; without it the simulated service is read. */
  readonly connId?: string
  /** For tests. */
  readonly clock?: Clock
}

/** What stands in for a service. */
export interface Simulated {
  /** Set by `dagctl standalone` to the address of its simulated service. */
  readonly variable: string
  /** `weather service` */
  readonly what: string
}

export interface OpenedSource {
  readonly client: OpenDataClient
  readonly isSimulated: boolean
  /** `http://127.0.0.1:4711` of a simulated one. */
  readonly url: string | null
}

/** Asked for today, some services say 99 and "data is served until the day before" instead of 03. */
export const isNotYet = (error: unknown): boolean =>
  error instanceof OpenDataNoDataError ||
  (error instanceof OpenDataError && error.code === '99' && /전날 자료까지/.test(error.message))

/** Close the client. @throws FailTask when neither the connection nor a simulated service is there */
export async function openSource(
  op: OperatorContext,
  { variable, what }: Simulated,
  { connId = 'open_data_kr_default', clock = systemClock }: OpenSource = {},
): Promise<OpenedSource> {
  if ((await op.client.getConnection(connId)) !== null) {
    op.log.info({ connId }, `reading the ${what} with the key of the connection`)
    return { client: await openOpenData(op, { connId, clock }), isSimulated: false, url: null }
  }
  const url = await op.client.getVariable(variable)
  if (url === null)
    throw new FailTask(
      `there is no connection ${connId} and no simulated ${what} (Variable ${variable}): add the connection ` +
        `${connId} of type http with the service key of data.go.kr as its password, or run dagctl standalone, which simulates one`,
    )
  op.log.info({ connId, url }, `no such connection: the data is simulated, from the ${what} of this host`)
  return { client: openSimulatedOpenData(op, url, clock), isSimulated: true, url }
}
