// Settled trades of a day as prices: one by item, grade and unit, in whole won. Everything may be a text there, and "" is missing.

import type { OpenDataItem } from '../../operators/open-data-kr/index.ts'
import type { JsonValue } from '../../sdk/index.ts'

export interface Trade {
  readonly item: string
  readonly grade: string
  /** `10kg` */
  readonly unit: string
  /** Won for one unit. */
  readonly low: number
  readonly high: number
  /** Won for all. */
  readonly total: number
  readonly units: number
}

/** Of an item, grade and unit on a day; prices are won for one unit. */
export type ItemPrice = {
  readonly day: string
  /** Its midnight in Seoul. */
  readonly tm: string
  /** Middle class: `배추`. */
  readonly item_class: string
  /** With its variety: `배추 봄배추`. */
  readonly item: string
  readonly grade: string
  readonly unit: string
  readonly average_price: number
  readonly min_price: number
  readonly max_price: number
  readonly units: number
  readonly trades: number
}

const NUMBER = /^(\d{1,12}|\d{1,3}(,\d{3}){1,3})(\.\d{1,6})?$/

/** A number above 0, with or without commas between thousands; null for all else, of which nothing may become 0. */
export function readAmount(value: JsonValue | undefined): number | null {
  const text = typeof value === 'string' || typeof value === 'number' ? String(value).trim() : ''
  const amount = NUMBER.test(text) ? Number(text.replaceAll(',', '')) : 0
  return amount > 0 ? amount : null
}

/** Whole won; null for none, and for what is less than half a won. */
export function readWon(value: JsonValue | undefined): number | null {
  const won = Math.round(readAmount(value) ?? 0)
  return won > 0 ? won : null
}

const NAME = /^[^\p{Cc}:]{1,60}$/u

/** A name for an id: without colons and control characters. */
function readName(value: JsonValue | undefined): string | null {
  const text = typeof value === 'string' ? value.trim() : ''
  return NAME.test(text) ? text : null
}

/** The trade of a row, or why it is none of what was asked for. */
export function readTrade(
  row: OpenDataItem,
  asked: { readonly day: string; readonly market: string; readonly item: string },
): Trade | { readonly fault: string } {
  const fault = (name: string) => ({ fault: `${name} is ${JSON.stringify(row[name]) ?? 'missing'}` })
  if (row['trd_clcln_ymd'] !== asked.day) return fault('trd_clcln_ymd')
  if (String(row['whsl_mrkt_cd']) !== asked.market) return fault('whsl_mrkt_cd')
  if (row['gds_mclsf_nm'] !== asked.item) return fault('gds_mclsf_nm')
  const [variety, grade, measure] = ['gds_sclsf_nm', 'grd_nm', 'unit_nm'].map((name) => readName(row[name]))
  if (grade == null) return fault('grd_nm')
  if (measure == null) return fault('unit_nm')
  const [size, weight] = [readAmount(row['unit_qty']), readAmount(row['unit_tot_qty'])]
  if (size === null) return fault('unit_qty')
  if (weight === null) return fault('unit_tot_qty')
  const [low, high, total] = [readWon(row['lwprc']), readWon(row['hgprc']), readWon(row['totprc'])]
  if (low === null) return fault('lwprc')
  if (high === null || high < low) return fault('hgprc')
  if (total === null) return fault('totprc')
  const item = variety == null || variety === asked.item ? asked.item : `${asked.item} ${variety}`
  return { item, grade, unit: `${size}${measure}`, low, high, total, units: weight / size }
}

export const priceId = ({ day, item, grade, unit }: Pick<ItemPrice, 'day' | 'item' | 'grade' | 'unit'>): string =>
  `${day}:${item}:${grade}:${unit}`

/** The trades of a day by item, grade and unit; the average is what was paid for all, divided by the units. */
export function pricesOf(
  trades: readonly Trade[],
  of: { readonly day: string; readonly tm: string; readonly item: string },
): ReadonlyMap<string, ItemPrice> {
  const groups = new Map<string, Trade[]>()
  for (const trade of trades) {
    const id = priceId({ day: of.day, ...trade })
    groups.set(id, [...(groups.get(id) ?? []), trade])
  }
  const priceOf = (group: readonly Trade[]): ItemPrice => {
    const sum = (name: 'total' | 'units') => group.reduce((all, trade) => all + trade[name], 0)
    const { item = '', grade = '', unit = '' } = group[0] ?? {}
    return {
      day: of.day,
      tm: of.tm,
      item_class: of.item,
      item,
      grade,
      unit,
      average_price: Math.round(sum('total') / sum('units')),
      min_price: Math.min(...group.map(({ low }) => low)),
      max_price: Math.max(...group.map(({ high }) => high)),
      units: Math.round(sum('units') * 100) / 100,
      trades: group.length,
    }
  }
  return new Map([...groups].map(([id, group]) => [id, priceOf(group)]))
}
