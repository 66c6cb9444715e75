// The request budget of one group at one address: a token bucket of one token, so that requests are spread over the second.

import type { Clock } from '../../operators/clock.ts'

/** A second in which a full burst fits must never hold one request more: 5 % slower than the limit. */
const SAFETY = 1.05

export class RequestBudget {
  readonly #clock: Clock
  readonly #perSecond: number
  readonly #starts: number[] = []
  #nextAt = 0
  #pausedUntil = 0

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock
    this.#perSecond = perSecond
  }

  /** Waits for this request's turn. Turns are given in the order of calls. */
  async turn(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const at = Math.max(this.#nextAt, this.#clock.now())
    this.#nextAt = at + (1_000 * SAFETY) / this.#perSecond
    this.#starts.push(at)
    if (this.#starts.length > this.#perSecond) this.#starts.shift()
    const wait = at - this.#clock.now()
    if (wait > 0) await this.#clock.sleep(wait, signal)
    // A pause that came while we slept moves the turn behind it.
    if (this.#pausedUntil > this.#clock.now()) await this.#clock.sleep(this.#pausedUntil - this.#clock.now(), signal)
  }

  /** Nobody of this group asks again for so long. */
  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock.now() + ms)
    this.#nextAt = Math.max(this.#nextAt, this.#pausedUntil)
  }

  /**
   * Reads `Remaining-Req: group=candles; min=600; sec=9`. `min` is deprecated and fixed; `sec=0` means wait: the second it
   * counts ends at the latest one second after the first request we made in it.
   */
  observe(header: string | undefined): void {
    const remaining = /(?:^|;)\s*sec=(\d+)/.exec(header ?? '')?.[1]
    if (remaining === undefined || Number(remaining) > 0) return
    const now = this.#clock.now()
    const first = this.#starts.find((at) => at > now - 1_000) ?? now
    this.#nextAt = Math.max(this.#nextAt, Math.min(first, now) + 1_000)
  }
}
