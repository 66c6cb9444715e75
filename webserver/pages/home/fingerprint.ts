// Errors that are the same error: their messages without what differs from run to run.

export interface Happened {
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  /** Epoch ms. */
  readonly endDate: number
  readonly message: string
}

export interface ErrorGroup {
  /** Of its newest. */
  readonly message: string
  readonly newest: Happened
  readonly first: number
  readonly runs: number
  readonly dags: readonly string[]
}

/** Characters of a message that tell one error from another. */
const LENGTH = 300

/**
 * The message's first line without dates, numbers, long hexadecimal ids and quoted texts. `HTTP 403` and `HTTP 503` are two errors:
 * three digits alone stay.
 */
export function fingerprint(message: string): string {
  const [line = ''] = message.trim().split('\n')
  return line
    .slice(0, LENGTH)
    .toLowerCase()
    .replaceAll(/"[^"]*"|'[^']*'|`[^`]*`/g, '"…"')
    .replaceAll(/\b[0-9a-f]{8}(?:-?[0-9a-f]{4}){2,}[0-9a-f-]*\b/g, '#')
    .replaceAll(/\b\d{4}-\d{2}-\d{2}[t ]?[\d:.+z-]*/g, '#')
    .replaceAll(/\b(?!\d{3}\b)\d[\d.,:]*\b/g, '#')
    .replaceAll(/\s+/g, ' ')
}

/** The same errors together, those of the most runs first, then the newest. */
export function groupErrors(errors: readonly Happened[]): readonly ErrorGroup[] {
  const groups = new Map<string, Happened[]>()
  for (const error of errors) {
    const key = fingerprint(error.message)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [error])
    else group.push(error)
  }
  return [...groups.values()]
    .map((group) => {
      const newest = group.reduce((a, b) => (b.endDate > a.endDate ? b : a))
      return {
        message: newest.message.trim().split('\n')[0] ?? '',
        newest,
        first: Math.min(...group.map(({ endDate }) => endDate)),
        runs: group.length,
        dags: [...new Set(group.map(({ dagId }) => dagId))].sort(),
      }
    })
    .sort((a, b) => b.runs - a.runs || b.newest.endDate - a.newest.endDate)
}
