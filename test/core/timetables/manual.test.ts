import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BaramError } from '../../../core/errors.ts'
import { manualRun } from '../../../core/timetables/manual.ts'
import { nextRun, type TimetableSpec } from '../../../core/timetables/timetable.ts'

const at = (iso: string): number => Date.parse(iso)
const now = at('2026-05-10T12:00:30Z')
const cron = (expression: string, timezone = 'UTC'): TimetableSpec => ({
  kind: 'cron',
  expression,
  timezone,
  interval: true,
})
const minutes = cron('* * * * *')
const nothing = { logicalDate: null, dataInterval: null, runAfter: null }

const faultOf = (work: () => unknown): string => {
  try {
    work()
    return ''
  } catch (error) {
    if (error instanceof BaramError) return error.message
    throw error
  }
}

describe('a run by return the date of a scheduled run', () => {
  const logicalDate = at('2026-05-10T11:58:00Z')
  const slot = { start: logicalDate, end: at('2026-05-10T11:59:00Z') }

  test('covers the interval of that date, from its end on', () => {
    expect(manualRun(minutes, { ...nothing, logicalDate }, 0, now)).toEqual({ dataInterval: slot, runAfter: slot.end })
  })

  test('may bring that interval itself, and no other', () => {
    expect(manualRun(minutes, { ...nothing, logicalDate, dataInterval: slot }, 0, now).dataInterval).toEqual(slot)
    const other = { start: slot.start - 60_000, end: slot.start }
    expect(faultOf(() => manualRun(minutes, { ...nothing, logicalDate, dataInterval: other }, 0, now))).toContain(
      "2026-05-10T11:58:00.000Z is the schedule's run of the interval",
    )
  })

  test('is refused while that interval lasts, with what to do instead', () => {
    const open = at('2026-05-10T12:00:00Z')
    expect(faultOf(() => manualRun(minutes, { ...nothing, logicalDate: open }, 0, now))).toMatch(
      /has not ended.*leave out the logical date.*run_after of 2026-05-10T12:01:00.000Z or later/,
    )
    expect(faultOf(() => manualRun(minutes, { ...nothing, logicalDate: open, runAfter: now }, 0, now))).toContain(
      'has not ended',
    )
    const end = at('2026-05-10T12:01:00Z')
    expect(manualRun(minutes, { ...nothing, logicalDate: open, runAfter: end }, 0, now)).toEqual({
      dataInterval: { start: open, end },
      runAfter: end,
    })
  })
})

test('a run by return any other date covers the last complete interval, and starts at that date', () => {
  const logicalDate = at('2026-05-10T11:58:20Z')
  expect(manualRun(minutes, { ...nothing, logicalDate }, 0, now)).toEqual({
    dataInterval: { start: at('2026-05-10T11:57:00Z'), end: at('2026-05-10T11:58:00Z') },
    runAfter: logicalDate,
  })
})

test('a run without a date covers the last complete interval; of a DAG without a schedule it covers nothing', () => {
  expect(manualRun(minutes, nothing, 0, now)).toEqual({
    dataInterval: { start: at('2026-05-10T11:59:00Z'), end: at('2026-05-10T12:00:00Z') },
    runAfter: now,
  })
  expect(manualRun({ kind: 'none' }, nothing, 0, now)).toEqual({ dataInterval: null, runAfter: now })
})

test('no run by hand ever takes the date of a scheduled run and covers something else', () => {
  const anySpec: fc.Arbitrary<TimetableSpec> = fc.oneof(
    fc
      .tuple(
        fc.constantFrom('* * * * *', '*/15 * * * *', '0 0 * * *', '30 2 * * *', '0 9 * * MON-FRI', '0 0 1 * *'),
        fc.constantFrom('UTC', 'Asia/Seoul', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'),
      )
      .map(([expression, timezone]) => cron(expression, timezone)),
    fc
      .integer({ min: 1, max: 100_000 })
      .map((s): TimetableSpec => ({ kind: 'delta', everyMs: s * 1000, interval: true })),
  )
  const instant = fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2026-12-31T00:00:00Z') })
  const optional = fc.option(instant)
  fc.assert(
    fc.property(
      anySpec,
      instant,
      fc.nat(5),
      optional,
      optional,
      instant,
      (spec, first, steps, runAfter, start, clock) => {
        // A date of the schedule, some runs after its first one.
        const limits = { earliest: first, latest: null, catchup: true }
        let due = nextRun(spec, null, limits, first)
        for (let i = 0; i < steps && due !== null; i++) due = nextRun(spec, due.dataInterval, limits, first)
        if (due === null) return
        const { logicalDate } = due
        const dataInterval = start === null ? null : { start, end: start + 60_000 }
        try {
          const run = manualRun(spec, { logicalDate, dataInterval, runAfter }, first, clock)
          expect(run.dataInterval).toEqual(due.dataInterval)
          // Never before its data is there.
          expect(Math.max(run.runAfter, clock)).toBeGreaterThanOrEqual(due.dataInterval.end)
        } catch (error) {
          if (!(error instanceof BaramError)) throw error
        }
      },
    ),
    { numRuns: 2000 },
  )
})
