// Golden plans: what a change of a schedule makes, moves, loses, at given moments. Times are told in the DAG's zone.

import { describe, expect, test } from 'vitest'
import { losesAnything, type PlanPoint, planChange } from '../../core/plan-change.ts'
import type { SerializedDag, SerializedTask } from '../../core/serialized.ts'
import type { DueRun } from '../../core/timetables/timetable.ts'
import { localTexts } from '../../core/timetables/zone.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'

const at = (text: string) => Date.parse(text)
const point = (now: string, last: string | readonly [string, string] | null, most = 3): PlanPoint => {
  const [start, end] = last === null ? [null, null] : typeof last === 'string' ? [last, last] : last
  return { now: at(now), last: start === null || end === null ? null : { start: at(start), end: at(end) }, most }
}
const cron = (expression: string, timezone = 'Asia/Seoul', more: Partial<SerializedDag> = {}, interval = false) =>
  makeDag(['a'], [], { timetable: { kind: 'cron', expression, timezone, interval }, timezone, ...more })

const shown = (run: DueRun, zone: string) => localTexts(run.runAfter, zone).ts
/** The change in words: lines of a golden file. */
function golden(before: SerializedDag | null, after: SerializedDag | null, when: PlanPoint): string[] {
  const zone = (after ?? before)?.timezone ?? 'UTC'
  const change = planChange(before, after, when)
  const span = (word: string, of: { start: number; end: number } | null) =>
    of === null ? [] : [`${word} ${localTexts(of.start, zone).ts} to ${localTexts(of.end, zone).ts}`]
  return [
    ...change.lost.map((run) => `lost ${shown(run, zone)}`),
    ...change.created.map((run) => `created ${shown(run, zone)}`),
    ...change.moved.map(({ from, to }) => `moved ${shown(from, zone)} → ${shown(to, zone)}`),
    ...span('gap', change.gap),
    ...span('twice', change.overlap),
    ...change.next.map(
      (run) =>
        'next ' +
        `${shown(run, zone)}${run.isDue ? ' (due)' : ''}${run.clockChange === 0 ? '' : ` (clocks ${run.clockChange > 0 ? '+' : ''}${run.clockChange} min)`}`,
    ),
    ...(losesAnything(change) ? ['LOSES'] : []),
  ]
}

describe('a schedule that is moved by an hour', () => {
  const [two, three] = [cron('0 2 * * *'), cron('0 3 * * *')]

  test('later, after today’s run: today gets a second one', () => {
    expect(golden(two, three, point('2026-01-05T02:30:00+09:00', '2026-01-05T02:00:00+09:00'))).toEqual([
      'created 2026-01-05T03:00:00+09:00',
      'moved 2026-01-06T02:00:00+09:00 → 2026-01-06T03:00:00+09:00',
      'moved 2026-01-07T02:00:00+09:00 → 2026-01-07T03:00:00+09:00',
      'next 2026-01-05T03:00:00+09:00',
      'next 2026-01-06T03:00:00+09:00',
      'next 2026-01-07T03:00:00+09:00',
    ])
  })

  test('later, before today’s run: yesterday’s new hour has passed, and is made at once', () => {
    expect(golden(two, three, point('2026-01-05T01:00:00+09:00', '2026-01-04T02:00:00+09:00', 2))).toEqual([
      'created 2026-01-04T03:00:00+09:00',
      'moved 2026-01-05T02:00:00+09:00 → 2026-01-05T03:00:00+09:00',
      'moved 2026-01-06T02:00:00+09:00 → 2026-01-06T03:00:00+09:00',
      'next 2026-01-04T03:00:00+09:00 (due)',
      'next 2026-01-05T03:00:00+09:00',
      'next 2026-01-06T03:00:00+09:00',
    ])
  })

  test('earlier, between the two: the date that has passed is made at once', () => {
    expect(golden(three, two, point('2026-01-05T02:30:00+09:00', '2026-01-04T03:00:00+09:00', 2))).toEqual([
      'moved 2026-01-05T03:00:00+09:00 → 2026-01-05T02:00:00+09:00',
      'moved 2026-01-06T03:00:00+09:00 → 2026-01-06T02:00:00+09:00',
      'next 2026-01-05T02:00:00+09:00 (due)',
      'next 2026-01-06T02:00:00+09:00',
      'next 2026-01-07T02:00:00+09:00',
    ])
  })

  test('of intervals, later: the first one covers most of a day again', () => {
    const [from, to] = [cron('0 2 * * *', 'Asia/Seoul', {}, true), cron('0 3 * * *', 'Asia/Seoul', {}, true)]
    const last = ['2026-01-04T02:00:00+09:00', '2026-01-05T02:00:00+09:00'] as const
    expect(golden(from, to, point('2026-01-05T02:30:00+09:00', last, 1))).toEqual([
      'created 2026-01-05T03:00:00+09:00',
      'twice 2026-01-04T03:00:00+09:00 to 2026-01-05T02:00:00+09:00',
      'next 2026-01-05T03:00:00+09:00',
    ])
  })

  test('of intervals, earlier: an hour is covered twice', () => {
    const [from, to] = [cron('0 3 * * *', 'Asia/Seoul', {}, true), cron('0 2 * * *', 'Asia/Seoul', {}, true)]
    const last = ['2026-01-04T03:00:00+09:00', '2026-01-05T03:00:00+09:00'] as const
    expect(golden(from, to, point('2026-01-05T03:30:00+09:00', last, 1))).toEqual([
      'moved 2026-01-06T03:00:00+09:00 → 2026-01-06T02:00:00+09:00',
      'twice 2026-01-05T02:00:00+09:00 to 2026-01-05T03:00:00+09:00',
      'next 2026-01-06T02:00:00+09:00',
    ])
  })
})

