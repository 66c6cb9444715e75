// Dates of the schedule that have no run, between the runs of a grid.

import type { DagGraph } from '../../../../core/graph.ts'
import { moment, zoneName } from '../../../../core/times.ts'
import { findGaps } from '../../../../core/timetables/missed.ts'
import type { RunListRow } from '../../../../store/postgres/read-runs.ts'
import { findTakenDates } from '../../../../store/postgres/runs.ts'
import type { Web } from '../../../deps.ts'
import { localOf } from '../../forms/zoned.ts'
import { dagPath, withQuery } from '../../frame/links.ts'

export interface GridGap {
  /** Row id of the run before it. */
  readonly after: number
  readonly title: string
  readonly href: string
  readonly n: number
}

const ofSchedule = (run: RunListRow): boolean => run.runType === 'scheduled' || run.runType === 'backfill'

/** Dates without a run, where a line in the grid and a sentence below it show them. */
export async function gridGaps(
  web: Web,
  graph: DagGraph,
  runs: readonly RunListRow[],
  now: number,
): Promise<readonly GridGap[]> {
  const dated = runs
    .flatMap((run) => {
      const { id, logicalDate, dataIntervalStart: start, dataIntervalEnd: end } = run
      if (logicalDate === null || start === null || end === null || !ofSchedule(run)) return []
      return [{ id, zone: run.timezone, logicalDate, dataInterval: { start, end } }]
    })
    .sort((a, b) => a.logicalDate - b.logicalDate)
  const { dag } = graph
  const gaps = findGaps(dag.timetable, dated)
  const all = gaps.flatMap((gap) => gap.dates)
  if (all.length === 0) return []
  // Runs outside the grid, or by hand, may have them.
  const taken = new Set(await findTakenDates(web.database, dag.dagId, all))
  return gaps.flatMap((gap) => {
    const dates = gap.dates.filter((date) => !taken.has(date))
    const before = dated.find((run) => run.logicalDate === gap.after)
    const first = dates[0]
    const last = dates.at(-1)
    if (first === undefined || last === undefined || before === undefined) return []
    const { zone } = before
    const when = (date: number) => `${moment(date, zone, now)} ${zoneName(zone, date)}`
    const range = { from: localOf(first, zone), to: localOf(last, zone) }
    return [
      {
        after: before.id,
        n: dates.length,
        title: first === last ? when(first) : `${when(first)} to ${when(last)}`,
        href: withQuery(dagPath(dag.dagId, '/backfills'), range),
      },
    ]
  })
}
