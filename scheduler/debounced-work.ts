// Work that follows changes and must never be in their way: it begins when changes have been quiet for a while, one at a
// time, within a time limit. What is wanted while it runs is done after it; what fails is told and forgotten.

export interface DebouncedWorkOptions {
  /** Time without a change before the work begins, ms. */
  readonly quietMs: number
  /** After this long the signal aborts, ms. */
  readonly limitMs: number
  /** Ends soon after its signal aborts, by contract: the next one waits for it. */
  work(signal: AbortSignal): Promise<void>
  /** The work threw; not called after `stop`. */
  onFailure(error: unknown): void
}

export class DebouncedWork {
  private readonly options: DebouncedWorkOptions
  private timer: NodeJS.Timeout | null = null
  private isWanted = false
  private running: Promise<void> | null = null
  private abort = new AbortController()
  private isStopped = false

  constructor(options: DebouncedWorkOptions) {
    this.options = options
  }

  /** Something changed. */
  want(): void {
    if (this.isStopped) return
    this.isWanted = true
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      this.timer = null
      this.begin()
    }, this.options.quietMs)
  }

  /** Begins nothing more, and ends what runs. */
  async stop(): Promise<void> {
    this.isStopped = true
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    this.abort.abort(new Error('it was stopped'))
    await this.running
  }

  private begin(): void {
    if (this.running !== null || !this.isWanted || this.isStopped) return
    this.isWanted = false
    this.running = this.runOnce().finally(() => {
      this.running = null
      // Wanted meanwhile, and quiet since: its own timer is over and began nothing.
      if (this.timer === null) this.begin()
    })
  }

  private async runOnce(): Promise<void> {
    const { limitMs, work, onFailure } = this.options
    const abort = new AbortController()
    this.abort = abort
    const limit = setTimeout(() => abort.abort(new Error(`it took longer than ${limitMs / 1000} s`)), limitMs)
    try {
      await work(abort.signal)
    } catch (error) {
      if (!this.isStopped) onFailure(error)
    } finally {
      clearTimeout(limit)
    }
  }
}

/** The promise's value, or a rejection with the signal's reason, whichever is first: for what cannot be trusted to end. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    // The reason is an Error that we gave ourselves.
    const onAbort = () => reject(signal.reason as Error)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
