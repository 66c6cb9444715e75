// A clock that moves only when somebody sleeps: tests of pacing wait for nothing.

export class FakeClock {
  at: number
  /** Every sleep, in ms. */
  readonly slept: number[] = []

  constructor(at: number) {
    this.at = at
  }

  readonly now = (): number => this.at

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> => {
    if (signal?.aborted) return Promise.reject(signal.reason)
    this.slept.push(ms)
    this.at += ms
    return Promise.resolve()
  }
}
