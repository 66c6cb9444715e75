// When a DAG's next run is due. The rules are Airflow's, timetable by timetable: which instant follows, which are
// skipped without catchup, which data interval a run covers.

import { BaramError, unreachable } from '../errors.ts'
import { isStorableInstant } from '../storable.ts'
import { parseCron } from './cron-dialect.ts'
import { nextFire, prevFire } from './cron-schedule.ts'
import { type Instant, validateZone } from './zone.ts'

export type { Instant } from './zone.ts'

/** Half-open: the start belongs to it, the end to the next one. A point in time has both equal. */
export interface DataInterval {
  start: Instant
  end: Instant
}

/** A schedule as plain JSON, as it stands inside a serialized DAG. */
export type TimetableSpec =
  | { readonly kind: 'none' }
  /** Once, at an ISO instant; without one at the start date, else now. */
  | { readonly kind: 'once'; readonly at?: string }
  | { readonly kind: 'continuous' }
  /** `interval`: each run covers the time since the fire before; otherwise a run is a point in time. */
  | { readonly kind: 'cron'; readonly expression: string; readonly timezone: string; readonly interval: boolean }
  /** Fires whenever one of them does, once where several do. */
  | { readonly kind: 'crons'; readonly expressions: readonly string[]; readonly timezone: string }
  /** At the ISO instants listed, in any order, each once; `description` in place of "3 events between …". */
  | { readonly kind: 'events'; readonly at: readonly string[]; readonly description: string | null }
  /** Elapsed time, whatever the clocks do. */
  | { readonly kind: 'delta'; readonly everyMs: number; readonly interval: boolean }

/** What the DAG around the timetable says. */
export interface RunLimits {
  /** Start date. */
  earliest: Instant | null
  /** End date: the last logical date that still gets a run. */
  latest: Instant | null
  /** Whether every missed period gets its run, or only the latest. */
  catchup: boolean
}

export interface DueRun {
  logicalDate: Instant
  dataInterval: DataInterval
  /** The run may not begin before. */
  runAfter: Instant
}

/** How a periodic timetable moves. `align…` gives the instant itself where it is a fire. */
interface Steps {
  next(instant: Instant): Instant | null
  prev(instant: Instant): Instant | null
  alignNext(instant: Instant): Instant | null
  alignPrev(instant: Instant): Instant | null
}

function cronSteps(expression: string, timezone: string): Steps {
  const next = (instant: Instant): Instant | null => nextFire(expression, timezone, instant)
  const prev = (instant: Instant): Instant | null => prevFire(expression, timezone, instant)
  return {
    next,
    prev,
    alignNext(instant) {
      const found = next(instant)
      return found !== null && prev(found) === instant ? instant : found
    },
    alignPrev(instant) {
      const found = prev(instant)
      return found !== null && next(found) === instant ? instant : found
    },
  }
}

function deltaSteps(everyMs: number): Steps {
  return {
    next: (instant) => instant + everyMs,
    prev: (instant) => instant - everyMs,
    // A delta has no clock of its own: every instant is a fire.
    alignNext: (instant) => instant,
    alignPrev: (instant) => instant,
  }
}

function latestOf(candidates: readonly (Instant | null)[]): Instant | null {
  const known = candidates.filter((candidate) => candidate !== null)
  return known.length === 0 ? null : Math.max(...known)
}

function pointAt(instant: Instant): DueRun {
  return { logicalDate: instant, dataInterval: { start: instant, end: instant }, runAfter: instant }
}

function intervalOf(start: Instant, end: Instant): DueRun {
  return { logicalDate: start, dataInterval: { start, end }, runAfter: end }
}

/** A fire that passed no longer ago than this, or than a tenth of the time between two, is still a first run. */
const FIRST_RUN_GRACE = 5 * 60_000

/** The first run of a timetable without start date: the fire that has just passed, else the next. */
function firstPoint(steps: Steps, now: Instant): Instant | null {
  const [past, next] = [steps.alignPrev(now), steps.alignNext(now)]
  if (past === null || next === null) return next
  return now - past <= Math.max((next - past) / 10, FIRST_RUN_GRACE) ? past : next
}

/** A timetable that fires at points in time. */
function nextPoint(steps: Steps, last: DataInterval | null, limits: RunLimits, now: Instant): DueRun | null {
  const { earliest, latest, catchup } = limits
  const begin = earliest === null ? firstPoint(steps, now) : steps.alignNext(earliest)
  const following = last === null ? begin : steps.next(last.end)
  // Without catchup the latest fire that has passed is enough, unless the last run is at or after it.
  const fire = catchup ? following : latestOf([steps.alignPrev(now), following, earliest === null ? null : begin])
  return fire === null || (latest !== null && fire > latest) ? null : pointAt(fire)
}

