// Airflow's retry delays to the millisecond, and the date text that its jitter is made from.

import { describe, expect, test } from 'vitest'
import { pythonIso, retryDelayMs } from '../../core/retry.ts'
import { ms, readFacts, replay } from './facts.ts'

type Delay = readonly [
  base: number,
  multiplier: number,
  longest: number | null,
  tryNumber: number,
  dagId: string,
  taskId: string,
  logicalDate: number | null,
  seconds: number | string,
]

const facts = readFacts<{
  hashedDates: readonly (readonly [logicalDate: number | null, text: string])[]
  delays: readonly Delay[]
}>('retries')

describe(`the retries of Airflow ${facts.airflow}`, () => {
  test('hash a date as text with a blank, where an id has a T', () => {
    for (const [date, text] of facts.hashedDates) {
      expect(text).toBe(date === null ? 'None' : pythonIso(ms(date)).replace('T', ' '))
    }
  })

  test('wait as long, in 2,600 cases', () => {
    const compare = ([base, multiplier, longest, tryNumber, dagId, taskId, date, seconds]: Delay): unknown => {
      const task = { retryDelay: base, retryExponentialBackoff: multiplier, maxRetryDelay: longest }
      const logicalDate = date === null ? 'None' : pythonIso(ms(date))
      const found = retryDelayMs(task, { dagId, taskId, logicalDate, tryNumber })
      return typeof seconds === 'number' && found === ms(seconds) ? null : found
    }
    const { count, differences } = replay(facts.delays, compare)
    expect(differences).toEqual([])
    expect(count).toBeGreaterThan(2_600)
  })
})
