// Whether the database's clock, which all schedules follow, can be believed (docs/reliability.md rule 17). It is held against the
// machine's uptime, which no hand and no time server moves: a jump of more than an hour is told from time that passed.

/** As far as the clock may move against the uptime between two looks, ms. */
export const MOST_MOVED_MS = 3_600_000

export class ClockGuard {
  private readonly uptimeMs: () => number
  /** Database clock minus uptime, ms, when it was last believed; null before the first look. */
  private trustedMs: number | null
  private movedMs = 0

  /** `trustedMs`: what a predecessor on the same boot believed. */
  constructor(uptimeMs: () => number, trustedMs: number | null = null) {
    this.uptimeMs = uptimeMs
    this.trustedMs = trustedMs
  }

  /** How far the clock is from where it should be while it is not believed, ms; 0 = it is. */
  get moved(): number {
    return this.movedMs
  }

  get trusted(): number | null {
    return this.trustedMs
  }

  /** Takes in the database's clock; whether it is believed. A slow drift is followed, a jump only when it has been undone. */
  look(databaseNow: number): boolean {
    const offsetMs = databaseNow - this.uptimeMs()
    const movedMs = this.trustedMs === null ? 0 : offsetMs - this.trustedMs
    if (Math.abs(movedMs) > MOST_MOVED_MS) {
      this.movedMs = movedMs
      return false
    }
    this.trustedMs = offsetMs
    this.movedMs = 0
    return true
  }

  /** Somebody says that the clock is right as it is. */
  confirm(databaseNow: number): void {
    this.trustedMs = null
    this.look(databaseNow)
  }
}
