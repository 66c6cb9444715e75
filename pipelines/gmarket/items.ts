// A best-100 list as texts of a page, and as values once every one of them is proven.
//
// A crawl whose answers are all 200 can still be empty: there is a recorded one of 2,401 rows without a title, a price or a
// rank. So a list is refused as a whole unless its ranks are 1 to n without holes, each with a title and a price.

/** Texts as they stand on the page; absent = ''. */
export interface RawItem {
  readonly rank: string
  readonly title: string
  readonly price: string
  readonly listPrice: string
  readonly discount: string
  readonly goodsCode: string
  readonly url: string
  readonly image: string
}

export interface BestItem {
  readonly rank: number
  readonly title: string
  /** KRW, as a buyer with the page's coupon pays. */
  readonly price: number
  /** KRW, before the coupon; null = the page shows none. */
  readonly listPrice: number | null
  /** Percent; null = the page shows none. */
  readonly discount: number | null
  readonly goodsCode: string
  readonly url: string
  readonly image: string
}

/** What was read is no list of best sellers. */
export class BestListError extends Error {
  override readonly name = 'BestListError'
}

/** `13,000원` → 13000. Null for anything that is no whole amount: never 0 by mistake. */
export function readWon(text: string): number | null {
  const digits = /^\s*(\d{1,3}(?:,\d{3})+|\d+)\s*원?\s*$/.exec(text)?.[1]?.replaceAll(',', '')
  const amount = digits === undefined ? Number.NaN : Number(digits)
  return Number.isSafeInteger(amount) && amount > 0 ? amount : null
}

function readPercent(text: string): number | null {
  const percent = /^\s*(\d{1,3})\s*%?\s*$/.exec(text)?.[1]
  return percent === undefined || Number(percent) > 100 ? null : Number(percent)
}

/** Protocol-relative addresses are https. */
const absolute = (address: string): string => (address.startsWith('//') ? `https:${address}` : address)

export const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim()

/** The faults of one item; none = it is good. */
function faultsOf(raw: RawItem): readonly string[] {
  const faults: string[] = []
  if (!/^\s*\d+\s*$/.test(raw.rank)) faults.push(`no rank (${JSON.stringify(raw.rank)})`)
  if (oneLine(raw.title) === '') faults.push('no title')
  if (readWon(raw.price) === null) faults.push(`no price (${JSON.stringify(raw.price)})`)
  return faults
}

function readItem(raw: RawItem): BestItem {
  return {
    rank: Number(raw.rank),
    title: oneLine(raw.title),
    // Proven by faultsOf.
    price: readWon(raw.price) ?? 0,
    listPrice: readWon(raw.listPrice),
    discount: readPercent(raw.discount),
    goodsCode: raw.goodsCode.trim(),
    url: absolute(raw.url),
    image: absolute(raw.image),
  }
}

export interface BestListRules {
  /** Ranks 1 to this are wanted; further ones are left out. Default 100. */
  readonly count?: number
  /** `fail` (default): fewer items fail; `partial`: ranks 1 to n without holes are enough, so long as there is one. */
  readonly policy?: 'fail' | 'partial'
}

function quoteFaults(bad: readonly (readonly [RawItem, readonly string[]])[]): string {
  const shown = bad.slice(0, 3).map(([raw, faults]) => `rank ${raw.rank.trim() || '?'}: ${faults.join(', ')}`)
  return `${shown.join('; ')}${bad.length > 3 ? `; and ${bad.length - 3} more` : ''}`
}

/** The items of ranks 1 to `count`, in order. @throws BestListError for a list that cannot be trusted */
export function readBestList(
  raws: readonly RawItem[],
  { count = 100, policy = 'fail' }: BestListRules = {},
): BestItem[] {
  if (raws.length === 0) throw new BestListError('no item was found: the page is empty, blocked, or has a new form')
  const bad = raws.map((raw) => [raw, faultsOf(raw)] as const).filter(([, faults]) => faults.length > 0)
  if (bad.length > 0)
    throw new BestListError(`${bad.length} of ${raws.length} items are not whole: ${quoteFaults(bad)}`)
  const items = raws
    .map(readItem)
    .filter((item) => item.rank <= count)
    .sort((a, b) => a.rank - b.rank)
  const hole = items.findIndex((item, i) => item.rank !== i + 1)
  if (hole !== -1) {
    const found = items[hole]?.rank
    const what = found !== undefined && found <= hole ? `rank ${found} stands twice` : `rank ${hole + 1} is missing`
    throw new BestListError(`${what} among ${items.length} items`)
  }
  if (items.length < count && policy === 'fail')
    throw new BestListError(`${count} items were expected, found ${items.length} (ranks 1 to ${items.length})`)
  return items
}
