// The states of many instances drawn: a bar, and a strip of neighbours.

import type { BucketRow } from '../../../../store/postgres/read-mapped.ts'
import { barParts, countTally, makeTally, type Tally } from '../../../states/tally.ts'
import { tallyWords } from '../../../states/words.ts'
import { escapeHtml, markup } from '../../frame/markup.ts'

const BAR = 400
/** A bar as wide as its place, in proportion to the states. */
export function tallyBar(tally: Tally) {
  const parts = barParts(tally, BAR, 4).map(
    ({ state, x, width }) =>
      `<rect class="mb s-${state}" x="${x.toFixed(1)}" width="${Math.max(0.5, width - 1).toFixed(1)}" height="6"/>`,
  )
  return markup(
    `<svg class="tally" viewBox="0 0 ${BAR} 6" preserveAspectRatio="none" role="img" aria-label="${escapeHtml(tallyWords(tally))}">${parts.join('')}</svg>`,
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
    first: Math.min(...list.map((row) => row.first_index)),
    last: Math.max(...list.map((row) => row.last_index)),
    tally: makeTally(list.map((row) => [row.state, row.n])),
  }))
  return { tally, total: countTally(tally), buckets }
}

const STEP = 4
const TALL = 56

/**
 * The strip: a column a bucket, what a person must look at first on top. Each column leads to its first instance.
 * @param shown the first and last index that the list below shows
 */
export function stripSvg(strip: Strip, hrefOf: (first: number) => string, shown: readonly [number, number] | null) {
  const width = Math.max(strip.buckets.length, 1) * STEP
  const columns = strip.buckets.map(({ first, last, tally }, i) => {
    const rects = barParts(tally, TALL, 4).map(
      ({ state, x: y, width: h }) =>
        `<rect class="mb s-${state}" x="${i * STEP}" y="${y.toFixed(1)}" width="3" height="${Math.max(0.5, h - (tally.length > 1 ? 1 : 0)).toFixed(1)}"/>`,
    )
    const range = first === last ? `[${first}]` : `[${first}–${last}]`
    const title = `${range} ${tallyWords(tally)}`
    return `<a href="${escapeHtml(hrefOf(first))}" data-go tabindex="-1"><title>${escapeHtml(title)}</title><rect class="hit" x="${i * STEP}" width="${STEP}" height="${TALL}"/>${rects.join('')}</a>`
  })
  const at = (index: number) => strip.buckets.findIndex(({ first, last }) => index >= first && index <= last)
  const [from, to] = shown === null ? [-1, -1] : [at(shown[0]), at(shown[1])]
  const brush =
    from === -1 || to === -1
      ? ''
      : `<rect class="brush" x="${from * STEP - 0.5}" y="0.5" width="${(to - from + 1) * STEP}" height="${TALL - 1}" rx="1"/>`
  return markup(
    `<svg class="strip" viewBox="0 0 ${width} ${TALL}" preserveAspectRatio="none" role="group" aria-label="${escapeHtml(tallyWords(strip.tally))}">${columns.join('')}${brush}</svg>`,
  )
}