describe('a schedule whose zone is changed', () => {
  const [seoul, utc] = [cron('0 2 * * *', 'Asia/Seoul'), cron('0 2 * * *', 'UTC')]

  test('from Seoul to UTC, after today’s run: the next one comes nine hours after it', () => {
    expect(golden(seoul, utc, point('2026-01-04T18:00:00Z', '2026-01-04T17:00:00Z', 2))).toEqual([
      'created 2026-01-05T02:00:00+00:00',
      'moved 2026-01-05T17:00:00+00:00 → 2026-01-06T02:00:00+00:00',
      'next 2026-01-05T02:00:00+00:00',
      'next 2026-01-06T02:00:00+00:00',
    ])
  })

  test('from UTC to Seoul, in the evening: what has passed there is made at once', () => {
    expect(golden(utc, seoul, point('2026-01-05T18:00:00Z', '2026-01-05T02:00:00Z', 2))).toEqual([
      'moved 2026-01-06T11:00:00+09:00 → 2026-01-06T02:00:00+09:00',
      'moved 2026-01-07T11:00:00+09:00 → 2026-01-07T02:00:00+09:00',
      'next 2026-01-06T02:00:00+09:00 (due)',
      'next 2026-01-07T02:00:00+09:00',
      'next 2026-01-08T02:00:00+09:00',
    ])
  })
})

