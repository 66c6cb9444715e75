// What replacing one version of a DAG by another would do to its schedule and tasks, told before it is live: runs that come
// to be or no longer do, time that no run would cover, tasks that come and go.

import { canonicalJson, type JsonValue } from './json.ts'
import { limitsOf, type SerializedDag, type SerializedTask } from './serialized.ts'
import { planRuns } from './timetables/plan.ts'
import { type DataInterval, type DueRun, type Instant, nextRun } from './timetables/timetable.ts'
import { toLocal } from './timetables/zone.ts'

export interface PlanPoint {
  /** Data interval of the last scheduled run, null before the first. */
  readonly last: DataInterval | null
  readonly now: Instant
  /** Runs to look ahead. */
  readonly most: number
}

/** A run to come, with what a clock change does to it. */
export interface PlannedRun extends DueRun {
  /** Due already: made as soon as the version is live. */
  readonly isDue: boolean
  /** Minutes by which the zone's clocks went forward (or back, negative) since the run before; 0 = they did not. */
  readonly clockChange: number
}

export interface TaskChange {
  readonly taskId: string
  /** Options that differ, `name: before → after`. */
  readonly options: readonly string[]
}

export interface DagChange {
  readonly next: readonly PlannedRun[]
  /** Runs that only the new version makes, within the horizon of the old one's next runs. */
  readonly created: readonly DueRun[]
  /** Runs that only the old version would make. */
  readonly lost: readonly DueRun[]
  /** Runs that both make, at another time. */
  readonly moved: readonly { readonly from: DueRun; readonly to: DueRun }[]
  /** Time that no run of the new version covers, between the last interval and its first one. */
  readonly gap: DataInterval | null
  /** Time that is covered once more. */
  readonly overlap: DataInterval | null
  readonly tasksAdded: readonly string[]
  readonly tasksRemoved: readonly string[]
  readonly tasksChanged: readonly TaskChange[]
}

/** Runs a version makes from now on: those that are due, then `most` more. */
function comingRuns(dag: SerializedDag, { last, now, most }: PlanPoint): { run: DueRun; isDue: boolean }[] {
  const limits = limitsOf(dag)
  const plan = planRuns(dag.timetable, last, limits, now, most)
  const runs = plan.due.map((run) => ({ run, isDue: true }))
  const ahead = dag.timetable.kind === 'continuous' ? 1 : most
  let run = plan.next
  for (let n = 0; run !== null && n < ahead; n++) {
    runs.push({ run, isDue: false })
    // As if each were made when it is due: without catchup a later look would pass over it.
    run = nextRun(dag.timetable, run.dataInterval, limits, run.runAfter)
  }
  return runs
}

const offsetMinutes = (at: Instant, timezone: string): number => (toLocal(at, timezone) - at) / 60_000

function withClocks(dag: SerializedDag, runs: readonly { run: DueRun; isDue: boolean }[]): PlannedRun[] {
  return runs.map(({ run, isDue }, i) => {
    const before = runs[i - 1]?.run
    const clockChange =
      before === undefined
        ? 0
        : offsetMinutes(run.runAfter, dag.timezone) - offsetMinutes(before.runAfter, dag.timezone)
    return { ...run, isDue, clockChange }
  })
}

/** Half the shortest time between two runs: what is nearer than that is the same run, moved. */
function toleranceOf(runs: readonly DueRun[]): number {
  const gaps = runs.slice(1).map((run, i) => run.runAfter - (runs[i]?.runAfter ?? 0))
  return gaps.length === 0 ? 12 * 3_600_000 : Math.min(...gaps) / 2
}

/** Pairs two sequences by nearness in time. */
function pair(before: readonly DueRun[], after: readonly DueRun[]): Pick<DagChange, 'created' | 'lost' | 'moved'> {
  const tolerance = toleranceOf(before)
  const [created, lost, moved]: [DueRun[], DueRun[], { from: DueRun; to: DueRun }[]] = [[], [], []]
  let i = 0
  let j = 0
  for (;;) {
    const [from, to] = [before[i], after[j]]
    if (from === undefined || to === undefined) break
    if (Math.abs(from.runAfter - to.runAfter) <= tolerance) {
      if (from.logicalDate !== to.logicalDate || from.runAfter !== to.runAfter) moved.push({ from, to })
      i++
      j++
    } else if (from.runAfter < to.runAfter) {
      lost.push(from)
      i++
    } else {
      created.push(to)
      j++
    }
  }
  return { created: [...created, ...after.slice(j)], lost: [...lost, ...before.slice(i)], moved }
}

