// What a command would touch, shown before it does: its beginning and the totals for people, all of it for programs.

import { count, withSeparators } from './count.ts'
import { type Format, print, printRows, type Row } from './output.ts'

/** Rows that people are shown: what fits a terminal beside the question that follows. */
const SHOWN = 20

/** `1,000 failed, 254 success`: how many rows have each value of a column, the most frequent first. */
export function totals(rows: readonly Row[], column: string): string {
  const numbers = new Map<string, number>()
  for (const row of rows) numbers.set(String(row[column]), (numbers.get(String(row[column])) ?? 0) + 1)
  return [...numbers]
    .sort(([, a], [, b]) => b - a)
    .map(([value, n]) => `${withSeparators(n)} ${value}`)
    .join(', ')
}

/** @param by the column whose values are summed up when not all rows are shown */
export function printPreview(rows: readonly Row[], format: Format, columns: string[], by: string): void {
  const isCut = format === 'table' && rows.length > SHOWN
  printRows(isCut ? rows.slice(0, SHOWN) : rows, format, columns)
  if (isCut)
    print(
      `and ${withSeparators(rows.length - SHOWN)} more of ${count(rows.length, 'row')}: ${totals(rows, by)}. To see all: --dry-run -o plain`,
    )
}
