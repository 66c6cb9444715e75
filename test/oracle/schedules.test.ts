// Airflow's timetables, fire by fire: what it recorded round the clock changes of thirty zones is what this product does.

import { describe, expect, test } from 'vitest'
import { parseCron } from '../../core/timetables/cron-dialect.ts'
import { describe as told } from '../../core/timetables/describe.ts'
import {
  type DataInterval,
  inferManualInterval,
  nextRun,
  prevInstant,
  validateTimetable,
} from '../../core/timetables/timetable.ts'
import { type Explained, instants, ms, readFacts, replay, type ShortSpec, specOf } from './facts.ts'

/** What a catchup from an instant made: starts, then fires looked back on from the last end, then ends that are no starts. */
type Sequence = readonly [
  spec: ShortSpec,
  earliest: number,
  starts: readonly number[],
  back: readonly number[],
  ends?: readonly number[],
]
type Manual = readonly [spec: ShortSpec, runAfter: number, start: number, end: number]

const facts = readFacts<{
  refused: readonly (readonly [expression: string, how: string])[]
  sequences: readonly Sequence[]
  manual: readonly Manual[]
  told: readonly (readonly [spec: ShortSpec, summary: string, description: string])[]
}>('schedules')

const explained: readonly Explained<Sequence>[] = [
  { title: 'Looking back across a clock change', covers: ([, , , back]) => back.slice(1).some((delta) => delta >= 0) },
  { title: 'The 29th and 30th W in February', covers: ([[, expression]]) => /(29|30)W \*/.test(String(expression)) },
  {
    title: 'A seventh cron field',
    covers: ([[, expression]]) => String(expression).trim().split(/\s+/).length === 7,
  },
]

function compareSequence([short, earliest, starts, back, ends]: Sequence): unknown {
  const spec = specOf(short)
  if ((short[0] === 'cron' || short[0] === 'cron-interval') && isRefused(short[1])) return 'refused'
  const [expectedStarts, expectedEnds] = [instants(starts), instants(ends ?? starts)]
  const limits = { earliest: ms(earliest), latest: null, catchup: true }
  const made: DataInterval[] = []
  for (let last: DataInterval | null = null; made.length < starts.length; ) {
    const run = nextRun(spec, last, limits, ms(earliest))
    if (run === null) break
    last = run.dataInterval
    made.push(last)
  }
  const looked: (number | null)[] = []
  for (let until: number | null = made.at(-1)?.end ?? null; looked.length < back.length && until !== null; ) {
    until = prevInstant(spec, until)
    looked.push(until)
  }
  const found = [made.map(({ start }) => start), made.map(({ end }) => end), looked]
  return JSON.stringify(found) === JSON.stringify([expectedStarts, expectedEnds, instants(back)]) ? null : found
}

function isRefused(expression: string): boolean {
  try {
    validateTimetable({ kind: 'cron', expression, timezone: 'UTC', interval: false })
    parseCron(expression)
    return false
  } catch {
    return true
  }
}

describe(`the schedules of Airflow ${facts.airflow}`, () => {
  test('there are at least 200 expressions and 12 zones, and each zone meets its own clock changes', () => {
    const crons = facts.sequences.map(([short]) => short).filter(([kind]) => kind.startsWith('cron'))
    expect(new Set(crons.map(([, expression]) => String(expression))).size).toBeGreaterThan(250)
    expect(new Set(crons.map(([, , zone]) => zone)).size).toBe(30)
  })

  test('all of 3,500 sequences of runs are made fire by fire, onward and back', () => {
    const { count, differences, used } = replay(facts.sequences, compareSequence, explained)
    expect(differences).toEqual([])
    expect(Object.fromEntries(used)).toEqual({
      'Looking back across a clock change': 2,
      'The 29th and 30th W in February': 4,
      'A seventh cron field': 12,
    })
    expect(count).toBeGreaterThan(3_500)
  })

  test('what Airflow refuses is refused, and what can never fire', () => {
    const { count, differences } = replay(facts.refused, ([expression]) => (isRefused(expression) ? null : 'accepted'))
    expect(differences).toEqual([])
    expect(count).toBeGreaterThan(70)
  })

  test('manual runs cover the same intervals', () => {
    const compare = ([short, runAfter, start, end]: Manual): unknown => {
      const found = inferManualInterval(specOf(short), ms(runAfter))
      return found.start === ms(start) && found.end === ms(end) ? null : found
    }
    // Airflow's interval is then empty, or not over yet.
    const covers = ([, runAfter, start, end]: Manual): boolean => start >= end || end > runAfter
    const { count, differences, used } = replay(facts.manual, compare, [
      { title: 'Looking back across a clock change', covers },
    ])
    expect(differences).toEqual([])
    expect(Object.fromEntries(used)).toEqual({ 'Looking back across a clock change': 77 })
    expect(count).toBeGreaterThan(1_000)
  })

  test('timetables without a cron text are told in the same words', () => {
    const { differences } = replay(facts.told, ([short, summary, description]) => {
      const words = told(specOf(short))
      return words.summary === summary && words.description === description ? null : words
    })
    expect(differences).toEqual([])
  })
})
