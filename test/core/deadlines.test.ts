// Slots of a schedule, one after another, are those its runs have; and what a missed deadline says.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deadlinesOf, describeMissed, slotAfter } from '../../core/deadlines.ts'
import { type DueRun, nextRun, type TimetableSpec } from '../../core/timetables/timetable.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'

const NO_LIMITS = { earliest: null, latest: null }
const at = (text: string) => Date.parse(text)
const SEOUL = 'Asia/Seoul'

const specs = fc.constantFrom<TimetableSpec>(
  { kind: 'cron', expression: '*/20 * * * *', timezone: 'UTC', interval: false },
  { kind: 'cron', expression: '0 * * * *', timezone: SEOUL, interval: true },
  { kind: 'cron', expression: '30 2 * * *', timezone: 'Europe/Berlin', interval: true },
  { kind: 'crons', expressions: ['0 6 * * *', '30 6 * * *'], timezone: SEOUL },
  { kind: 'delta', everyMs: 5_400_000, interval: true },
  { kind: 'delta', everyMs: 5_400_000, interval: false },
  { kind: 'events', at: ['2026-03-01T00:00:00Z', '2026-03-29T01:30:00Z'], description: null },
)
const instants = fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2026-06-01T00:00:00Z') })

/** The runs of a schedule from a date on, as a catch-up makes them. */
function runsFrom(spec: TimetableSpec, earliest: number, count: number): DueRun[] {
  const runs: DueRun[] = []
  const limits = { earliest, latest: null, catchup: true }
  for (let run = nextRun(spec, null, limits, earliest); run !== null && runs.length < count; )
    run = nextRun(spec, (runs[runs.push(run) - 1] as DueRun).dataInterval, limits, earliest)
  return runs
}

describe('slots', () => {
  it('are the runs that a catch-up makes, one after another', () => {
    fc.assert(
      fc.property(specs, instants, (spec, earliest) => {
        const runs = runsFrom(spec, earliest, 6)
        const slots: DueRun[] = []
        for (let slot = slotAfter(spec, earliest, 0, { earliest, latest: null }); slot !== null && slots.length < 6; ) {
          slots.push(slot)
          slot = slotAfter(spec, earliest, slot.runAfter, { earliest, latest: null })
        }
        expect(slots).toEqual(runs)
      }),
    )
  })

  it('are due after the instant that was asked for, the first of them', () => {
    fc.assert(
      fc.property(specs, instants, instants, (spec, anchor, now) => {
        const slot = slotAfter(spec, anchor, now, NO_LIMITS)
        if (slot === null) return
        expect(slot.runAfter).toBeGreaterThan(now)
        const again = slotAfter(spec, anchor, slot.runAfter - 1, NO_LIMITS)
        expect(again).toEqual(slot)
      }),
    )
  })

  it('end with the last date, and streams have none', () => {
    const spec: TimetableSpec = { kind: 'cron', expression: '0 0 * * *', timezone: 'UTC', interval: false }
    const latest = at('2026-03-02T00:00:00Z')
    expect(slotAfter(spec, 0, latest - 1, { earliest: null, latest })?.runAfter).toBe(latest)
    expect(slotAfter(spec, 0, latest, { earliest: null, latest })).toBe(null)
    expect(slotAfter({ kind: 'continuous' }, 0, 0, NO_LIMITS)).toBe(null)
    expect(slotAfter({ kind: 'none' }, 0, 0, NO_LIMITS)).toBe(null)
  })
})

it('deadlines of a DAG and of its tasks are told together, with whose they are', () => {
  const slot = { key: 'slot+600', reference: 'slot', interval: 600, callbacks: 1 } as const
  const dag = makeDag([makeTask('a', { deadlines: [{ ...slot, key: 'a: slot+600' }] }), 'b'], [], { deadlines: [slot] })
  expect(deadlinesOf(dag).map(({ key, taskId }) => [key, taskId])).toEqual([
    ['slot+600', null],
    ['a: slot+600', 'a'],
  ])
})

it.each([
  [
    { reference: 'slot', interval: 600, taskId: null },
    false,
    'No run was made: nothing had ended 600 s after its due time.',
  ],
  [{ reference: 'slot', interval: 600, taskId: null }, true, 'The run had not ended 600 s after its due time.'],
  [{ reference: 'slot', interval: 0, taskId: 'load' }, true, 'Task load had not ended at its due time.'],
  [{ reference: 'fixed', interval: -60, taskId: null }, true, 'The run had not ended 60 s before a fixed time.'],
  [{ reference: 'last_success', interval: 60, taskId: null }, null, 'No run has succeeded for 60 s.'],
  [{ reference: 'last_rows', interval: 60, taskId: null }, null, 'No task has told of a row for 60 s.'],
  [
    { reference: 'average_runtime', interval: 60, taskId: null },
    true,
    'The run had not ended 60 s after its usual duration.',
  ],
] as const)('%j says what is late', (deadline, hasRun, text) => {
  expect(describeMissed(deadline, hasRun)).toBe(text)
})
