// Rows of the KRX market-cap history as texts, and as values once they are proven.
//
// Column order and quoting differ by year, whole numbers carry `.0`, codes have leading zeros, and what is missing is empty:
// so rows are read by name, normalised here, and nothing that JSON cannot hold gets further.

import type { Fields } from '../../operators/document-index/index.ts'
import { FailTask } from '../../sdk/index.ts'

/** A row by the source's own column names; empty = missing. */
export type RawStock = Readonly<Record<string, string | null>>

export type StockRow = {
  /** Six characters, with leading zeros. */
  readonly Code: string
  readonly Name: string
  readonly Market: string | null
  /** Empty for every KOSPI row, and not for every other. */
  readonly Dept: string | null
  /** KRW. */
  readonly Close: number
  /** 1 up, 2 down, 3 unchanged, 4 upper limit, 5 lower limit; the source also has 0. */
  readonly ChangeCode: string | null
  readonly Changes: number | null
  /** Percent; the source's own spelling. */
  readonly ChagesRatio: number | null
  readonly Open: number | null
  readonly High: number | null
  readonly Low: number | null
  /** Shares. */
  readonly Volume: number | null
  /** KRW; beyond 2^31. */
  readonly Amount: number | null
  /** KRW, though the publisher's description says million KRW; beyond 2^31. */
  readonly Marcap: number
  readonly Stocks: number | null
  readonly MarketId: string | null
  readonly Rank: number
  /** `2020-12-30` */
  readonly Date: string
}

/** The columns a source must have; `Dept` may be absent, as in the reference pipeline's messages. */
const REQUIRED_COLUMNS = ['Code', 'Name', 'Close', 'Marcap', 'Rank', 'Date'] as const

/** @throws FailTask */
export function requireColumns(source: string, names: readonly string[]): void {
  const missing = REQUIRED_COLUMNS.filter((column) => !names.includes(column))
  if (missing.length > 0)
    throw new FailTask(`${source} lacks the columns ${missing.join(', ')}; it has ${names.slice(0, 30).join(', ')}`)
}

/** How the index holds a row. */
export const STOCK_FIELDS = {
  Code: 'keyword',
  Name: 'keyword',
  Market: 'keyword',
  Dept: 'keyword',
  Close: 'long',
  ChangeCode: 'keyword',
  Changes: 'long',
  ChagesRatio: 'double',
  Open: 'long',
  High: 'long',
  Low: 'long',
  Volume: 'long',
  Amount: 'long',
  Marcap: 'long',
  Stocks: 'long',
  MarketId: 'keyword',
  Rank: 'long',
  Date: 'date',
  /** Which replay put it there: not of the source. */
  Replay: 'keyword',
} as const satisfies Fields

/** Why a row cannot be used. */
class RowFault extends Error {}

function textOf(raw: RawStock, name: string): string | null {
  const text = (raw[name] ?? '').trim()
  return text === '' || /^nan$/i.test(text) ? null : text
}

function required(raw: RawStock, name: string): string {
  const text = textOf(raw, name)
  if (text === null) throw new RowFault(`${name} is missing`)
  return text
}

/** `83000.0` is 83000; a fraction, or more than a number holds exactly, is a fault. */
function wholeOf(name: string, text: string | null): number | null {
  if (text === null) return null
  if (!/^-?\d+(\.0*)?$/.test(text)) throw new RowFault(`${name} must be a whole number, found ${text.slice(0, 40)}`)
  const value = Number(text)
  if (!Number.isSafeInteger(value))
    throw new RowFault(`${name} is larger than a number holds exactly: ${text.slice(0, 40)}`)
  return value
}

function positiveOf(raw: RawStock, name: string, least: number): number {
  const value = wholeOf(name, required(raw, name)) ?? 0
  if (value < least) throw new RowFault(`${name} must be ${least} or more, found ${value}`)
  return value
}

function ratioOf(raw: RawStock): number | null {
  const text = textOf(raw, 'ChagesRatio')
  if (text === null) return null
  const value = Number(text)
  if (!Number.isFinite(value)) throw new RowFault(`ChagesRatio must be a number, found ${text.slice(0, 40)}`)
  return value
}

function dateOf(raw: RawStock): string {
  const text = required(raw, 'Date').slice(0, 10)
  const at = Date.parse(`${text}T00:00:00Z`)
  // A day that does not exist is moved by Date.parse, or is NaN.
  if (Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== text)
    throw new RowFault(`Date must be a day such as 2020-12-30, found ${text}`)
  return text
}

function codeOf(raw: RawStock): string {
  const code = required(raw, 'Code')
  if (!/^[0-9A-Z]{6}$/.test(code)) throw new RowFault(`Code must be six digits or capitals, found ${code.slice(0, 40)}`)
  return code
}

/** `1` and `1.0` are one code. */
const changeCodeOf = (raw: RawStock): string | null => textOf(raw, 'ChangeCode')?.replace(/\.0+$/, '') ?? null

/** The row, or why it cannot be used. */
export function readStock(raw: RawStock): StockRow | { readonly fault: string } {
  const whole = (name: string) => wholeOf(name, textOf(raw, name))
  try {
    return {
      Code: codeOf(raw),
      Name: required(raw, 'Name'),
      Market: textOf(raw, 'Market'),
      Dept: textOf(raw, 'Dept'),
      Close: positiveOf(raw, 'Close', 0),
      ChangeCode: changeCodeOf(raw),
      Changes: whole('Changes'),
      ChagesRatio: ratioOf(raw),
      Open: whole('Open'),
      High: whole('High'),
      Low: whole('Low'),
      Volume: whole('Volume'),
      Amount: whole('Amount'),
      Marcap: positiveOf(raw, 'Marcap', 0),
      Stocks: whole('Stocks'),
      MarketId: textOf(raw, 'MarketId'),
      Rank: positiveOf(raw, 'Rank', 1),
      Date: dateOf(raw),
    }
  } catch (error) {
    if (error instanceof RowFault) return { fault: error.message }
    throw error
  }
}

/** A re-run replaces a document instead of adding one. */
export const documentId = ({ Date: date, Code }: Pick<StockRow, 'Date' | 'Code'>): string => `${date}:${Code}`
