// Rows as CSV (RFC 4180). For spreadsheets a byte-order mark tells them it is UTF-8, and texts that they would run as
// formulas are made plain.

type Cell = string | number | null

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const FORMULA = /^[=+\-@\t\r]/

/** @param forSpreadsheet default false: exactly the values */
export function csvText(
  names: readonly string[],
  rows: readonly (readonly Cell[])[],
  { forSpreadsheet = false } = {},
): string {
  const cell = (value: Cell): string => {
    if (value === null) return ''
    if (typeof value === 'number') return String(value)
    return quoted(forSpreadsheet && FORMULA.test(value) ? `'${value}` : value)
  }
  const lines = [names, ...rows].map((row) => row.map(cell).join(','))
  return `${forSpreadsheet ? '\ufeff' : ''}${lines.join('\r\n')}\r\n`
}
