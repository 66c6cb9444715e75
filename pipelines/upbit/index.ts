// `baram/pipelines/upbit`: Upbit's candles.

export type { Clock } from '../../operators/clock.ts'
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
export { type CompactDay, type CompactedDay, compactDay, type DayReady, isDayReady } from './daily.ts'
export {
  UpbitBlockedError,
  UpbitRateLimitedError,
  UpbitRequestError,
  UpbitShapeError,
  UpbitUnavailableError,
} from './errors.ts'
export { type ForecastCandles, forecastCandles, type MarketForecast } from './forecast.ts'
