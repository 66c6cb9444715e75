// Failed sign-ins per account and address. The right password from elsewhere still works: nobody can lock another out.

const MOST_FAILURES = 5
const WINDOW_MS = 5 * 60_000
/** Entries kept: a flood of made-up names must not fill the memory. */
const MOST_ENTRIES = 10_000

interface Failures {
  count: number
  until: number
}

export class SignInLimit {
  private readonly failures = new Map<string, Failures>()
  private readonly now: () => number

  constructor(now: () => number = Date.now) {
    this.now = now
  }

  private static key(username: string, address: string): string {
    return `${address}\u0000${username.slice(0, 250).toLowerCase()}`
  }

  /** Epoch ms until which this account is closed for this address, or null. */
  lockedUntil(username: string, address: string): number | null {
    const found = this.failures.get(SignInLimit.key(username, address))
    return found !== undefined && found.until > this.now() && found.count >= MOST_FAILURES ? found.until : null
  }

  /** Counts a failure; how many tries are left. */
  fail(username: string, address: string): number {
    const key = SignInLimit.key(username, address)
    const found = this.failures.get(key)
    const count = (found !== undefined && found.until > this.now() ? found.count : 0) + 1
    this.failures.delete(key)
    this.failures.set(key, { count, until: this.now() + WINDOW_MS })
    if (this.failures.size > MOST_ENTRIES) {
      const oldest = this.failures.keys().next()
      if (oldest.done !== true) this.failures.delete(oldest.value)
    }
    return Math.max(0, MOST_FAILURES - count)
  }

  succeed(username: string, address: string): void {
    this.failures.delete(SignInLimit.key(username, address))
  }
}
