// Price, volume and a forecast of chosen markets as reports, from what the warehouse holds.

import { openWarehouse } from '../../operators/warehouse/open.ts'
import { WarehouseError } from '../../operators/warehouse/warehouse.ts'
import { FailTask, getOperatorContext, type OperatorContext, SkipTask } from '../../sdk/index.ts'
import { backtest, type ForecastError, filled, forecast } from './model.ts'
import { type Minute, readMinutes } from './series.ts'

const MINUTE = 60_000
/** Fewer say nothing. */
const LEAST = 20

export interface ForecastCandles {
  /** Default `['KRW-BTC']`. */
  readonly markets?: readonly string[]
  /** Minutes ahead. Default 30. */
  readonly horizon?: number
  /** Hours of history. Default 24. */
  readonly hours?: number
  /** Default `hive_default`. */
  readonly warehouseConnId?: string
  /** Default `hdfs_default`. */
  readonly lakeConnId?: string
}

export type MarketForecast = {
  readonly market: string
  readonly minutes: number
  /** Of the horizon's end; null = too short a history to tell. */
  readonly error: { readonly [K in keyof ForecastError]: number } | null
}

const digits = (value: number): number => Number(value.toPrecision(8))

async function publishMarket(
  op: OperatorContext,
  market: string,
  minutes: readonly Minute[],
  horizon: number,
): Promise<MarketForecast> {
  const all = filled(minutes)
  const closes = all.map((minute) => minute.close)
  const said = forecast(closes, horizon)
  const last = all.at(-1)?.at ?? 0
  const error = backtest(closes, horizon)
  const wrong =
    error === null
      ? 'too short a history to measure its error'
      : `mean error ${error.mape.toFixed(2)} % (naive ${error.naiveMape.toFixed(2)} %)`
  await op.publish(`forecast_${market}`, {
    title: `${market}: price, volume, and ${horizon} minutes ahead by a damped trend; ${wrong}`,
    columns: [
      { name: 'minute', type: 'instant' },
      { name: 'close', type: 'number', unit: market.split('-')[0] ?? '' },
      { name: 'forecast', type: 'number', unit: market.split('-')[0] ?? '' },
      { name: 'volume', type: 'number', unit: market.split('-')[1] ?? '' },
    ],
    rows: [
      ...all.map((minute) => [
        minute.at,
        minute.close,
        minute.at === last ? minute.close : null,
        digits(minute.volume),
      ]),
      ...said.map((close, i) => [last + (i + 1) * MINUTE, null, digits(close), null]),
    ],
    charts: [
      { kind: 'line', x: 'minute', y: ['close', 'forecast'] },
      { kind: 'bar', x: 'minute', y: ['volume'] },
    ],
  })
  return { market, minutes: minutes.length, error }
}

async function publishErrors(op: OperatorContext, found: readonly MarketForecast[], horizon: number): Promise<void> {
  await op.publish('forecast_error', {
    title: `Error of the baseline ${horizon} minutes ahead`,
    columns: [
      { name: 'market', type: 'text' },
      { name: 'forecasts compared', type: 'number' },
      { name: 'damped trend', type: 'number', unit: '% off on average' },
      { name: 'as it is now', type: 'number', unit: '% off on average' },
    ],
    rows: found.map(({ market, error }) =>
      error === null ? [market, 0, null, null] : [market, error.n, digits(error.mape), digits(error.naiveMape)],
    ),
    charts: found.length > 1 ? [{ kind: 'bar', x: 'market', y: ['damped trend', 'as it is now'] }] : [],
  })
}

/** Reads the history up to the run's interval, forecasts and publishes. Call it inside a task. @throws SkipTask without enough candles */
export async function forecastCandles(options: ForecastCandles = {}): Promise<readonly MarketForecast[]> {
  const op = getOperatorContext('forecastCandles')
  const {
    markets = ['KRW-BTC'],
    horizon = 30,
    hours = 24,
    warehouseConnId = 'hive_default',
    lakeConnId = 'hdfs_default',
  } = options
  if (op.run.dataInterval === null)
    throw new FailTask('the run has no data interval: give the DAG a schedule with intervals')
  const end = op.run.dataInterval.end.getTime()
  const warehouse = await openWarehouse(op, warehouseConnId, lakeConnId)
  const found: MarketForecast[] = []
  try {
    // Throws where nothing has been loaded yet.
    await warehouse.partitions({ database: 'upbit_lake', table: 'candle' }, { signal: op.signal })
    for (const market of markets) {
      const minutes = await readMinutes(warehouse, market, { start: end - hours * 3_600_000, end, signal: op.signal })
      if (minutes.length < LEAST) {
        op.log.info({ market, minutes: minutes.length, least: LEAST }, 'too few candles to forecast yet')
        continue
      }
      const told = await publishMarket(op, market, minutes, horizon)
      op.log.info({ market, minutes: minutes.length, horizon, ...told.error }, 'forecast published')
      found.push(told)
    }
  } catch (error) {
    if (error instanceof WarehouseError) throw new SkipTask(`there is no table of candles yet: ${error.message}`)
    throw error
  } finally {
    await warehouse.close()
  }
  if (found.length === 0)
    throw new SkipTask(`no market has ${LEAST} minutes of candles in the ${hours} hours before the run yet`)
  await publishErrors(op, found, horizon)
  return found
}
