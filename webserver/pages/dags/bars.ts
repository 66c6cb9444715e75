// The bars of a DAG's last runs, as the list shows them.

import type { RecentRun } from '../../../store/postgres/read-runs.ts'
import { escapeHtml } from '../frame/markup.ts'

/** Runs that the bars show. */
export const BARS = 24

export function barsOf(runs: readonly RecentRun[], now: number): string {
  const columns = [...runs].reverse()
  const seconds = (run: RecentRun) => (run.start_date === null ? 0 : ((run.end_date ?? now) - run.start_date) / 1000)
  const most = Math.max(...columns.map(seconds), 0.1)
  const empty = BARS - columns.length
  const parts = Array.from({ length: empty }, (_, i) => `<rect class="nil" x="${i * 8}" y="26" width="6" height="2"/>`)
  for (const [k, run] of columns.entries()) {
    const x = (k + empty) * 8
    const h = Math.max(4, Math.round((seconds(run) / most) * 21))
    parts.push(
      `<rect class="b f-${escapeHtml(run.state)}" x="${x + 0.5}" y="${27.5 - h}" width="5" height="${h}" rx="1"/>`,
    )
    // Failure is told by form too: a detached cap.
    if (run.state === 'failed')
      parts.push(`<rect class="b f-failed" x="${x + 0.5}" y="${Math.max(0.5, 23 - h)}" width="5" height="2"/>`)
  }
  const failed = columns.filter((run) => run.state === 'failed').length
  const label = columns.length === 0 ? 'No runs yet' : `${columns.length} runs, ${failed} failed`
  return `<svg class="runs" viewBox="0 0 192 28" preserveAspectRatio="none" role="img" aria-label="${label}">${parts.join('')}</svg>`
}
