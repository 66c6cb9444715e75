// The contract of whatever runs until it is told to stop: scheduler, triggerer, dag-processor, worker, web server.
//
// Promise:
// - `start` resolves when the service serves. When `stop` came first it resolves too, and nothing serves.
// - A start that fails half way leaves nothing open and throws what failed. A service is started once; another call of `start`
//   gets the first one's promise.
// - `stop` may come at any time, also while it starts, and as often as anybody likes: it is done once. It resolves when what
//   was under way has ended and no timer, connection or child process is left.
//
// `Lifecycle` keeps the contract for a service that says how it opens and how it closes.

/** What the commands run: `dagctl scheduler`, `worker`, `webserver`. */
export interface Service {
  /** @throws what kept it from serving; nothing is left open then */
  start(): Promise<void>
  stop(): Promise<void>
  /** Where it listens, once it serves; others listen nowhere. */
  readonly url?: string | null
}

export interface LifecycleSteps {
  open(): Promise<void>
  /** It was told to stop: whatever would take long may be broken off. Called at once, also while it opens. */
  interrupt?(): void
  /** Called once, after `open` has ended, however; or without it. Closes whatever is there. */
  close(): Promise<void>
}

/** Opens once, closes once, and never while it opens. */
export class Lifecycle implements Service {
  private readonly steps: LifecycleSteps
  private starting: Promise<void> | null = null
  private closing: Promise<void> | null = null
  private isAsked = false

  constructor(steps: LifecycleSteps) {
    this.steps = steps
  }

  /** It was told to stop, or could not start: nothing new begins. */
  get isStopping(): boolean {
    return this.isAsked
  }

  start(): Promise<void> {
    this.starting ??= this.isAsked ? Promise.resolve() : this.open()
    return this.starting
  }

  async stop(): Promise<void> {
    if (!this.isAsked) {
      this.isAsked = true
      this.steps.interrupt?.()
    }
    // Whoever started it is told why that failed.
    await this.starting?.catch(() => undefined)
    await this.close()
  }

  private async open(): Promise<void> {
    try {
      await this.steps.open()
    } catch (error) {
      this.isAsked = true
      // Why it could not start says more than what closing it says.
      await this.close().catch(() => undefined)
      throw error
    }
  }

  private close(): Promise<void> {
    this.closing ??= this.steps.close()
    return this.closing
  }
}
