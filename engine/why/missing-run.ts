// Why there is no run for a time: it is no date of the schedule, or something stood in its way, as far as the records tell.

import type { SerializedDag } from '../../core/serialized.ts'
import { type DueRun, nextInstant, nextRun, prevInstant } from '../../core/timetables/timetable.ts'
import type { Database } from '../../store/database.ts'
import type { DagListRow } from '../../store/postgres/read-dags.ts'
import {
  activeRunsAt,
  findDeletion,
  findFirstSeen,
  listPauses,
  listSchedulerSpans,
  schedulerGap,
} from '../../store/postgres/why.ts'
import { at, listed, type Why } from './words.ts'

/** The run of the schedule that a time means: its logical date, or the moment it was to be made. */
export function slotAt({ timetable }: SerializedDag, instant: number): DueRun | null {
  const from = (earliest: number) => nextRun(timetable, null, { earliest, latest: null, catchup: true }, instant)
  const own = from(instant)
  if (own?.logicalDate === instant) return own
  const before = prevInstant(timetable, instant)
  const earlier = before === null ? null : from(before)
  return earlier?.runAfter === instant ? earlier : null
}

interface Asked {
  readonly database: Database
  readonly row: DagListRow
  readonly dag: SerializedDag
  readonly slot: DueRun
  readonly now: number
}

const say = (asked: Asked, code: string, why: string): Why => ({
  code,
  sentence: `No run ${forSlot(asked)}: ${why}.`,
})

function forSlot({ slot, row, now }: Asked): string {
  const due = at(slot.runAfter, row.timezone, now)
  return slot.logicalDate === slot.runAfter
    ? `at ${due}`
    : `at ${due} (for the interval from ${at(slot.logicalDate, row.timezone, now)})`
}

function beforeSchedule(asked: Asked): Why | null {
  const { dag, slot, row, now } = asked
  const start = dag.startDate === null ? null : Date.parse(dag.startDate)
  const end = dag.endDate === null ? null : Date.parse(dag.endDate)
  if (start !== null && slot.logicalDate < start)
    return say(asked, 'before_start', `it is before the DAG's startDate, ${at(start, row.timezone, now)}`)
  if (end !== null && slot.logicalDate > end)
    return say(asked, 'after_end', `it is after the DAG's endDate, ${at(end, row.timezone, now)}`)
  return slot.runAfter > now ? say(asked, 'in_future', 'its time has not come') : null
}

async function deleted(asked: Asked): Promise<Why | null> {
  const { database, row, slot, now } = asked
  const found = await findDeletion(database, row.dagId, slot.logicalDate)
  if (found === null) return null
  return say(asked, 'deleted', `run ${found.runId} was deleted by ${found.owner} at ${at(found.at, row.timezone, now)}`)
}

async function unseen(asked: Asked): Promise<Why | null> {
  const { database, row, slot, now } = asked
  const first = await findFirstSeen(database, row.dagId)
  if (first === null || slot.runAfter >= first) return null
  const zone = row.timezone
  return say(
    asked,
    'not_yet_there',
    `the DAG was first seen at ${at(first, zone, now)}, and catchup is ${asked.dag.catchup ? 'on: it comes' : 'off'}`,
  )
}

async function paused(asked: Asked): Promise<Why | null> {
  const { database, row, slot, now } = asked
  const events = await listPauses(database, row.dagId)
  const pause = events.filter((event) => event.at <= slot.runAfter).at(-1)
  if (pause?.isPause !== true) return null
  const resumed = events.find((event) => !event.isPause && event.at > slot.runAfter)
  const zone = row.timezone
  const span =
    resumed === undefined
      ? `since ${at(pause.at, zone, now)}`
      : `${at(pause.at, zone, now)} to ${at(resumed.at, zone, now)}`
  return say(asked, 'was_paused', `the DAG was paused ${span} by ${pause.owner}`)
}

async function unscheduled(asked: Asked): Promise<Why | null> {
  const { database, row, slot, now } = asked
  const spans = await listSchedulerSpans(database, slot.runAfter, slot.runAfter)
  if (spans.some((span) => span.start <= slot.runAfter && slot.runAfter <= span.end)) return null
  const { before, after } = await schedulerGap(database, slot.runAfter)
  const zone = row.timezone
  const from = before === null ? '' : ` from ${at(before, zone, now)}`
  const to = after === null ? '' : ` to ${at(after, zone, now)}`
  const rest = asked.dag.catchup
    ? 'the scheduler makes it when there is room'
    : 'without catchup only the latest date was made afterwards'
  return say(asked, 'scheduler_was_away', `no scheduler ran${from}${to}; ${rest}`)
}

async function crowded(asked: Asked): Promise<Why | null> {
  const { database, row, slot } = asked
  const active = await activeRunsAt(database, row.dagId, slot.runAfter)
  if (active.length < row.maxActiveRuns) return null
  const rest = asked.dag.catchup
    ? 'it comes when there is room'
    : 'without catchup only the latest date is made when there is room again'
  return say(
    asked,
    'was_full',
    `${active.length} of ${row.maxActiveRuns} runs were active then (${listed(active.map((run) => run.runId))}); ${rest}`,
  )
}

/** Why no run exists for an instant. */
export async function whyMissing(
  database: Database,
  row: DagListRow,
  dag: SerializedDag,
  instant: number,
  now: number,
): Promise<Why> {
  const zone = row.timezone
  if (!row.hasSchedule)
    return {
      code: 'no_schedule',
      sentence: `No run at ${at(instant, zone, now)}: ${row.dagId} has no schedule, it runs when it is triggered.`,
    }
  const slot = slotAt(dag, instant)
  if (slot === null) {
    const [before, after] = [prevInstant(dag.timetable, instant), nextInstant(dag.timetable, instant)]
    const near = [before, after].flatMap((run) => (run === null ? [] : at(run, zone, now)))
    return {
      code: 'no_date',
      sentence:
        `No run at ${at(instant, zone, now)}: it is no date of ${row.dagId}'s ` +
        `schedule${near.length === 0 ? '' : `; the nearest are ${listed(near)}`}.`,
    }
  }
  const asked = { database, row, dag, slot, now }
  return (
    beforeSchedule(asked) ??
    (await deleted(asked)) ??
    (await unseen(asked)) ??
    (await paused(asked)) ??
    (await unscheduled(asked)) ??
    (await crowded(asked)) ??
    say(asked, 'unknown', 'the records do not tell why; see `dagctl dags next-execution` and the log of the scheduler')
  )
}