describe('a plan', () => {
  test('marks runs after a change of clocks, forward and back', () => {
    const berlin = cron('0 9 * * *', 'Europe/Berlin')
    expect(golden(berlin, berlin, point('2026-03-27T12:00:00Z', '2026-03-27T08:00:00Z'))).toEqual([
      'next 2026-03-28T09:00:00+01:00',
      'next 2026-03-29T09:00:00+02:00 (clocks +60 min)',
      'next 2026-03-30T09:00:00+02:00',
    ])
    expect(golden(berlin, berlin, point('2026-10-23T12:00:00Z', '2026-10-23T07:00:00Z'))[1]).toBe(
      'next 2026-10-25T09:00:00+01:00 (clocks -60 min)',
    )
  })

  test('says what is lost: a schedule that goes, an end, a later start, a DAG that is gone', () => {
    const daily = cron('0 2 * * *')
    const when = point('2026-01-05T12:00:00+09:00', '2026-01-05T02:00:00+09:00', 2)
    const lost = ['lost 2026-01-06T02:00:00+09:00', 'lost 2026-01-07T02:00:00+09:00']
    const none = makeDag(['a'], [], { timetable: { kind: 'none' }, timezone: 'Asia/Seoul' })
    expect(golden(daily, none, when)).toEqual([...lost, 'LOSES'])
    expect(golden(daily, null, when)).toEqual([...lost, 'LOSES'])
    expect(golden(daily, cron('0 2 * * *', 'Asia/Seoul', { endDate: '2026-01-01T00:00:00.000Z' }), when)).toEqual([
      ...lost,
      'LOSES',
    ])
    const later = cron('0 2 * * *', 'Asia/Seoul', { startDate: '2026-01-07T00:00:00.000Z' })
    expect(golden(daily, later, when).filter((line) => !line.startsWith('next'))).toEqual([...lost, 'LOSES'])
  })

  test('says what a catchup that is switched off leaves behind', () => {
    const start = { startDate: '2026-01-01T00:00:00.000Z' }
    const when = point('2026-01-05T12:00:00+09:00', '2026-01-02T02:00:00+09:00', 1)
    const change = planChange(
      cron('0 2 * * *', 'Asia/Seoul', { ...start, catchup: true }),
      cron('0 2 * * *', 'Asia/Seoul', { ...start, catchup: false }),
      { ...when, most: 5 },
    )
    expect(change.lost.map((run) => shown(run, 'Asia/Seoul').slice(0, 10))).toEqual(['2026-01-03', '2026-01-04'])
  })

  test('says which time no run covers: intervals that begin later than the last one ended', () => {
    const hourly = cron('0 * * * *', 'Asia/Seoul', {}, true)
    const start = { startDate: '2026-01-05T12:00:00+09:00' }
    const when = point('2026-01-05T02:30:00+09:00', ['2026-01-05T01:00:00+09:00', '2026-01-05T02:00:00+09:00'], 1)
    const lines = golden(hourly, cron('0 * * * *', 'Asia/Seoul', start, true), when)
    expect(lines).toContain('gap 2026-01-05T02:00:00+09:00 to 2026-01-05T12:00:00+09:00')
    expect(lines.at(-1)).toBe('LOSES')
  })

  test('of a new DAG has only what is due at once as created, of an unchanged one nothing', () => {
    const daily = cron('0 2 * * *', 'Asia/Seoul', { startDate: '2026-01-01T00:00:00.000Z' })
    expect(golden(null, daily, point('2026-01-05T12:00:00+09:00', null, 1))).toEqual([
      'created 2026-01-05T02:00:00+09:00',
      'next 2026-01-05T02:00:00+09:00 (due)',
      'next 2026-01-06T02:00:00+09:00',
    ])
    const same = planChange(daily, daily, point('2026-01-05T12:00:00+09:00', '2026-01-05T02:00:00+09:00'))
    expect([same.created, same.lost, same.moved, same.tasksChanged]).toEqual([[], [], [], []])
  })

  test('names tasks that come, go and change, option by option', () => {
    const before = makeDag(['a', 'b', makeTask('c', { retries: 3 })])
    const after = makeDag(['a', makeTask('c', { retries: 5, pool: 'small' }), 'd'])
    const { tasksAdded, tasksRemoved, tasksChanged } = planChange(before, after, point('2026-01-05T00:00:00Z', null))
    expect({ tasksAdded, tasksRemoved, tasksChanged }).toEqual({
      tasksAdded: ['d'],
      tasksRemoved: ['b'],
      tasksChanged: [{ taskId: 'c', options: ['retries: 3 → 5', 'pool: default_pool → small'] }],
    })
  })

  test('takes options for the same whose keys came back in another order', () => {
    const withInputs = (inputs: SerializedTask['inputs']) => makeDag(['a', makeTask('b', { inputs })])
    const before = withInputs([{ kind: 'ref', name: 'rows', taskId: 'a' }])
    const after = withInputs([{ name: 'rows', taskId: 'a', kind: 'ref' }])
    expect(planChange(before, after, point('2026-01-05T00:00:00Z', null)).tasksChanged).toEqual([])
  })
})
