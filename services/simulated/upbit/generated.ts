// Generated candles: a pure function of (seed, market, minute), so that asking twice, or from two processes, gives the same.
//
// Prices are smooth noise in several octaves around a level of the market; a minute has trades or not by a hash, often for the
// large markets and seldom for the small ones; a minute without trades has no candle. Minute candles of a larger unit are made
// of their minutes. Days, weeks and months are drawn from 24 points each: summing 43,200 minutes a month would take seconds.

import { chance, hashText } from '../chance.ts'
import {
  type CandleKind,
  type CandleQuery,
  type CandleSource,
  isoSeconds,
  kstSeconds,
  nextStart,
  startOf,
  type UpbitCandle,
  type UpbitMarket,
} from './candle.ts'
import { simulatedMarkets } from './markets.ts'

const MINUTE = 60_000
/** Upbit's first day. */
const OPENING = Date.UTC(2017, 8, 25)
/** A market without trades for this long answers with fewer candles than asked: the search backwards ends somewhere. */
const LONGEST_SEARCH_MINUTES = 60_000

/** Smooth noise in [-1, 1]: chance at whole multiples of `period`, eased between them. */
function smooth(seed: number, salt: number, at: number, period: number): number {
  const step = Math.floor(at / period)
  const t = at / period - step
  const eased = t * t * (3 - 2 * t)
  return (chance(seed, salt, step) * (1 - eased) + chance(seed, salt, step + 1) * eased) * 2 - 1
}

/** Minutes of each octave and how far it moves the price. */
const OCTAVES: readonly (readonly [period: number, weight: number])[] = [
  [129_600, 0.5],
  [10_080, 0.12],
  [1_440, 0.04],
  [240, 0.012],
  [30, 0.004],
  [5, 0.0015],
]

interface Traits {
  readonly seed: number
  readonly level: number
  /** Share of minutes with trades. */
  readonly liveliness: number
  readonly listedAt: number
}

function traitsOf(seed: number, { market }: UpbitMarket, rank: number): Traits {
  const own = hashText(`${seed}/${market}`)
  const isKrw = market.startsWith('KRW-')
  const level = Math.exp((isKrw ? 12 : -6) - rank * 0.05 + chance(own, 1, 0) * 4)
  const liveliness = rank === 0 ? 1 : Math.max(0.01, (isKrw ? 0.98 : 0.3) * Math.exp(-rank / (isKrw ? 60 : 40)))
  const listedAt = rank < 20 ? OPENING : startOf({ kind: 'days' }, OPENING + chance(own, 2, 0) * 5 * 365 * 86_400_000)
  return { seed: own, level, liveliness, listedAt }
}

/** Six significant digits: like a tick size, and without the noise of binary fractions. */
function rounded(value: number): number {
  return Number(value.toPrecision(6))
}

function priceAt(traits: Traits, minute: number): number {
  const log = OCTAVES.reduce(
    (sum, [period, weight], i) => sum + weight * smooth(traits.seed, 10 + i, minute, period),
    0,
  )
  return rounded(traits.level * Math.exp(log))
}

function hasTrades(traits: Traits, minute: number): boolean {
  return minute * MINUTE >= traits.listedAt && chance(traits.seed, 30, minute) < traits.liveliness
}

type Bar = Pick<
  UpbitCandle,
  | 'opening_price'
  | 'high_price'
  | 'low_price'
  | 'trade_price'
  | 'timestamp'
  | 'candle_acc_trade_price'
  | 'candle_acc_trade_volume'
>

function minuteBar(traits: Traits, minute: number): Bar {
  const open = priceAt(traits, minute)
  const close = priceAt(traits, minute + 0.999)
  const volume = Number(((500 / traits.level) * (1 + 200 * chance(traits.seed, 31, minute) ** 4)).toPrecision(8))
  return {
    opening_price: open,
    high_price: rounded(Math.max(open, close) * (1 + 0.001 * chance(traits.seed, 32, minute))),
    low_price: rounded(Math.min(open, close) * (1 - 0.001 * chance(traits.seed, 33, minute))),
    trade_price: close,
    timestamp: minute * MINUTE + Math.floor(chance(traits.seed, 34, minute) * (MINUTE - 1)),
    candle_acc_trade_price: Number((volume * (open + close) * 0.5).toPrecision(12)),
    candle_acc_trade_volume: volume,
  }
}

