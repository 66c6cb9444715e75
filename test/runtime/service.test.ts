// The contract of start and stop, without anything that is started: who waits for whom, and what is done once.

import { describe, expect, it } from 'vitest'
import { Lifecycle } from '../../runtime/service.ts'

/** A promise that the test settles. */
function makeGate() {
  let resolve: () => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<void>((...settle) => {
    ;[resolve, reject] = settle
  })
  return { promise, resolve: () => resolve(), reject: (error: Error) => reject(error) }
}

/** A lifecycle whose opening and closing end when the test says so. */
function make() {
  const calls: string[] = []
  const opening = makeGate()
  const closing = makeGate()
  const lifecycle = new Lifecycle({
    open: () => {
      calls.push('open')
      return opening.promise
    },
    interrupt: () => calls.push('interrupt'),
    close: () => {
      calls.push('close')
      return closing.promise
    },
  })
  return { calls, opening, closing, lifecycle }
}

/** Everything that is already settled has been told after this. */
const turn = () => new Promise<void>((done) => setImmediate(done))

describe('a service', () => {
  it('is opened once, however often it is started', async () => {
    const { calls, opening, lifecycle } = make()
    const both = [lifecycle.start(), lifecycle.start()]
    opening.resolve()
    await Promise.all(both)
    expect(calls).toEqual(['open'])
    expect(lifecycle.isStopping).toBe(false)
  })

  it('is closed once, and every stop waits for it', async () => {
    const { calls, opening, closing, lifecycle } = make()
    opening.resolve()
    await lifecycle.start()
    const ended: number[] = []
    const stops = [1, 2].map((n) => lifecycle.stop().then(() => ended.push(n)))
    await turn()
    expect(ended).toEqual([])
    closing.resolve()
    await Promise.all(stops)
    await lifecycle.stop()
    expect(calls).toEqual(['open', 'interrupt', 'close'])
  })

  it('that is stopped while it opens is told at once, and closed when it has opened', async () => {
    const { calls, opening, closing, lifecycle } = make()
    closing.resolve()
    const started = lifecycle.start()
    const stopped = lifecycle.stop()
    expect(lifecycle.isStopping).toBe(true)
    await turn()
    expect(calls).toEqual(['open', 'interrupt'])
    opening.resolve()
    await Promise.all([started, stopped])
    expect(calls).toEqual(['open', 'interrupt', 'close'])
  })

  it('that cannot open is closed before anybody is told, with the first error', async () => {
    const { calls, opening, closing, lifecycle } = make()
    const started = lifecycle.start()
    opening.reject(new Error('no database'))
    closing.reject(new Error('nothing to close'))
    await expect(started).rejects.toThrow('no database')
    expect(calls).toEqual(['open', 'close'])
    expect(lifecycle.isStopping).toBe(true)
  })

  it('that cannot open while it is stopped is closed once, and its stop does not fail for that', async () => {
    const { calls, opening, closing, lifecycle } = make()
    const started = lifecycle.start()
    const stopped = lifecycle.stop()
    closing.resolve()
    opening.reject(new Error('no database'))
    await expect(started).rejects.toThrow('no database')
    await stopped
    expect(calls).toEqual(['open', 'interrupt', 'close'])
  })

  it('that was stopped before it was started never opens', async () => {
    const { calls, closing, lifecycle } = make()
    closing.resolve()
    await lifecycle.stop()
    await lifecycle.start()
    expect(calls).not.toContain('open')
  })
})
