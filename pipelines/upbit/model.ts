// The baseline forecast: a damped trend. It is meant to be beaten, and says how wrong it has been.
//
// Holt's linear exponential smoothing with a damped trend (Gardner and McKenzie, 1985) on minute closes, a minute without a
// trade holding the last price: level l, trend b, smoothing α = 0.5, β = 0.05, damping φ = 0.9, so that h minutes ahead it says
// l + (φ + φ² + … + φʰ) b. Its error is measured as it would have been made: from every tenth minute of the second half of the
// series, forecasts of the same horizon against what came, beside the naive forecast "as it is now".

import type { Minute } from './series.ts'

const MINUTE = 60_000
const ALPHA = 0.5
const BETA = 0.05
const PHI = 0.9

interface State {
  readonly level: number
  readonly trend: number
}

/** Every minute has a price: one without a trade holds the last. */
export function filled(minutes: readonly Minute[]): readonly Minute[] {
  const first = minutes[0]
  if (first === undefined) return []
  const all: Minute[] = [first]
  let last = first
  for (const minute of minutes.slice(1)) {
    for (let at = last.at + MINUTE; at < minute.at; at += MINUTE) all.push({ at, close: last.close, volume: 0 })
    all.push(minute)
    last = minute
  }
  return all
}

function smooth(closes: readonly number[]): State {
  let level = closes[0] ?? 0
  let trend = 0
  for (const close of closes.slice(1)) {
    const before = level
    level = ALPHA * close + (1 - ALPHA) * (level + PHI * trend)
    trend = BETA * (level - before) + (1 - BETA) * PHI * trend
  }
  return { level, trend }
}

/** The closes of the next `horizon` minutes. */
export function forecast(closes: readonly number[], horizon: number): readonly number[] {
  const { level, trend } = smooth(closes)
  let damped = 0
  return Array.from({ length: horizon }, (_, i) => {
    damped += PHI ** (i + 1)
    return Math.max(0, level + damped * trend)
  })
}

export interface ForecastError {
  /** Forecasts that were compared. */
  readonly n: number
  /** Mean absolute error, quote currency. */
  readonly mae: number
  /** Mean absolute percentage error. */
  readonly mape: number
  /** The naive forecast's. */
  readonly naiveMae: number
  readonly naiveMape: number
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** The error at the horizon's end, over rolling origins. Null when the series is too short to tell. */
export function backtest(closes: readonly number[], horizon: number, step = 10): ForecastError | null {
  const off: number[] = []
  const naive: number[] = []
  const offShare: number[] = []
  const naiveShare: number[] = []
  for (let origin = Math.floor(closes.length / 2); origin + horizon <= closes.length; origin += step) {
    const said = forecast(closes.slice(0, origin), horizon).at(-1)
    const came = closes[origin + horizon - 1]
    const now = closes[origin - 1]
    if (said === undefined || came === undefined || now === undefined || came === 0) continue
    off.push(Math.abs(said - came))
    naive.push(Math.abs(now - came))
    offShare.push((Math.abs(said - came) / came) * 100)
    naiveShare.push((Math.abs(now - came) / came) * 100)
  }
  if (off.length === 0) return null
  return { n: off.length, mae: mean(off), mape: mean(offShare), naiveMae: mean(naive), naiveMape: mean(naiveShare) }
}
