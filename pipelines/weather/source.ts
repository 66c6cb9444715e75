// The two services of the Korea Meteorological Administration that are read: observations by hour and by day (ASOS).

import type { OpenDataItem } from '../../operators/open-data-kr/index.ts'
import type { OperatorContext } from '../../sdk/index.ts'
import { dayAndHour, type Slot } from '../open-data/slot.ts'
import { isNotYet, type OpenedSource, type OpenSource, openSource } from '../open-data/source.ts'

const SIMULATED = { variable: 'weather_simulated_url', what: 'weather service' }

const HOURLY = '1360000/AsosHourlyInfoService/getWthrDataList'
const DAILY = '1360000/AsosDalyInfoService/getWthrDataList'
/** The service cuts a larger page without a word. */
const PAGE = 999

type Pages = AsyncGenerator<readonly OpenDataItem[]>

export interface WeatherSource {
  /** Told in logs and row counts. */
  readonly name: string
  readonly isSimulated: boolean
  /** Pages of the station's hours; none when the service does not have them yet. @throws OpenDataError */
  hourly(station: string, hours: Slot): Pages
  /** Pages of the station's days; none when the service does not have them yet. @throws OpenDataError */
  daily(station: string, days: Slot): Pages
  close(): Promise<void>
}

function sourceOf({ client, isSimulated, url }: OpenedSource, service: string): WeatherSource {
  async function* pages(path: string, query: Readonly<Record<string, string>>): Pages {
    try {
      yield* client.pages({ service: path, query: { dataCd: 'ASOS', ...query }, numOfRows: PAGE })
    } catch (error) {
      if (!isNotYet(error)) throw error
    }
  }
  return {
    name: isSimulated ? `simulated weather ${url}` : service,
    isSimulated,
    hourly(station, { first, last }) {
      const [start, end] = [dayAndHour(first), dayAndHour(last)]
      const span = { startDt: start.day, startHh: start.hour, endDt: end.day, endHh: end.hour }
      return pages(HOURLY, { dateCd: 'HR', ...span, stnIds: station })
    },
    daily(station, { first, last }) {
      const span = { startDt: dayAndHour(first).day, endDt: dayAndHour(last).day }
      return pages(DAILY, { dateCd: 'DAY', ...span, stnIds: station })
    },
    close: () => client.close(),
  }
}

/** Close what you get. @throws FailTask when neither the connection nor a simulated service is there */
export async function openWeather(
  op: OperatorContext,
  by: 'hour' | 'day',
  options: OpenSource = {},
): Promise<WeatherSource> {
  return sourceOf(await openSource(op, SIMULATED, options), by === 'hour' ? HOURLY : DAILY)
}
