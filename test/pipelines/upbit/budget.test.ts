import { expect, test } from 'vitest'
import { RequestBudget } from '../../../pipelines/upbit/budget.ts'
import { FakeClock } from '../../support/clock.ts'

async function transactions(clock: FakeClock, budget: RequestBudget, count: number): Promise<number[]> {
  const at: number[] = []
  for (let i = 0; i < count; i += 1) {
    await budget.turn()
    at.push(clock.at)
  }
  return at
}

test('no second holds more turns than the limit', async () => {
  const clock = new FakeClock(0)
  const at = await transactions(clock, new RequestBudget(clock, 10), 60)
  for (const start of at) expect(at.filter((one) => one >= start && one < start + 1_000).length).toBeLessThanOrEqual(10)
  expect(at.at(-1)).toBeLessThan(6_500)
})

test('309 markets and their list take about 32 seconds at 10 a second', async () => {
  const clock = new FakeClock(0)
  await transactions(clock, new RequestBudget(clock, 10), 310)
  expect(clock.at).toBeGreaterThan(30_000)
  expect(clock.at).toBeLessThan(33_000)
})

test('sec=0 waits until the second it counts is surely over, other values change nothing', async () => {
  const clock = new FakeClock(0)
  const budget = new RequestBudget(clock, 10)
  await budget.turn()
  budget.observe('group=candles; min=0; sec=5')
  await budget.turn()
  expect(clock.at).toBe(105)
  budget.observe('group=candles; min=600; sec=0')
  await budget.turn()
  expect(clock.at).toBe(1_000)
  budget.observe(undefined)
  await budget.turn()
  expect(clock.at).toBe(1_105)
})

test('a pause holds every later turn', async () => {
  const clock = new FakeClock(0)
  const budget = new RequestBudget(clock, 10)
  await budget.turn()
  budget.pause(5_000)
  expect(await transactions(clock, budget, 2)).toEqual([5_000, 5_105])
})
