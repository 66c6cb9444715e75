// Candles as Upbit writes them, checked before a row is accepted, and the columns they are stored in.

import type { RowOf } from '../../operators/parquet/columns.ts'
import { UpbitShapeError } from './errors.ts'

export const MINUTE_UNITS = [1, 3, 5, 10, 15, 30, 60, 240] as const
export type MinuteUnit = (typeof MINUTE_UNITS)[number]

/** Field names are the API's. */
export interface Candle {
  readonly market: string
  /** `2024-03-18T00:00:00`: the candle's start, UTC, without a zone. */
  readonly candle_date_time_utc: string
  readonly candle_date_time_kst: string
  readonly opening_price: number
  readonly high_price: number
  readonly low_price: number
  /** The closing price. */
  readonly trade_price: number
  /** Epoch ms of the last trade written: 64 bits; may lie past the candle's end, so derive nothing from it. */
  readonly timestamp: number
  /** In the quote currency. */
  readonly candle_acc_trade_price: number
  /** In the base currency. */
  readonly candle_acc_trade_volume: number
}

export interface MinuteCandle extends Candle {
  /** Minutes. */
  readonly unit: number
}

export interface DayCandle extends Candle {
  readonly prev_closing_price: number | null
  readonly change_price: number | null
  readonly change_rate: number | null
}

/** Of a week or a month. */
export interface PeriodCandle extends Candle {
  readonly first_day_of_period: string
}

export interface Market {
  readonly market: string
  readonly korean_name: string
  readonly english_name: string
}

/** Of the Parquet file and of the table, in the API's order. `timestamp` is BIGINT: 1712218367797 does not fit 32 bits. */
export const CANDLE_COLUMNS = {
  market: 'STRING',
  candle_date_time_utc: 'STRING',
  candle_date_time_kst: 'STRING',
  opening_price: 'DOUBLE',
  high_price: 'DOUBLE',
  low_price: 'DOUBLE',
  trade_price: 'DOUBLE',
  timestamp: 'BIGINT',
  candle_acc_trade_price: 'DOUBLE',
  candle_acc_trade_volume: 'DOUBLE',
  unit: 'INT',
} as const

export function candleRow(candle: MinuteCandle): RowOf<typeof CANDLE_COLUMNS> {
  return { ...candle, timestamp: BigInt(candle.timestamp) }
}

type Fields = Readonly<Record<string, unknown>>

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wrong(field: string, expected: string, found: unknown): never {
  throw new UpbitShapeError(`${field} should be ${expected}, found ${JSON.stringify(found) ?? typeof found}`)
}

function text(fields: Fields, name: string): string {
  const value = fields[name]
  return typeof value === 'string' && value !== '' ? value : wrong(name, 'text', value)
}

function number(fields: Fields, name: string): number {
  const value = fields[name]
  return typeof value === 'number' && Number.isFinite(value) ? value : wrong(name, 'a number', value)
}

function optionalNumber(fields: Fields, name: string): number | null {
  return fields[name] === null || fields[name] === undefined ? null : number(fields, name)
}

function dateTime(fields: Fields, name: string): string {
  const value = text(fields, name)
  return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$/.test(value)
    ? value
    : wrong(name, 'a date and time without a zone', value)
}

function wholeNumber(fields: Fields, name: string): number {
  const value = number(fields, name)
  return Number.isSafeInteger(value) ? value : wrong(name, 'a whole number', value)
}

/** Epoch ms of the candle's start. */
export function startOfCandle(candle: Candle): number {
  return Date.parse(`${candle.candle_date_time_utc}Z`)
}

/** @throws UpbitShapeError when the answer is no list */
export function parseList(body: unknown): readonly unknown[] {
  return Array.isArray(body) ? body : wrong('the answer', 'a list', body)
}

function parseCandle(value: unknown, market: string): { candle: Candle; fields: Fields } {
  if (!isFields(value)) return wrong('a candle', 'an object', value)
  if (value['market'] !== market) wrong('market', market, value['market'])
  const candle = {
    market,
    candle_date_time_utc: dateTime(value, 'candle_date_time_utc'),
    candle_date_time_kst: dateTime(value, 'candle_date_time_kst'),
    opening_price: number(value, 'opening_price'),
    high_price: number(value, 'high_price'),
    low_price: number(value, 'low_price'),
    trade_price: number(value, 'trade_price'),
    timestamp: wholeNumber(value, 'timestamp'),
    candle_acc_trade_price: number(value, 'candle_acc_trade_price'),
    candle_acc_trade_volume: number(value, 'candle_acc_trade_volume'),
  }
  return { candle, fields: value }
}

export function parseMinuteCandle(value: unknown, market: string, unit: MinuteUnit): MinuteCandle {
  const { candle, fields } = parseCandle(value, market)
  if (fields['unit'] !== unit) wrong('unit', String(unit), fields['unit'])
  return { ...candle, unit }
}

export function parseDayCandle(value: unknown, market: string): DayCandle {
  const { candle, fields } = parseCandle(value, market)
  return {
    ...candle,
    prev_closing_price: optionalNumber(fields, 'prev_closing_price'),
    change_price: optionalNumber(fields, 'change_price'),
    change_rate: optionalNumber(fields, 'change_rate'),
  }
}

export function parsePeriodCandle(value: unknown, market: string): PeriodCandle {
  const { candle, fields } = parseCandle(value, market)
  return { ...candle, first_day_of_period: text(fields, 'first_day_of_period') }
}

export function parseMarket(value: unknown): Market {
  if (!isFields(value)) return wrong('a market', 'an object', value)
  const market = text(value, 'market')
  if (!isMarketCode(market)) wrong('market', 'a code such as KRW-BTC', market)
  return { market, korean_name: text(value, 'korean_name'), english_name: text(value, 'english_name') }
}

export function isMarketCode(code: string): boolean {
  return /^[A-Z]{3,5}-[A-Z0-9]{1,20}$/.test(code)
}
