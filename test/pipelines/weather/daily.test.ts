// A row of the daily service as an observation: what is missing is absent, and nothing becomes 0 that is not.

import { describe, expect, test } from 'vitest'
import { daysOf } from '../../../pipelines/open-data/slot.ts'
import { DAILY_MEASURES, dailyDocumentId, readDailyObservation } from '../../../pipelines/weather/daily-observation.ts'
import { daysOf as daysMade } from '../../../services/simulated/weather/days.ts'
import { generatedSource } from '../../../services/simulated/weather/generated.ts'
import { HOUR } from '../../../services/simulated/weather/observation.ts'
import { runOf } from '../../support/operator-context.ts'

const SEOUL = { id: '108', name: '서울' }
const DAY = daysOf(runOf(new Date('2026-01-05T00:00:00+09:00'), new Date('2026-01-06T00:00:00+09:00')))
const ROW = { stnId: '108', stnNm: '서울', tm: '2026-01-05' }
const read = (more: object) => readDailyObservation({ ...ROW, ...more }, SEOUL, DAY)

describe('a value of a day', () => {
  test.each([
    ['-4.3', -4.3],
    ['0', 0],
    ['0.0', 0],
    ['-0.0', -0],
    [-7.5, -7.5],
    [' 12.1 ', 12.1],
  ])('that is %j is a number', (text, value) => {
    expect(read({ avgTa: text })).toMatchObject({ mean_temperature: value, wrong_values: 0 })
  })

  test.each([[''], [' '], [null], [undefined]])('that is %j is absent, not 0 and not wrong', (text) => {
    const observation = read({ sumRn: text })
    expect(observation).not.toHaveProperty('precipitation')
    expect(observation).toMatchObject({ wrong_values: 0 })
  })

  test.each([['-'], ['\u0000'], ['1\u0000'], ['1,234'], ['--1'], ['1e3'], ['NaN'], [[]], [{}], [true]])(
    'that is %j is dropped and counted',
    (text) => {
      const observation = read({ sumRn: text, avgTa: '1.0' })
      expect(observation).not.toHaveProperty('precipitation')
      expect(observation).toMatchObject({ mean_temperature: 1, wrong_values: 1 })
    },
  )
})

describe('a row', () => {
  test('has the day as its id, and midnight in Seoul as its time', () => {
    expect(read({ minTaHrmt: '0710', iscs: '-{눈}' })).toEqual({
      station: '108',
      station_name: '서울',
      day: '2026-01-05',
      tm: '2026-01-05T00:00:00+09:00',
      wrong_values: 0,
    })
    expect(dailyDocumentId({ station: '108', day: '2026-01-05' })).toBe('108:2026-01-05')
  })

  test.each([
    [{ tm: '2026-01-06' }, /2026-01-06 was not asked for/],
    [{ tm: '2026-01-04' }, /was not asked for/],
    [{ tm: '2026-02-30' }, /must be a day/],
    [{ tm: '2026-01-05 00:00' }, /must be a day/],
    [{ tm: 20260105 }, /must be a day/],
    [{ stnId: '109' }, /station "109"/],
    [{ stnId: null }, /station null/],
  ])('with %j is none of what was asked for', (more, fault) => {
    const found = read(more)
    expect('fault' in found ? found.fault : 'none').toMatch(fault)
  })
})

test('the slot must be whole days in Seoul', () => {
  expect(DAY).toEqual({ first: DAY.first, last: DAY.first + 23 * HOUR, count: 1 })
  const shifted = runOf(new Date('2026-01-05T00:00:00Z'), new Date('2026-01-06T00:00:00Z'))
  expect(() => daysOf(shifted)).toThrow(/whole days in Asia\/Seoul, found \[2026-01-05T09:00:00\+09:00/)
})

describe('a simulated day', () => {
  const hours = generatedSource(1).observations({ station: '108', from: DAY.first, to: DAY.last })

  test('has every field that is read, and lies between its coldest and its warmest hour', () => {
    const [row = {}] = daysMade(hours)
    expect(Object.keys(row)).toEqual(expect.arrayContaining(Object.values(DAILY_MEASURES).map(({ api }) => api)))
    const [min, mean, max] = ['minTa', 'avgTa', 'maxTa'].map((name) => Number(row[name]))
    expect(min).toBeLessThan(mean ?? 0)
    expect(max).toBeGreaterThan(mean ?? 0)
  })

  test('is not there before its last hour', () => {
    expect(daysMade(hours.slice(0, 23))).toEqual([])
    expect(daysMade(hours)).toHaveLength(1)
  })
})
