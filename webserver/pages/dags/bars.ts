// The bars of a DAG's last runs, as the list shows them.

import type { RecentRun } from '../../../store/postgres/read-runs.ts'
import { element, type Html } from '../frame/element.ts'

/** Runs that the bars show. */
export const BARS = 24

/** px of a run's place, and of its tallest bar. */
const STEP = 8
const TALL = 21

const seconds = (run: RecentRun, now: number): number =>
  run.startDate === null ? 0 : ((run.endDate ?? now) - run.startDate) / 1000

/** Failure is told by form too: a detached cap. */
function barOf(run: RecentRun, column: number, share: number): Html[] {
  const x = column * STEP + 0.5
  const h = Math.max(4, Math.round(share * TALL))
  const bar = element('rect', { class: `b f-${run.state}`, x, y: 27.5 - h, width: 5, height: h, rx: 1 })
  if (run.state !== 'failed') return [bar]
  return [bar, element('rect', { class: 'b f-failed', x, y: Math.max(0.5, 23 - h), width: 5, height: 2 })]
}

export function barsOf(runs: readonly RecentRun[], now: number): Html {
  const columns = [...runs].reverse()
  const most = Math.max(...columns.map((run) => seconds(run, now)), 0.1)
  const empty = BARS - columns.length
  const failed = columns.filter((run) => run.state === 'failed').length
  return element(
    'svg',
    {
      class: 'runs',
      viewBox: '0 0 192 28',
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': columns.length === 0 ? 'No runs yet' : `${columns.length} runs, ${failed} failed`,
    },
    ...Array.from({ length: empty }, (_, i) =>
      element('rect', { class: 'nil', x: i * STEP, y: 26, width: 6, height: 2 }),
    ),
    ...columns.flatMap((run, k) => barOf(run, k + empty, seconds(run, now) / most)),
  )
}
