// Which weather service a task reads: the one of its connection (live, opt-in), else the simulated one, said so in the log.

import { type Clock, systemClock } from '../../operators/clock.ts'
import {
  type OpenDataClient,
  OpenDataError,
  type OpenDataItem,
  OpenDataNoDataError,
  openOpenData,
  openSimulatedOpenData,
} from '../../operators/open-data-kr/index.ts'
import { FailTask, type OperatorContext } from '../../sdk/index.ts'
import { dayAndHour, type Hours } from './hours.ts'

/** Set by `dagctl standalone` to the address of its simulated service. */
const SIMULATED_URL_VARIABLE = 'weather_simulated_url'

const HOURLY = '1360000/AsosHourlyInfoService/getWthrDataList'
/** The service cuts a larger page without a word. */
const PAGE = 999

export interface OpenWeather {
  /** Default `open_data_kr_default`; without it the simulated service is read. */
  readonly connId?: string
  /** For tests. */
  readonly clock?: Clock
}

export interface WeatherSource {
  /** Told in logs and row counts. */
  readonly name: string
  readonly isSimulated: boolean
  /** Pages of the station's hours; none when the service does not have them yet. @throws OpenDataError */
  hourly(station: string, hours: Hours): AsyncGenerator<readonly OpenDataItem[]>
  close(): Promise<void>
}

/** Asked for an hour of today, the real service says 99 and "data is served until the day before" instead of 03. */
export const isNotYet = (error: unknown): boolean =>
  error instanceof OpenDataNoDataError ||
  (error instanceof OpenDataError && error.code === '99' && /전날 자료까지/.test(error.message))

function sourceOf(client: OpenDataClient, name: string, isSimulated: boolean): WeatherSource {
  return {
    name,
    isSimulated,
    async *hourly(station, { first, last }) {
      const [start, end] = [dayAndHour(first), dayAndHour(last)]
      const query = {
        dataCd: 'ASOS',
        dateCd: 'HR',
        startDt: start.day,
        startHh: start.hour,
        endDt: end.day,
        endHh: end.hour,
        stnIds: station,
      }
      try {
        yield* client.pages({ service: HOURLY, query, numOfRows: PAGE })
      } catch (error) {
        if (!isNotYet(error)) throw error
      }
    },
    close: () => client.close(),
  }
}

/** Close what you get. @throws FailTask when neither the connection nor a simulated service is there */
export async function openWeather(
  op: OperatorContext,
  { connId = 'open_data_kr_default', clock = systemClock }: OpenWeather = {},
): Promise<WeatherSource> {
  if ((await op.client.getConnection(connId)) !== null) {
    op.log.info({ connId }, 'reading the weather service with the key of the connection')
    return sourceOf(await openOpenData(op, { connId, clock }), HOURLY, false)
  }
  const url = await op.client.getVariable(SIMULATED_URL_VARIABLE)
  if (url === null)
    throw new FailTask(
      `there is no connection ${connId} and no simulated weather service (Variable ${SIMULATED_URL_VARIABLE}): add the connection ` +
        `${connId} of type http with the service key of data.go.kr as its password, or run dagctl standalone, which simulates one`,
    )
  op.log.info({ connId, url }, 'no such connection: the data is simulated, from the weather service of this host')
  return sourceOf(openSimulatedOpenData(op, url, clock), `simulated weather ${url}`, true)
}
