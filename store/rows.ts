// Rows become values here: columns are snake_case, and nothing above store/ knows them.

import type { Sql } from './sql.ts'

const names = new Map<string, string>()

/** `dag_run_id` → `dagRunId`. */
function camelCase(column: string): string {
  const known = names.get(column)
  if (known !== undefined) return known
  const name = column.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
  names.set(column, name)
  return name
}

/** One row with its columns' names in camelCase; what stands inside a JSON column stays as it is. */
export function toValue(row: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const value: Record<string, unknown> = {}
  for (const column in row) value[camelCase(column)] = row[column]
  return value
}

/** The other way, for what a statement takes as JSON: `dagIds` → `dag_ids`. */
export const columnsOf = (value: object): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      field,
    ]),
  )

/**
 * Reads the rows of a statement as values. `Row` names its columns in camelCase.
 * @param name makes it a prepared statement of the session: hot statements have one
 */
export async function rowsOf<Row>(
  sql: Sql,
  text: string,
  values: readonly unknown[] = [],
  name?: string,
): Promise<readonly Row[]> {
  const { rows } = await sql.query(text, values, name)
  return rows.map(toValue) as readonly Row[]
}