function joined(bars: readonly Bar[]): Bar | null {
  const [first, last] = [bars[0], bars.at(-1)]
  if (first === undefined || last === undefined) return null
  const sum = (of: (bar: Bar) => number) => bars.reduce((total, bar) => total + of(bar), 0)
  return {
    opening_price: first.opening_price,
    high_price: Math.max(...bars.map((bar) => bar.high_price)),
    low_price: Math.min(...bars.map((bar) => bar.low_price)),
    trade_price: last.trade_price,
    timestamp: last.timestamp,
    candle_acc_trade_price: Number(sum((bar) => bar.candle_acc_trade_price).toPrecision(12)),
    candle_acc_trade_volume: Number(sum((bar) => bar.candle_acc_trade_volume).toPrecision(12)),
  }
}

/** The bar of a candle, of what has happened until `now`; `null` when nothing was traded. */
function barOf(traits: Traits, of: CandleKind, start: number, now: number): Bar | null {
  const end = Math.min(nextStart(of, start), now)
  const step = of.kind === 'minutes' ? 1 : Math.max(1, Math.round((nextStart(of, start) - start) / MINUTE / 24))
  const bars: Bar[] = []
  for (let minute = start / MINUTE; minute * MINUTE < end; minute += step) {
    if (of.kind === 'minutes' ? hasTrades(traits, minute) : minute * MINUTE >= traits.listedAt)
      bars.push(minuteBar(traits, minute))
  }
  const bar = joined(bars)
  return bar === null ? null : stillOpen(bar, start, nextStart(of, start), now)
}

/** A candle in progress has part of its volume, and no trade later than now. */
function stillOpen(bar: Bar, start: number, end: number, now: number): Bar {
  if (now >= end) return bar
  const share = Math.max(0.01, (now - start) / (end - start))
  return {
    ...bar,
    timestamp: Math.min(bar.timestamp, now),
    candle_acc_trade_price: Number((bar.candle_acc_trade_price * share).toPrecision(12)),
    candle_acc_trade_volume: Number((bar.candle_acc_trade_volume * share).toPrecision(12)),
  }
}

function extras(traits: Traits, of: CandleKind, start: number, bar: Bar): Partial<UpbitCandle> {
  switch (of.kind) {
    case 'minutes':
      return { unit: of.unit }
    case 'days': {
      const before = priceAt(traits, start / MINUTE - 0.001)
      const change = Number((bar.trade_price - before).toPrecision(8))
      return { prev_closing_price: before, change_price: change, change_rate: Number((change / before).toPrecision(8)) }
    }
    case 'weeks':
    case 'months':
      return { first_day_of_period: isoSeconds(start).slice(0, 10) }
  }
}

/** Candles that look real and are not. The same seed gives the same candles for ever. */
export function generatedSource(seed: number): CandleSource {
  const markets = simulatedMarkets()
  const ranks = new Map<string, number>()
  const traits = new Map(
    markets.map((market) => {
      const quote = market.market.split('-')[0] ?? ''
      const rank = ranks.get(quote) ?? 0
      ranks.set(quote, rank + 1)
      return [market.market, traitsOf(seed, market, rank)] as const
    }),
  )
  return {
    name: `generated candles, seed ${seed}`,
    markets: () => markets,
    candles({ market, of, to, count, now }: CandleQuery): readonly UpbitCandle[] {
      const own = traits.get(market)
      if (own === undefined) return []
      const newest = Math.min(to, now) - 1
      const oldest = Math.max(
        own.listedAt,
        newest - LONGEST_SEARCH_MINUTES * MINUTE * (of.kind === 'minutes' ? of.unit : 1_000_000),
      )
      const found: UpbitCandle[] = []
      for (
        let start = startOf(of, newest);
        start >= startOf(of, oldest) && found.length < count;
        start = startOf(of, start - 1)
      ) {
        const bar = barOf(own, of, start, now)
        if (bar === null) continue
        const times = { candle_date_time_utc: isoSeconds(start), candle_date_time_kst: kstSeconds(start) }
        found.push({ market, ...times, ...bar, ...extras(own, of, start, bar) })
      }
      return found
    },
  }
}
