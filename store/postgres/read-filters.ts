// Pieces shared by the statements that read for people: filters come as one JSON parameter (`f`), so that the text of a
// statement is constant whatever is asked; the order is put together from constants of a closed table.

import { columnsOf, rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'

/** The four ranges of Airflow's lists: `<name>_gte`, `_gt`, `_lte`, `_lt`. */
export const range = (column: string, name: string): string => /* sql */ `
  and (f.${name}_gte is null or ${column} >= f.${name}_gte) and (f.${name}_gt is null or ${column} > f.${name}_gt)
  and (f.${name}_lte is null or ${column} <= f.${name}_lte) and (f.${name}_lt is null or ${column} < f.${name}_lt)`

export const rangeFields = (name: string, type = 'timestamptz'): string =>
  `${name}_gte ${type}, ${name}_gt ${type}, ${name}_lte ${type}, ${name}_lt ${type}`

/** A pattern filter: any of the patterns, each with its own `%`; null = all. */
export const pattern = (column: string, field: string): string =>
  `and (f.${field} is null or ${column} ilike any (f.${field}))`

export interface Order {
  /** A column of the closed table of the list. */
  readonly key: string
  readonly isDescending: boolean
}

/**
 * `order by` from constants: keys are looked up, never taken from the request. NULLs last; the tiebreak follows the
 * direction of the first key, as in Airflow.
 */
export function orderBy(columns: Readonly<Record<string, string>>, order: readonly Order[], tiebreak: string): string {
  const parts = order.flatMap(({ key, isDescending }) => {
    const column = Object.hasOwn(columns, key) ? columns[key] : undefined
    return column === undefined ? [] : [`${column} ${isDescending ? 'desc' : 'asc'} nulls last`]
  })
  const direction = order[0]?.isDescending === true ? 'desc' : 'asc'
  return `order by ${[...parts, `${tiebreak} ${direction}`].join(', ')}`
}

export interface Page {
  readonly limit: number
  readonly offset: number
  readonly order: readonly Order[]
}

export interface Listed<Row> {
  readonly rows: readonly Row[]
  readonly total: number
}

/** Rows of one page and the count of all. `body` is `from … where …` over `f`; `$1` is the filter with its names in snake_case, `$2`, `$3` the page. */
export async function list<Row>(
  sql: Sql,
  select: string,
  body: string,
  order: string,
  filter: object,
  page: Page,
  extra: readonly unknown[] = [],
): Promise<Listed<Row>> {
  const json = JSON.stringify(columnsOf(filter))
  const rows = await rowsOf<Row>(sql, `select ${select} ${body} ${order} limit $2::bigint offset $3::bigint`, [
    json,
    page.limit,
    page.offset,
    ...extra,
  ])
  // The page's two parameters are named so that both statements take the same list.
  const [count] = await rowsOf<{ n: number }>(
    sql,
    `select count(*) as n ${body} and $2::bigint is not null and $3::bigint is not null`,
    [json, page.limit, page.offset, ...extra],
  )
  return { rows, total: count?.n ?? 0 }
}