/** The start of the latest interval that is complete: where a timetable without catchup goes on. */
function skipToLatest(spec: TimetableSpec, steps: Steps, earliest: Instant | null, now: Instant): Instant | null {
  if (spec.kind === 'delta') {
    // Deltas are counted from the epoch here, so that the first interval does not depend on the moment of asking.
    return latestOf([steps.prev(now - (((now % spec.everyMs) + spec.everyMs) % spec.everyMs)), earliest])
  }
  const lastStart = steps.prev(now)
  if (lastStart === null) return earliest === null ? null : steps.alignNext(earliest)
  const isBoundary = steps.next(lastStart) === now
  return latestOf([
    isBoundary ? lastStart : steps.prev(lastStart),
    earliest === null ? null : steps.alignNext(earliest),
  ])
}

function nextInterval(
  spec: TimetableSpec,
  steps: Steps,
  last: DataInterval | null,
  limits: RunLimits,
  now: Instant,
): DueRun | null {
  const { earliest, latest, catchup } = limits
  const begin = catchup
    ? earliest === null
      ? null
      : steps.alignNext(earliest)
    : skipToLatest(spec, steps, earliest, now)
  // Aligned, because the schedule may have changed since the last run.
  const aligned = last === null ? begin : latestOf([steps.alignPrev(last.end), begin])
  // A coarser schedule may align onto the last run or before it, whose logical date is taken.
  const start = last !== null && aligned !== null && aligned <= last.start ? steps.next(aligned) : aligned
  if (start === null || (latest !== null && start > latest)) return null
  const end = steps.next(start)
  return end === null ? null : intervalOf(start, end)
}

/** Of several crons' runs the next; without catchup the latest that is due, else the first to come. */
function nextOfMany(runs: readonly (DueRun | null)[], catchup: boolean, now: Instant): DueRun | null {
  const order = ({ logicalDate }: DueRun): number => (!catchup && logicalDate <= now ? -logicalDate : logicalDate)
  const due = runs.filter((run) => run !== null).sort((a, b) => order(a) - order(b))
  return due[0] ?? null
}

/**
 * Each event once, in order. Without catchup the latest that has passed is enough. (Airflow drops what has passed, and can
 * because it stores the date to come; here a run is asked for anew at its time, when its event has just passed.)
 */
function nextEvent(
  at: readonly string[],
  last: DataInterval | null,
  { earliest, latest, catchup }: RunLimits,
  now: Instant,
): DueRun | null {
  const after = last?.end ?? Number.NEGATIVE_INFINITY
  const begin = earliest ?? Number.NEGATIVE_INFINITY
  const open = at.map((text) => Date.parse(text)).filter((event) => event > after && event >= begin)
  const passed = catchup ? [] : open.filter((event) => event <= now)
  if (open.length === 0) return null
  const event = passed.length > 0 ? Math.max(...passed) : Math.min(...open)
  return latest !== null && event > latest ? null : pointAt(event)
}

function nextOnce(at: string | undefined, last: DataInterval | null, limits: RunLimits, now: Instant): DueRun | null {
  if (last !== null) return null
  const instant = at === undefined ? (limits.earliest ?? now) : Date.parse(at)
  return limits.latest !== null && instant > limits.latest ? null : pointAt(instant)
}

function nextContinuous(last: DataInterval | null, limits: RunLimits, now: Instant): DueRun | null {
  const begin = limits.earliest ?? now
  const run =
    last === null
      ? intervalOf(begin, Math.max(begin, now))
      : last.end > now
        ? intervalOf(begin, begin + (last.end - last.start))
        : intervalOf(last.end, now)
  return limits.latest !== null && run.dataInterval.end > limits.latest ? null : run
}

/**
 * The run that comes after the last automated one, whether due yet or not (compare `runAfter` with now); null when
 * there is none any more: dates outside the years 1 to 9999 get no run. Without catchup an outage leaves one run, of the
 * latest period missed.
 * @param last the data interval of the last scheduled or backfilled run, null before the first
 */
export function nextRun(
  spec: TimetableSpec,
  last: DataInterval | null,
  limits: RunLimits,
  now: Instant,
): DueRun | null {
  const run = nextOf(spec, last, limits, now)
  if (run === null) return null
  const { logicalDate, dataInterval, runAfter } = run
  return [logicalDate, dataInterval.start, dataInterval.end, runAfter].every(isStorableInstant) ? run : null
}

