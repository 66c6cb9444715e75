// docs/reliability.md rule 16: a pass that hangs helps nobody; another scheduler, or this one started anew, does.

/** How long a pass may take, ms. */
const LIMIT_MS = 30_000
const LOOK_MS = 1000

export class PassWatch {
  private began: number | null = null
  private timer: NodeJS.Timeout | null = null
  private readonly onHung: (reason: string) => void

  /** @param onHung called once */
  constructor(onHung: (reason: string) => void) {
    this.onHung = onHung
  }

  start(): void {
    this.timer = setInterval(() => this.look(), LOOK_MS)
  }

  begin(): void {
    this.began = performance.now()
  }

  end(): void {
    this.began = null
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer)
    this.timer = null
  }

  private look(): void {
    if (this.began === null) return
    const hungMs = performance.now() - this.began
    if (hungMs < LIMIT_MS) return
    this.stop()
    this.onHung(`a pass has not ended for ${Math.round(hungMs / 1000)} s`)
  }
}
