// What the batch lists (`POST …/list`) share: they are of all DAGs, and say their filters in a body.

import type { Page } from '../../store/postgres/read-filters.ts'
import type { Web } from '../deps.ts'
import { readCount, readInstant } from '../http/bodies.ts'
import { invalid } from '../http/errors.ts'
import { capLimit, readOrder } from '../http/query.ts'
import type { Call } from './router.ts'

/** @throws ApiError 422 unless that part of the path is `~` */
export function requireAll({ param }: Call, name: string): void {
  const input = param(name)
  if (input !== '~') throw invalid({ type: 'literal_error', loc: ['path', name], msg: "Input should be '~'", input })
}

/** An end of a range: dates as the database takes them, numbers as they are. */
function rangeEnd(name: string, value: unknown): unknown {
  const at = typeof value === 'string' ? readInstant(name, value) : null
  return at === null ? value : new Date(at).toISOString()
}

/** What is left of a body when its lists and its page are taken out: ends of ranges. @throws ApiError 422 */
export const readRanges = (ranges: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(ranges).map(([name, value]) => [name, rangeEnd(name, value)]))

export interface PageBody {
  readonly order_by?: string | null | undefined
  readonly page_limit?: number | undefined
  readonly page_offset?: number | undefined
}

/** @throws ApiError 400 | 422 */
export const readPage = (
  { config }: Web,
  { order_by, page_limit, page_offset }: PageBody,
  order: Readonly<Record<string, string>>,
): Page => ({
  limit: capLimit(readCount('page_limit', page_limit) ?? 100, config),
  offset: readCount('page_offset', page_offset) ?? 0,
  order: readOrder([order_by ?? 'id'], order),
})
