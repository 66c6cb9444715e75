// The rows of a best-100 list as files and tables have them.

import type { Columns, RowOf } from '../../operators/parquet/columns.ts'
import type { Category } from './categories.ts'
import type { BestItem } from './items.ts'

export const BEST_COLUMNS = {
  /** Start of the hour in Seoul, with its offset. */
  slot: 'STRING',
  category_code: 'STRING',
  category: 'STRING',
  rank: 'INT',
  title: 'STRING',
  /** KRW. */
  price: 'BIGINT',
  list_price: 'BIGINT',
  discount_percent: 'INT',
  goods_code: 'STRING',
  url: 'STRING',
  img: 'STRING',
} as const satisfies Columns

export type BestRow = RowOf<typeof BEST_COLUMNS>

export const BEST_KEY = ['slot', 'category_code', 'rank'] as const

export function bestRow(item: BestItem, slot: string, category: Category): BestRow {
  return {
    slot,
    category_code: category.code,
    category: category.label,
    rank: item.rank,
    title: item.title,
    price: BigInt(item.price),
    list_price: item.listPrice === null ? null : BigInt(item.listPrice),
    discount_percent: item.discount,
    goods_code: item.goodsCode,
    url: item.url,
    img: item.image,
  }
}

/** Where a product page shows what the list says of it. */
export const XPATH_COLUMNS = {
  slot: 'STRING',
  category_code: 'STRING',
  rank: 'INT',
  goods_code: 'STRING',
  title_xpath: 'STRING',
  img_xpath: 'STRING',
  price_xpath: 'STRING',
  /** Why an XPath is absent; null when all three are there. */
  reason: 'STRING',
} as const satisfies Columns

export type XpathRow = RowOf<typeof XPATH_COLUMNS>
