// `baram/operators/upbit`: Upbit's candles.

export type { Clock } from '../clock.ts'
export {
  CANDLE_COLUMNS,
  type Candle,
  type DayCandle,
  type Market,
  type MinuteCandle,
  type MinuteUnit,
  type PeriodCandle,
} from './candle.ts'
export { type CandleRange, UpbitClient, type UpbitClientOptions } from './client.ts'
export { type CollectCandles, collectCandles } from './collect.ts'
export { type OpenUpbit, openUpbit, SIMULATED_URL_VARIABLE } from './connect.ts'
export {
  UpbitBlockedError,
  UpbitRateLimitedError,
  UpbitRequestError,
  UpbitShapeError,
  UpbitUnavailableError,
} from './errors.ts'
