// Recorded candles as the exchange's replay source takes them.

import type { UpbitCandle } from '../../services/simulated/upbit/candle.ts'
import { recordedCsv, recordedJson, recordedNames } from './recorded.ts'

/** Pages are served as they were recorded: JSON of the API itself. */
export function recordedPages(prefix: string): readonly UpbitCandle[] {
  const names = recordedNames('upbit').filter((name) => name.startsWith(prefix) && name.endsWith('.json'))
  // The files are verbatim answers of the API, whose rows UpbitCandle describes.
  return names.flatMap((name) => recordedJson('upbit', name) as UpbitCandle[])
}

/** The minutes of 2018, 10,000 rows with one of them twice. */
export function recordedMinutes2018(): readonly UpbitCandle[] {
  return recordedCsv('upbit', 'minutes1_KRW-BTC_2018-01-25_2018-02-01.csv.gz').map((row) => ({
    market: row['market'] ?? '',
    candle_date_time_utc: row['candle_date_time_utc'] ?? '',
    candle_date_time_kst: row['candle_date_time_kst'] ?? '',
    opening_price: Number(row['opening_price']),
    high_price: Number(row['high_price']),
    low_price: Number(row['low_price']),
    trade_price: Number(row['trade_price']),
    timestamp: Number(row['timestamp']),
    candle_acc_trade_price: Number(row['candle_acc_trade_price']),
    candle_acc_trade_volume: Number(row['candle_acc_trade_volume']),
    unit: Number(row['unit']),
  }))
}
