// One function decides "retry or fail" for every cause of death.

import { describe, expect, test } from 'vitest'
import { type Outcome, settle } from '../../core/settle.ts'
import { instanceOf, makeDag, makeModel, makeTask } from '../support/make-dag.ts'

const NOW = Date.UTC(2024, 2, 18, 9)

/** Settles try `tryNumber` of a task with `retries`. */
function end(outcome: Outcome, retries: number, tryNumber: number) {
  const model = makeModel(makeDag([makeTask('a', { retries, retryDelay: 60 })]))
  const ti = instanceOf(model, 'a')
  model.applyRemote({ id: ti.id, state: 'running', tryNumber: tryNumber, epoch: 1 })
  return settle(model, ti, outcome, NOW)
}

const DEATHS: readonly Outcome[] = [
  { kind: 'failure', message: 'no', isRetryable: true },
  { kind: 'timeout', seconds: 5 },
  { kind: 'lost', worker: 'host-1' },
]

describe('settle', () => {
  test.each(DEATHS)('after $kind there are exactly as many tries as retries + 1', (outcome) => {
    for (const retries of [0, 1, 2, 5]) {
      for (let tryNumber = 1; tryNumber <= retries; tryNumber++) {
        const { to, readyAt, because } = end(outcome, retries, tryNumber)
        expect(to, `try ${tryNumber} of ${retries + 1}`).toBe('up_for_retry')
        expect(readyAt).toBe(NOW + 60_000)
        expect(because).toMatchObject({ triesLeft: retries - tryNumber + 1 })
      }
      const last = end(outcome, retries, retries + 1)
      expect(last.to).toBe('failed')
      expect(last.readyAt).toBeNull()
      expect(last.because).toMatchObject({ triesLeft: 0 })
    }
  })

  test('each cause of death says why', () => {
    expect(DEATHS.map((outcome) => end(outcome, 0, 1).because)).toEqual([
      { code: 'failed', message: 'no', triesLeft: 0 },
      { code: 'timed_out', seconds: 5, triesLeft: 0 },
      { code: 'lost', worker: 'host-1', triesLeft: 0 },
    ])
  })

  test('a task that asks for no retry fails at once, whatever tries are left', () => {
    const { to, because } = end({ kind: 'failure', message: 'never', isRetryable: false }, 5, 1)
    expect({ to, because }).toEqual({ to: 'failed', because: { code: 'failed_for_good', message: 'never' } })
  })

  test('an attempt whose worker was told to stop is tried again at once, even after its last try', () => {
    for (const tryNumber of [1, 3, 9]) {
      const { to, readyAt } = end({ kind: 'interrupted', worker: 'host-1' }, 0, tryNumber)
      expect({ to, readyAt }).toEqual({ to: 'up_for_retry', readyAt: NOW })
    }
  })

  test('success and a skip end the instance', () => {
    expect(end({ kind: 'success' }, 2, 1).to).toBe('success')
    expect(end({ kind: 'skip', message: 'empty' }, 2, 1)).toMatchObject({
      to: 'skipped',
      because: { code: 'skipped_itself', message: 'empty' },
    })
  })

  test('what does not run cannot be settled: a report that comes twice moves nothing', () => {
    for (const outcome of [...DEATHS, { kind: 'success' } as const]) {
      const model = makeModel(makeDag(['a']))
      const ti = instanceOf(model, 'a')
      model.applyRemote({ id: ti.id, state: 'success', tryNumber: 1, epoch: 1 })
      expect(() => settle(model, ti, outcome, NOW)).toThrow(expect.objectContaining({ code: 'TRANSITION_ILLEGAL' }))
      expect(ti.state).toBe('success')
    }
  })
})
