// Generated vehicles: the same for the same numbers, with the repeats and the garbage that the feed has.

import { expect, test } from 'vitest'
import { parseCar } from '../../../pipelines/cars/consume.ts'
import { type CarPlan, countCars, generateCar } from '../../../pipelines/cars/generate.ts'

const PLAN: CarPlan = { seed: 1, cars: 50, perSecond: 1, start: Date.parse('2024-03-18T00:00:00+09:00') }
const RECORDS = 20_000
const records = (plan: CarPlan, count = RECORDS) => Array.from({ length: count }, (_, n) => generateCar(plan, n))
const parsed = (value: string) => parseCar({ value: Buffer.from(value) })

test('the same seed makes the same records, another seed others', () => {
  expect(records(PLAN, 500)).toEqual(records(PLAN, 500))
  expect(records({ ...PLAN, seed: 2 }, 500)).not.toEqual(records(PLAN, 500))
})

test('one in a hundred repeats an id that came before, word by word; one in a thousand is garbage', () => {
  const { distinctIds, repeats, garbage } = countCars(PLAN, RECORDS)
  expect(repeats / RECORDS).toBeCloseTo(0.01, 2)
  expect(garbage / RECORDS).toBeCloseTo(0.001, 3)
  expect(distinctIds + repeats + garbage).toBe(RECORDS)
  const seen = new Map<string, string>()
  for (const { kind, id, value } of records(PLAN)) {
    if (kind === 'garbage') continue
    if ((kind === 'repeat') !== (seen.get(id) === value)) expect.fail(`${kind} ${id}`)
    seen.set(id, value)
  }
})

test('a point can be used, and says that it is generated; garbage cannot, for five reasons', () => {
  const faults = new Set<string>()
  const unusable: string[] = []
  for (const { kind, value } of records(PLAN, 50_000)) {
    if (kind === 'point' && faults.size === 5) continue
    const read = parsed(value)
    if (kind === 'garbage') faults.add('fault' in read ? read.fault.replace(/[\d.]+/g, '0') : 'none')
    else if ('fault' in read || read.value.rgtrId !== 'generated') unusable.push(value)
  }
  expect(unusable).toEqual([])
  expect(faults.size).toBe(5)
  expect(faults).not.toContain('none')
})

test('epochs look like floats, and some records are late', () => {
  const times = records(PLAN).flatMap(({ kind, value }) => {
    const read = parsed(value)
    return kind === 'point' && 'value' in read ? [read.value.gpsUtcTime] : []
  })
  expect(generateCar(PLAN, 0).value).toMatch(/"gpsUtcTime":\d+\.0,/)
  const late = times.filter((at, i) => i > 0 && at < (times[i - 1] ?? 0) - 60_000)
  expect(late.length / RECORDS).toBeCloseTo(0.005, 2)
})
