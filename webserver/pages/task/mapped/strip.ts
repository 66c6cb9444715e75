// The states of many instances drawn: a bar, and a strip of neighbours.

import type { BucketRow } from '../../../../store/postgres/read-mapped.ts'
import { barParts, countTally, makeTally, type Tally } from '../../../states/tally.ts'
import { tallyWords } from '../../../states/words.ts'
import { element, type Html, text } from '../../frame/element.ts'
import { markup } from '../../frame/markup.ts'

const BAR = 400
/** A bar as wide as its place, in proportion to the states. */
export function tallyBar(tally: Tally) {
  const parts = barParts(tally, BAR, 4).map(({ state, x, width }) =>
    element('rect', {
      class: `mb s-${state}`,
      x: x.toFixed(1),
      width: Math.max(0.5, width - 1).toFixed(1),
      height: 6,
    }),
  )
  return markup(
    element(
      'svg',
      {
        class: 'tally',
        viewBox: `0 0 ${BAR} 6`,
        preserveAspectRatio: 'none',
        role: 'img',
        'aria-label': tallyWords(tally),
      },
      ...parts,
    ),
  )
}

export interface Strip {
  readonly tally: Tally
  readonly total: number
  readonly buckets: readonly { readonly first: number; readonly last: number; readonly tally: Tally }[]
}

export function readStrip(rows: readonly BucketRow[]): Strip {
  const groups = new Map<number, BucketRow[]>()
  for (const row of rows) {
    const list = groups.get(row.bucket)
    if (list === undefined) groups.set(row.bucket, [row])
    else list.push(row)
  }
  const tally = makeTally(rows.map((row) => [row.state, row.n]))
  const buckets = [...groups.values()].map((list) => ({
    first: Math.min(...list.map((row) => row.firstIndex)),
    last: Math.max(...list.map((row) => row.lastIndex)),
    tally: makeTally(list.map((row) => [row.state, row.n])),
  }))
  return { tally, total: countTally(tally), buckets }
}

const STEP = 4
const TALL = 56

type Bucket = Strip['buckets'][number]

/** The states of one bucket, what a person must look at first on top; it leads to its first instance. */
function columnOf({ first, last, tally }: Bucket, column: number, href: string): Html {
  const x = column * STEP
  const gap = tally.length > 1 ? 1 : 0
  const parts = barParts(tally, TALL, 4).map(({ state, x: y, width: h }) =>
    element('rect', {
      class: `mb s-${state}`,
      x,
      y: y.toFixed(1),
      width: 3,
      height: Math.max(0.5, h - gap).toFixed(1),
    }),
  )
  const range = first === last ? `[${first}]` : `[${first}–${last}]`
  return element(
    'a',
    { href, 'data-go': true, tabindex: -1 },
    element('title', {}, text(`${range} ${tallyWords(tally)}`)),
    element('rect', { class: 'hit', x, width: STEP, height: TALL }),
    ...parts,
  )
}

/** What the list below shows. */
function brushOf({ buckets }: Strip, shown: readonly [number, number] | null): Html[] {
  if (shown === null) return []
  const at = (index: number) => buckets.findIndex(({ first, last }) => index >= first && index <= last)
  const from = at(shown[0])
  const to = at(shown[1])
  if (from === -1 || to === -1) return []
  const width = (to - from + 1) * STEP
  return [element('rect', { class: 'brush', x: from * STEP - 0.5, y: 0.5, width, height: TALL - 1, rx: 1 })]
}

/**
 * The strip: a column a bucket.
 * @param shown the first and last index that the list below shows
 */
export function stripSvg(strip: Strip, hrefOf: (first: number) => string, shown: readonly [number, number] | null) {
  const width = Math.max(strip.buckets.length, 1) * STEP
  return markup(
    element(
      'svg',
      {
        class: 'strip',
        viewBox: `0 0 ${width} ${TALL}`,
        preserveAspectRatio: 'none',
        role: 'group',
        'aria-label': tallyWords(strip.tally),
      },
      ...strip.buckets.map((bucket, i) => columnOf(bucket, i, hrefOf(bucket.first))),
      ...brushOf(strip, shown),
    ),
  )
}
