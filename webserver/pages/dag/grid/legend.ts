// The legend of the grid.

import { letterOf, STATE_NAMES } from '../../../states/cells.ts'

/** States that the legend always names, and those it names where a cell has them. */
const USUAL = ['success', 'running', 'up_for_retry', 'queued', 'none', 'failed', 'upstream_failed', 'skipped'] as const
const RARE = ['scheduled', 'deferred', 'up_for_reschedule', 'removed'] as const

/** The usual states, and rare ones where a cell has them. */
export function legendOf(cells: Readonly<Record<string, string>>) {
  const shown = new Set(Object.values(cells).join(''))
  return [...USUAL, ...RARE.filter((state) => shown.has(letterOf(state)))].map((state) => ({
    state,
    name: STATE_NAMES[state],
  }))
}
