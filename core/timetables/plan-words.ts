// A plan of runs as one sentence, so that nobody is surprised by what a switch sets going.

import type { RunPlan } from './plan.ts'
import type { DueRun } from './timetable.ts'
import { localTexts } from './zone.ts'

/** `2026-11-22 09:00` on the DAG's clock; seconds where there are any. */
function at(instant: number, timezone: string): string {
  const { ts } = localTexts(instant, timezone)
  const clock = ts.slice(11, 19)
  return `${ts.slice(0, 10)} ${clock.endsWith(':00') ? clock.slice(0, 5) : clock}`
}

/** What a run is for: its interval, or its moment. */
function forWhat({ dataInterval: { start, end } }: DueRun, timezone: string): string {
  return start === end ? `for ${at(start, timezone)}` : `for ${at(start, timezone)} to ${at(end, timezone)}`
}

function dueWords(plan: RunPlan, timezone: string, maxActiveRuns: number): string {
  const [first] = plan.due
  const last = plan.due[plan.due.length - 1]
  if (first === undefined || last === undefined) return 'No run is due'
  if (plan.dueCount === 1) return `1 run is made at once, ${forWhat(first, timezone)}`
  const many = plan.dueCount === null ? 'More than 10,000 runs are' : `${plan.dueCount} runs are`
  const upTo = plan.due.length === plan.dueCount ? ` to the one ${forWhat(last, timezone)}` : ''
  return `${many} made, the oldest first, at most ${maxActiveRuns} at a time, from the one ${forWhat(first, timezone)}${upTo}`
}

/**
 * @param hasSchedule false for a DAG that is only run by hand
 */
export function describePlan(
  plan: RunPlan,
  dag: { readonly timezone: string; readonly maxActiveRuns: number; readonly hasSchedule: boolean },
): string {
  if (!dag.hasSchedule) return 'It has no schedule: it runs when it is triggered.'
  const { timezone } = dag
  const next =
    plan.next === null
      ? 'no run follows'
      : 'the next one is due ' +
        `${at(plan.next.runAfter, timezone)}${plan.next.dataInterval.start === plan.next.runAfter ? '' : ` (${forWhat(plan.next, timezone)})`}`
  return `${dueWords(plan, timezone, dag.maxActiveRuns)}; ${next}. Times are ${timezone}.`
}
