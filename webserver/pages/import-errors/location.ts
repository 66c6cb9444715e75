// Where an import error is, from the details that were stored with it.

export interface ErrorLocation {
  readonly line: number | null
  readonly column: number | null
  readonly frame: string | null
  readonly errors: readonly string[]
}

/** One of a compiler's errors as text. */
function textOf(item: unknown): string {
  if (typeof item === 'string') return item
  const isTold = typeof item === 'object' && item !== null && 'text' in item && typeof item.text === 'string'
  return isTold ? String(item.text) : JSON.stringify(item)
}

/** Of what is not in the details there is nothing. */
export function readLocation(details: unknown): ErrorLocation {
  const none: ErrorLocation = { line: null, column: null, frame: null, errors: [] }
  if (typeof details !== 'object' || details === null) return none
  const number = (value: unknown) => (typeof value === 'number' ? value : null)
  const errors = 'errors' in details && Array.isArray(details.errors) ? details.errors : []
  return {
    line: 'line' in details ? number(details.line) : null,
    column: 'column' in details ? number(details.column) : null,
    frame: 'frame' in details && typeof details.frame === 'string' ? details.frame : null,
    errors: errors.map(textOf),
  }
}

export function locationText(details: unknown): string | null {
  const { line, column } = readLocation(details)
  if (line === null) return null
  return column === null ? `line ${line}` : `line ${line}, column ${column}`
}
