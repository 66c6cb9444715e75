// A run in time: what each task did when, which tasks its end waited for, and where the time went.

import type { DagGraph } from '../../../core/graph.ts'
import type { TaskState } from '../../../core/states.ts'
import type { RunAttempt } from '../../../store/postgres/run-page.ts'

/** Epoch ms; `end` of what runs is now. */
export interface Span {
  readonly start: number
  readonly end: number
}

export interface Work extends Span {
  readonly state: TaskState | null
  /** When it was given a slot; null = not known. */
  readonly queued: number | null
}

/** A task that has begun. */
export interface TimelineRow {
  readonly taskId: string
  /** One a try, in their order; of a mapped task one for all its instances. */
  readonly work: readonly Work[]
}

/** @param stateOf of a mapped task as a whole: its worst */
export function timelineRows(
  attempts: readonly RunAttempt[],
  stateOf: (taskId: string) => TaskState | null,
  now: number,
): ReadonlyMap<string, TimelineRow> {
  const rows = new Map<string, Work[]>()
  for (const { taskId, isMapped, state, queuedDttm: queued, startDate: start, endDate } of attempts) {
    const work = rows.get(taskId) ?? []
    rows.set(taskId, work)
    const end = Math.max(start, endDate ?? now)
    work.push({ start, end, state: isMapped ? stateOf(taskId) : state, queued })
  }
  return new Map([...rows].map(([taskId, work]) => [taskId, { taskId, work }]))
}

const endOf = (row: TimelineRow): number => Math.max(...row.work.map(({ end }) => end))

function lastOf(rows: Iterable<TimelineRow>): TimelineRow | null {
  let last: TimelineRow | null = null
  for (const row of rows) if (last === null || endOf(row) > endOf(last)) last = row
  return last
}

/** The tasks that the end waited for: from the one that ended last back through the upstream that ended last. */
export function criticalPath(graph: DagGraph, rows: ReadonlyMap<string, TimelineRow>): readonly string[] {
  const path: string[] = []
  let row = lastOf(rows.values())
  while (row !== null && !path.includes(row.taskId)) {
    path.unshift(row.taskId)
    const upstream = graph.upstream[graph.indexOf.get(row.taskId) ?? -1] ?? []
    row = lastOf(upstream.flatMap((i) => rows.get(graph.tasks[i]?.taskId ?? '') ?? []))
  }
  return path
}

/** Where the time of the critical path went, ms. */
export interface TimeSpent {
  readonly running: number
  /** With a slot, until a worker began. */
  readonly queued: number
  /** Between tries. */
  readonly retries: number
  /** Everything else: waiting for a slot, timers, the scheduler. */
  readonly other: number
  readonly total: number
}

export function timeSpent(
  { start, end }: Span,
  path: readonly string[],
  rows: ReadonlyMap<string, TimelineRow>,
): TimeSpent {
  let [running, queued, retries] = [0, 0, 0]
  let at = start
  for (const { work } of path.flatMap((taskId) => rows.get(taskId) ?? []))
    for (const [i, { start: from, end: to, queued: since }] of work.entries()) {
      const waited = Math.max(0, from - Math.max(at, since ?? from))
      queued += waited
      if (i > 0) retries += Math.max(0, from - at - waited)
      running += Math.max(0, to - Math.max(at, from))
      at = Math.max(at, to)
    }
  const total = Math.max(0, end - start)
  return { running, queued, retries, total, other: Math.max(0, total - running - queued - retries) }
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400]
const MOST_TICKS = 8
/** Below a second: tenths, and hundredths. */
const FINE_STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5]

/** Seconds from the start at which an axis over so many has a line: at most eight, at round values. */
export function ticks(seconds: number): readonly number[] {
  const step =
    [...FINE_STEPS, ...STEPS].find((size) => seconds / size <= MOST_TICKS) ??
    86_400 * Math.ceil(seconds / 86_400 / MOST_TICKS)
  const count = Math.floor(seconds / step + 1e-9)
  return Array.from({ length: count + 1 }, (_, i) => Math.round(i * step * 100) / 100)
}
