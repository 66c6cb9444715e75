// The levels that a page shows, as its address has them: `error,warning`, or `none`; nothing when all are shown.

import { LEVELS, type Level } from './line.ts'

/** null stands for all of them, also when a name is unknown. */
export function readLevels(text: string | null | undefined): ReadonlySet<Level> | null {
  if (text === undefined || text === null || text === '') return null
  if (text === 'none') return new Set()
  const names = new Set(text.split(','))
  const levels = LEVELS.filter((level) => names.has(level))
  return levels.length === names.size && levels.length < LEVELS.length ? new Set(levels) : null
}

/** null when all are shown */
export function formatLevels(levels: ReadonlySet<Level> | null): string | null {
  if (levels === null || levels.size === LEVELS.length) return null
  return levels.size === 0 ? 'none' : LEVELS.filter((level) => levels.has(level)).join(',')
}

/** What is shown after a level was shown or hidden. */
export function toggleLevel(levels: ReadonlySet<Level> | null, level: Level): ReadonlySet<Level> | null {
  const next = new Set(levels ?? LEVELS)
  if (!next.delete(level)) next.add(level)
  return next.size === LEVELS.length ? null : next
}
