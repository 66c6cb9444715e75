// One market's candles out of the warehouse, minute by minute, for reports and forecasts.

import { sqlText } from '../../operators/duckdb/session.ts'
import type { Warehouse } from '../../operators/warehouse/warehouse.ts'
import { isMarketCode } from './candle.ts'
import { kstText } from './slot.ts'

export interface Minute {
  /** Epoch ms of its start. */
  readonly at: number
  readonly close: number
  /** Base currency. */
  readonly volume: number
}

/** Minutes with trades in `[start, end)`, in order, each once. */
export async function readMinutes(
  warehouse: Warehouse,
  market: string,
  { start, end, signal }: { readonly start: number; readonly end: number; readonly signal: AbortSignal },
): Promise<readonly Minute[]> {
  if (!isMarketCode(market)) throw new RangeError(`a market code is such as KRW-BTC, found ${market}`)
  const utc = (at: number) => new Date(at).toISOString().slice(0, 19)
  const { rows } = await warehouse.query(
    `select candle_date_time_utc as at, max(trade_price) as close, max(candle_acc_trade_volume) as volume from upbit_lake.candle
     where dt >= ${sqlText(kstText(start).slice(0, 10))} and dt <= ${sqlText(kstText(end).slice(0, 10))} and market = ${sqlText(market)} and unit = 1
       and candle_date_time_utc >= ${sqlText(utc(start))} and candle_date_time_utc < ${sqlText(utc(end))}
     group by candle_date_time_utc order by candle_date_time_utc`,
    { signal },
  )
  return rows.map((row) => ({
    at: Date.parse(`${String(row['at'])}Z`),
    close: Number(row['close']),
    volume: Number(row['volume']),
  }))
}
