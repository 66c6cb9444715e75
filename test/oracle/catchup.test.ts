// Which runs come to be: what Airflow's timetables make look after look at the clock, replayed through planRuns.

import { describe, expect, test } from 'vitest'
import { planRuns } from '../../core/timetables/plan.ts'
import type { DataInterval } from '../../core/timetables/timetable.ts'
import { toLocal } from '../../core/timetables/zone.ts'
import { type Explained, intervalFrom, ms, readFacts, replay, type ShortRun, type ShortSpec, specOf } from './facts.ts'

/** At each look the runs made, one after another and at most so many, and the one that follows. */
type Look = readonly [now: number, made: readonly ShortRun[], next: ShortRun | null]
type Life = readonly [
  spec: ShortSpec,
  limits: readonly [earliest: number | null, latest: number | null, catchup: boolean],
  last: readonly [start: number, end: number] | null,
  looks: readonly Look[],
]

const facts = readFacts<{ most: number; runs: readonly Life[] }>('catchup')
const inMs = (seconds: number | null): number | null => (seconds === null ? null : ms(seconds))

function compareLook(life: Life, { last, look }: { last: DataInterval | null; look: Look }): unknown {
  const [short, [earliest, latest, catchup]] = life
  const [now, made, next] = look
  const limits = { earliest: inMs(earliest), latest: inMs(latest), catchup }
  const plan = planRuns(specOf(short), last, limits, ms(now), facts.most)
  const wanted = [...made, ...(next === null ? [] : [next])].map((run) => intervalFrom(run, now))
  // Facts stop after so many runs; what they then tell as next is only the next to be made.
  const isCut = made.length === facts.most
  const due = plan.due.map(({ dataInterval }) => dataInterval)
  const found = isCut || plan.next === null ? due : [...due, plan.next.dataInterval]
  return JSON.stringify(found) === JSON.stringify(isCut ? wanted.slice(0, facts.most) : wanted) ? null : found
}

/** Each look with the run before it, which is a fact too: one difference does not make others. */
function looksOf(life: Life): { life: Life; last: DataInterval | null; look: Look }[] {
  let last: DataInterval | null = life[2] === null ? null : { start: ms(life[2][0]), end: ms(life[2][1]) }
  return life[3].map((look) => {
    const before = last
    const latest = look[1].at(-1)
    if (latest !== undefined) last = intervalFrom(latest, look[0])
    return { life, last: before, look }
  })
}

const DAY = 86_400

/** The clock of the timetable's zone went forward in the day before. */
function isAfterGap([, , timezone]: ShortSpec, now: number): boolean {
  return timezone !== undefined && offset(timezone, now) > offset(timezone, now - DAY)
}

const offset = (timezone: string, seconds: number): number => toLocal(ms(seconds), timezone) - ms(seconds)

const explained: readonly Explained<ReturnType<typeof looksOf>[number]>[] = [
  {
    title: 'Looking back across a clock change',
    covers: ({ life: [short, [, , catchup]], look: [now] }) => !catchup && isAfterGap(short, now),
  },
  {
    title: 'Events that have passed, without catchup',
    covers: ({ life: [[kind], [, , catchup]] }) => kind === 'events' && !catchup,
  },
]

describe(`the runs that Airflow ${facts.airflow} makes`, () => {
  test('are made at each of 6,000 looks, and the same one follows', () => {
    const looks = facts.runs.flatMap(looksOf)
    const { count, differences, used } = replay(looks, (look) => compareLook(look.life, look), explained)
    expect(differences).toEqual([])
    expect(Object.fromEntries(used)).toEqual({
      'Looking back across a clock change': 1,
      'Events that have passed, without catchup': 21,
    })
    expect(count).toBeGreaterThan(6_000)
  })
})