function nextOf(spec: TimetableSpec, last: DataInterval | null, limits: RunLimits, now: Instant): DueRun | null {
  switch (spec.kind) {
    case 'none':
      return null
    case 'once':
      return nextOnce(spec.at, last, limits, now)
    case 'continuous':
      return nextContinuous(last, limits, now)
    case 'cron': {
      const steps = cronSteps(spec.expression, spec.timezone)
      return spec.interval ? nextInterval(spec, steps, last, limits, now) : nextPoint(steps, last, limits, now)
    }
    case 'crons': {
      const runs = spec.expressions.map((expression) =>
        nextPoint(cronSteps(expression, spec.timezone), last, limits, now),
      )
      return nextOfMany(runs, limits.catchup, now)
    }
    case 'events':
      return nextEvent(spec.at, last, limits, now)
    case 'delta': {
      const steps = deltaSteps(spec.everyMs)
      return spec.interval ? nextInterval(spec, steps, last, limits, now) : nextPoint(steps, last, limits, now)
    }
    default:
      return unreachable(spec)
  }
}

function nearest(
  at: readonly string[],
  isWanted: (event: Instant) => boolean,
  choose: (...events: Instant[]) => Instant,
): Instant | null {
  const events = at.map((text) => Date.parse(text)).filter(isWanted)
  return events.length === 0 ? null : choose(...events)
}

/** The first fire strictly after an instant; null for timetables without fires of their own, or when there is none. */
export function nextInstant(spec: TimetableSpec, instant: Instant): Instant | null {
  if (spec.kind === 'events') return nearest(spec.at, (event) => event > instant, Math.min)
  if (spec.kind === 'cron') return nextFire(spec.expression, spec.timezone, instant)
  if (spec.kind === 'delta') return instant + spec.everyMs
  if (spec.kind !== 'crons') return null
  const fires = spec.expressions.map((expression) => nextFire(expression, spec.timezone, instant))
  const known = fires.filter((fire) => fire !== null)
  return known.length === 0 ? null : Math.min(...known)
}

/** The last fire strictly before an instant; null for timetables without fires of their own, or when there is none. */
export function prevInstant(spec: TimetableSpec, instant: Instant): Instant | null {
  if (spec.kind === 'events') return nearest(spec.at, (event) => event < instant, Math.max)
  if (spec.kind === 'cron') return prevFire(spec.expression, spec.timezone, instant)
  if (spec.kind === 'delta') return instant - spec.everyMs
  if (spec.kind !== 'crons') return null
  return latestOf(spec.expressions.map((expression) => prevFire(expression, spec.timezone, instant)))
}

/** The data interval of a manual run: the last complete one of an interval timetable, else the moment itself. */
export function inferManualInterval(spec: TimetableSpec, runAfter: Instant): DataInterval {
  if (spec.kind === 'delta' && spec.interval) return { start: runAfter - spec.everyMs, end: runAfter }
  if (spec.kind === 'cron' && spec.interval) {
    const steps = cronSteps(spec.expression, spec.timezone)
    const end = steps.alignPrev(runAfter)
    const start = end === null ? null : steps.prev(end)
    if (start !== null && end !== null) return { start, end }
  }
  return { start: runAfter, end: runAfter }
}

function refuse(message: string): never {
  throw new BaramError('SCHEDULE_INVALID', message)
}

/** 100 years: what is longer was meant in another unit. */
const LONGEST_DELTA_MS = 100 * 365.25 * 86_400_000

/** An offset is asked for: without one, JavaScript would read the machine's own zone into it. */
const ISO_INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/

function checkInstant(text: string): void {
  if (!ISO_INSTANT.test(text) || !isStorableInstant(Date.parse(text)))
    refuse(`"${text}" is not an instant of the years 1 to 9999; write it as "2026-01-31T06:00:00Z"`)
}

/** @throws BaramError SCHEDULE_INVALID with what is wrong and what to write instead */
export function validateTimetable(spec: TimetableSpec): void {
  switch (spec.kind) {
    case 'none':
    case 'continuous':
      return
    case 'once':
      if (spec.at !== undefined && !isStorableInstant(Date.parse(spec.at))) checkInstant(spec.at)
      return
    case 'events':
      for (const text of spec.at) checkInstant(text)
      return
    case 'cron':
      validateZone(spec.timezone)
      parseCron(spec.expression)
      return
    case 'crons':
      if (spec.expressions.length === 0) refuse('a schedule of several cron expressions needs at least one')
      validateZone(spec.timezone)
      for (const expression of spec.expressions) parseCron(expression)
      return
    case 'delta':
      if (!Number.isInteger(spec.everyMs) || spec.everyMs <= 0) {
        refuse(`a schedule by elapsed time must be a positive whole number of milliseconds, got ${spec.everyMs}`)
      }
      if (spec.everyMs > LONGEST_DELTA_MS)
        refuse(`a schedule by elapsed time fires at least once in 100 years, got ${spec.everyMs} ms`)
      return
    default:
      unreachable(spec)
  }
}
