import { describe, expect, test } from 'vitest'
import { findGaps } from '../../../core/timetables/missed.ts'
import type { TimetableSpec } from '../../../core/timetables/timetable.ts'

const HOUR = 3_600_000
const at = (text: string) => Date.parse(`2026-01-05T${text}:00+09:00`)
const hourly: TimetableSpec = { kind: 'cron', expression: '0 * * * *', timezone: 'Asia/Seoul', interval: true }
const run = (text: string) => ({ logicalDate: at(text), dataInterval: { start: at(text), end: at(text) + HOUR } })

describe('gaps of a schedule', () => {
  test('are the dates between runs that have none', () => {
    expect(findGaps(hourly, [run('01:00'), run('02:00'), run('05:00'), run('06:00')])).toEqual([
      { after: at('02:00'), dates: [at('03:00'), at('04:00')] },
    ])
    expect(findGaps(hourly, [run('01:00'), run('02:00')])).toEqual([])
  })

  test('are not bounded by runs of another schedule, and there are none without one', () => {
    expect(findGaps(hourly, [run('01:00'), run('01:30'), run('02:00')])).toEqual([])
    expect(findGaps({ kind: 'none' }, [run('01:00'), run('05:00')])).toEqual([])
    expect(findGaps({ kind: 'once' }, [run('01:00'), run('05:00')])).toEqual([])
  })
})
