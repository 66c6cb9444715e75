import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { startTimer, type Timers } from '../../core/long-timer.ts'

/** Node's timers by hand: a delay beyond 2^31-1 ms fires after 1 ms, as there. */
class ByHand implements Timers {
  private time = 0
  private pending: { readonly run: () => void; readonly at: number } | null = null

  set(run: () => void, ms: number): unknown {
    this.pending = { run, at: this.time + (ms > 2_147_483_647 ? 1 : ms) }
    return this.pending
  }
  clear(timer: unknown): void {
    if (this.pending === timer) this.pending = null
  }
  now(): number {
    return this.time
  }
  /** Fires what is pending until nothing is. */
  drain(): void {
    for (let next = this.pending; next !== null; next = this.pending) {
      this.time = next.at
      this.pending = null
      next.run()
    }
  }
}

describe('a wait of any length', () => {
  it('ends once, when it was asked to', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.double({ min: -1e6, max: 1e12, noNaN: true }),
          fc.constantFrom(0, 2_147_483_647, 2_147_483_648, 2_592_000_000),
        ),
        (ms) => {
          const timers = new ByHand()
          const ends: number[] = []
          startTimer(timers, ms, () => ends.push(timers.now()))
          timers.drain()
          expect(ends).toHaveLength(1)
          expect(ends[0]).toBeCloseTo(Math.max(0, ms), 3)
        },
      ),
    )
  })

  it('that is called off never ends, also in its second leg', () => {
    const timers = new ByHand()
    let runs = 0
    const stop = startTimer(timers, 5e9, () => runs++)
    stop()
    timers.drain()
    expect(runs).toBe(0)
  })
})