/** Both sequences end where the shorter-sighted one does: what lies beyond cannot be compared. */
function compareRuns(
  before: readonly DueRun[],
  after: readonly DueRun[],
): Pick<DagChange, 'created' | 'lost' | 'moved'> {
  const [lastBefore, lastAfter] = [before.at(-1), after.at(-1)]
  if (lastBefore === undefined || lastAfter === undefined) return { created: after, lost: before, moved: [] }
  const horizon = Math.min(lastBefore.runAfter, lastAfter.runAfter) + toleranceOf(before)
  const within = (runs: readonly DueRun[]) => runs.filter((run) => run.runAfter <= horizon)
  return pair(within(before), within(after))
}

const isInterval = (run: DueRun | undefined): run is DueRun =>
  run !== undefined && run.dataInterval.start !== run.dataInterval.end

/** Where the last interval ends and the first new one begins: time between them is nobody's, or twice somebody's. */
function seam(last: DataInterval | null, first: DueRun | undefined): Pick<DagChange, 'gap' | 'overlap'> {
  const none = { gap: null, overlap: null }
  if (last === null || last.start === last.end || !isInterval(first)) return none
  const { start } = first.dataInterval
  if (start > last.end) return { gap: { start: last.end, end: start }, overlap: null }
  return start < last.end ? { gap: null, overlap: { start, end: Math.min(last.end, first.dataInterval.end) } } : none
}

const shownOption = (value: unknown): string => {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}

/** Equal for equal values: what comes back from Postgres (jsonb) has its keys in another order. */
const textOf = (value: unknown): string | null => (value === undefined ? null : canonicalJson(value as JsonValue))

function changeOf(before: SerializedTask, after: SerializedTask): TaskChange | null {
  const names = [...new Set([...Object.keys(after), ...Object.keys(before)])] as (keyof SerializedTask)[]
  const options = names.flatMap((name) =>
    textOf(before[name]) === textOf(after[name])
      ? []
      : [`${name}: ${shownOption(before[name])} → ${shownOption(after[name])}`],
  )
  return options.length === 0 ? null : { taskId: after.taskId, options }
}

/** @param before null = the DAG is new; `after` null = it is gone */
export function planChange(before: SerializedDag | null, after: SerializedDag | null, point: PlanPoint): DagChange {
  const [runsBefore, runsAfter] = [before, after].map((dag) => (dag === null ? [] : comingRuns(dag, point)))
  const [old, fresh] = [runsBefore ?? [], runsAfter ?? []].map((runs) => runs.map(({ run }) => run))
  const oldTasks = new Map((before?.tasks ?? []).map((task) => [task.taskId, task]))
  const newTasks = new Map((after?.tasks ?? []).map((task) => [task.taskId, task]))
  const isNew = before === null
  return {
    next: after === null ? [] : withClocks(after, runsAfter ?? []),
    // What a DAG that is new makes is no change of anything but what is due at once.
    ...(isNew
      ? { created: (runsAfter ?? []).filter(({ isDue }) => isDue).map(({ run }) => run), lost: [], moved: [] }
      : compareRuns(old ?? [], fresh ?? [])),
    ...(after === null ? { gap: null, overlap: null } : seamOf(before, after, point, fresh ?? [])),
    tasksAdded: [...newTasks.keys()].filter((id) => !oldTasks.has(id)),
    tasksRemoved: [...oldTasks.keys()].filter((id) => !newTasks.has(id)),
    tasksChanged: [...newTasks.values()].flatMap((task) => {
      const old = oldTasks.get(task.taskId)
      return old === undefined ? [] : (changeOf(old, task) ?? [])
    }),
  }
}

/** Only what the change itself opens: a gap that the old version has too (an outage without catchup) is none of its. */
function seamOf(
  before: SerializedDag | null,
  after: SerializedDag,
  point: PlanPoint,
  fresh: readonly DueRun[],
): Pick<DagChange, 'gap' | 'overlap'> {
  const now = seam(point.last, fresh[0])
  const was = before === null ? null : seam(point.last, comingRuns(before, { ...point, most: 1 })[0]?.run)
  const isSame = (a: DataInterval | null, b: DataInterval | null | undefined) =>
    a?.start === b?.start && a?.end === b?.end
  return {
    gap: isSame(now.gap, was?.gap) || after.timetable.kind === 'none' ? null : now.gap,
    overlap: isSame(now.overlap, was?.overlap) ? null : now.overlap,
  }
}

/** Something that would have happened no longer does. */
export const losesAnything = ({ lost, gap }: DagChange): boolean => lost.length > 0 || gap !== null
