// A candle as Upbit's API writes it, and the kinds of candles its paths name. pipelines/upbit has its own view of the same API: a
// server shares no code with its client. test/pipelines/simulated-sources.test.ts compares the two.

/** Field names and their order are the API's. */
export interface UpbitCandle {
  readonly market: string
  readonly candle_date_time_utc: string
  readonly candle_date_time_kst: string
  readonly opening_price: number
  readonly high_price: number
  readonly low_price: number
  readonly trade_price: number
  /** Epoch milliseconds of the last trade written. */
  readonly timestamp: number
  readonly candle_acc_trade_price: number
  readonly candle_acc_trade_volume: number
  /** Minutes; only minute candles have it. */
  readonly unit?: number
  readonly prev_closing_price?: number
  readonly change_price?: number
  readonly change_rate?: number
  readonly first_day_of_period?: string
}

export interface UpbitMarket {
  readonly market: string
  readonly korean_name: string
  readonly english_name: string
}

export const MINUTE_UNITS = [1, 3, 5, 10, 15, 30, 60, 240] as const
export type CandleKind =
  | { readonly kind: 'minutes'; readonly unit: number }
  | { readonly kind: 'days' | 'weeks' | 'months' }

export interface CandleQuery {
  readonly market: string
  readonly of: CandleKind
  /** Exclusive, epoch ms. */
  readonly to: number
  readonly count: number
  /** Nothing after it exists yet. */
  readonly now: number
}

/** Where an exchange has its candles from: seeded chance, or a recording. */
export interface CandleSource {
  /** Told at `/`. */
  readonly name: string
  markets(): readonly UpbitMarket[]
  /** Newest first, at most `count`. */
  candles(query: CandleQuery): readonly UpbitCandle[]
}

const MINUTE = 60_000
const DAY = 86_400_000
const KST = 9 * 3_600_000
/** 1970-01-05, the first Monday: Upbit's weeks begin on Mondays at 00:00 UTC. */
const FIRST_MONDAY = 4 * DAY

/** `2024-03-18T00:00:00`, without a zone, as the API has it. */
export function isoSeconds(at: number): string {
  return new Date(at).toISOString().slice(0, 19)
}

export function kstSeconds(at: number): string {
  return isoSeconds(at + KST)
}

/** Start of the candle that covers the instant. */
export function startOf(of: CandleKind, at: number): number {
  switch (of.kind) {
    case 'minutes':
      return Math.floor(at / (of.unit * MINUTE)) * of.unit * MINUTE
    case 'days':
      return Math.floor(at / DAY) * DAY
    case 'weeks':
      return Math.floor((at - FIRST_MONDAY) / (7 * DAY)) * 7 * DAY + FIRST_MONDAY
    case 'months': {
      const date = new Date(at)
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
    }
  }
}

/** Start of the candle after the one that starts at `start`. */
export function nextStart(of: CandleKind, start: number): number {
  if (of.kind === 'minutes') return start + of.unit * MINUTE
  return startOf(of, start + (of.kind === 'days' ? DAY : of.kind === 'weeks' ? 7 * DAY : 31 * DAY))
}
