// The clock of a test: it stands still while tasks work, and is moved over every wait.

import { setImmediate as breathe } from 'node:timers/promises'
import type { Waiting } from '../sdk/waiting.ts'

/** Waits inside one try, after which it counts as waiting for ever. */
export const MOST_WAITS = 20_000
export const tooManyWaits = () =>
  new Error(`it waited ${MOST_WAITS} times and is still not done; what it waits for does not happen in this test`)

export class VirtualClock {
  private at: number

  constructor(at: number) {
    this.at = at
  }

  /** Epoch ms. */
  now(): number {
    return this.at
  }

  /** Never back. */
  moveTo(instant: number): void {
    this.at = Math.max(this.at, instant)
  }

  /**
   * Waits of one try: each moves this clock at once. `limitMs`: how far; beyond it `onLimit` is thrown.
   */
  waits(limitMs: number | null, onLimit: () => Error): Waiting {
    const end = limitMs === null ? null : this.at + limitMs
    let count = 0
    return {
      now: () => this.at,
      sleep: async (seconds, signal) => {
        signal.throwIfAborted()
        if (++count > MOST_WAITS) throw tooManyWaits()
        const until = this.at + Math.max(0, seconds) * 1000
        if (end !== null && until > end) {
          this.moveTo(end)
          throw onLimit()
        }
        this.moveTo(until)
        await breathe() // Whatever is really under way may go on.
      },
    }
  }
}
