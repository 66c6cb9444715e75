// Work that follows changes: when it begins, how often, and what ends it. The clock is the test's.

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DebouncedWork, orAborted } from '../../scheduler/debounced-work.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const QUIET = 2_000
const LIMIT = 60_000

/** Work that ends when the test says so. */
function makeWork() {
  const ends: { ok(): void; fail(error: Error): void }[] = []
  const failures: string[] = []
  let running = 0
  let most = 0
  const work = new DebouncedWork({
    quietMs: QUIET,
    limitMs: LIMIT,
    async work(signal) {
      running++
      most = Math.max(most, running)
      const end = new Promise<void>((ok, fail) => {
        ends.push({ ok, fail })
      })
      await orAborted(end, signal).finally(() => running--)
    },
    onFailure: (error) => failures.push(String(error)),
  })
  return { work, ends, failures, most: () => most }
}

test('changes that follow one another begin one piece of work, when they have been quiet', async () => {
  const { work, ends } = makeWork()
  for (let i = 0; i < 10; i++) {
    work.want()
    await vi.advanceTimersByTimeAsync(QUIET - 1)
  }
  expect(ends).toHaveLength(0)
  await vi.advanceTimersByTimeAsync(1)
  expect(ends).toHaveLength(1)
  ends[0]?.ok()
  await vi.advanceTimersByTimeAsync(10 * QUIET)
  expect(ends).toHaveLength(1)
})

test('changes while it runs are followed by one more, after it', async () => {
  const { work, ends, most } = makeWork()
  work.want()
  await vi.advanceTimersByTimeAsync(QUIET)
  for (let i = 0; i < 3; i++) {
    work.want()
    await vi.advanceTimersByTimeAsync(2 * QUIET)
  }
  expect(ends).toHaveLength(1)
  ends[0]?.ok()
  await vi.advanceTimersByTimeAsync(0)
  expect(ends).toHaveLength(2)
  ends[1]?.ok()
  await vi.advanceTimersByTimeAsync(10 * QUIET)
  expect([ends.length, most()]).toEqual([2, 1])
})

test('a change just before it ends is given its quiet time', async () => {
  const { work, ends } = makeWork()
  work.want()
  await vi.advanceTimersByTimeAsync(QUIET)
  work.want()
  ends[0]?.ok()
  await vi.advanceTimersByTimeAsync(QUIET - 1)
  expect(ends).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(ends).toHaveLength(2)
})

test('what fails is told, and the next change begins it again', async () => {
  const { work, ends, failures } = makeWork()
  work.want()
  await vi.advanceTimersByTimeAsync(QUIET)
  ends[0]?.fail(new Error('no compiler'))
  await vi.advanceTimersByTimeAsync(0)
  expect(failures).toEqual(['Error: no compiler'])
  work.want()
  await vi.advanceTimersByTimeAsync(QUIET)
  expect(ends).toHaveLength(2)
})

test('what never ends is ended at the limit, and the next change begins it again', async () => {
  const { work, ends, failures } = makeWork()
  work.want()
  await vi.advanceTimersByTimeAsync(QUIET + LIMIT)
  expect(failures).toEqual(['Error: it took longer than 60 s'])
  work.want()
  await vi.advanceTimersByTimeAsync(QUIET)
  expect(ends).toHaveLength(2)
})

test('a stop ends what runs, begins nothing more and is no failure', async () => {
  const { work, ends, failures } = makeWork()
  work.want()
  await vi.advanceTimersByTimeAsync(QUIET)
  work.want()
  await work.stop()
  work.want()
  await vi.advanceTimersByTimeAsync(10 * LIMIT)
  expect([ends.length, failures]).toEqual([1, []])
})
