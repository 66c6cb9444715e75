// Recorded candles as a source: what was recorded is served, in its order and with its faults, and nothing else.

import {
  type CandleKind,
  type CandleQuery,
  type CandleSource,
  isoSeconds,
  type UpbitCandle,
  type UpbitMarket,
} from './candle.ts'

function isOf(candle: UpbitCandle, of: CandleKind): boolean {
  return of.kind === 'minutes' ? candle.unit === of.unit : candle.unit === undefined
}

/** Newest first. Sorting is stable: a row that was recorded twice is served twice. */
export function replaySource(candles: readonly UpbitCandle[]): CandleSource {
  const byMarket = new Map<string, UpbitCandle[]>()
  for (const candle of candles) {
    const own = byMarket.get(candle.market) ?? []
    own.push(candle)
    byMarket.set(candle.market, own)
  }
  for (const own of byMarket.values())
    own.sort((a, b) =>
      a.candle_date_time_utc < b.candle_date_time_utc ? 1 : a.candle_date_time_utc > b.candle_date_time_utc ? -1 : 0,
    )
  const markets: readonly UpbitMarket[] = [...byMarket.keys()].map((market) => ({
    market,
    korean_name: market,
    english_name: market,
  }))
  return {
    name: `a recording of ${candles.length} candles`,
    markets: () => markets,
    candles({ market, of, to, count, now }: CandleQuery): readonly UpbitCandle[] {
      const before = isoSeconds(Math.min(to, now) + 999)
      const own = byMarket.get(market) ?? []
      return own.filter((candle) => isOf(candle, of) && candle.candle_date_time_utc < before).slice(0, count)
    },
  }
}
