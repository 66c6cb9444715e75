// docs/reliability.md rule 16: a scheduler whose pass has not ended for 30 s ends itself.

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { PassWatch } from '../../scheduler/pass-watch.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function watchOf() {
  const told: string[] = []
  const watch = new PassWatch((reason) => told.push(reason))
  watch.start()
  return { watch, told }
}

test('a pass that hangs for 30 seconds is told, once', () => {
  const { watch, told } = watchOf()
  watch.begin()
  vi.advanceTimersByTime(29_000)
  expect(told).toEqual([])
  vi.advanceTimersByTime(60_000)
  expect(told).toEqual(['a pass has not ended for 30 s'])
})

test('passes that end are not told, however many there are and however long nothing is to do', () => {
  const { watch, told } = watchOf()
  for (let i = 0; i < 10; i++) {
    watch.begin()
    vi.advanceTimersByTime(20_000)
    watch.end()
    vi.advanceTimersByTime(120_000)
  }
  expect(told).toEqual([])
})

test('nothing is told after a stop', () => {
  const { watch, told } = watchOf()
  watch.begin()
  watch.stop()
  vi.advanceTimersByTime(60_000)
  expect(told).toEqual([])
})
