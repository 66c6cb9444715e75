// What a log page asks the server for: parts of the log, counts, finds. While the server counts, it is asked again.

import type { LogCounts, LogFound, LogWindow, NotCounted } from '../../../../logs/shown/line.ts'

type Values = Readonly<Record<string, string | number | null>>

export class LogData {
  private readonly address: string
  private readonly onProgress: (progress: number) => void

  constructor(address: string, onProgress: (progress: number) => void) {
    this.address = address
    this.onProgress = onProgress
  }

  private async ask<T>(what: string, values: Values, signal?: AbortSignal): Promise<T> {
    const query = new URLSearchParams({ log: this.address })
    for (const [name, value] of Object.entries(values)) if (value !== null) query.set(name, String(value))
    const response = await fetch(`/ui/log/${what}?${query}`, { redirect: 'error', ...(signal && { signal }) })
    if (!response.ok) throw new Error(`/ui/log/${what}: ${response.status}`)
    // Our own server's answer, of the shape named where it is asked.
    return (await response.json()) as T
  }

  /** The server waits for the count itself for a while: asking again at once is no haste. */
  private async askCounted<T>(what: string, values: Values): Promise<T> {
    for (;;) {
      const answer = await this.ask<T | NotCounted>(what, values)
      if (typeof answer !== 'object' || answer === null || !('isCounting' in answer)) return answer as T
      this.onProgress(answer.progress)
    }
  }

  counts(to: number): Promise<LogCounts> {
    return this.askCounted('counts', { to })
  }

  window(values: Values): Promise<LogWindow> {
    return this.askCounted('lines', values)
  }

  find(text: string, next: string | null, levels: string | null, signal: AbortSignal): Promise<LogFound> {
    return this.ask('find', { text, next, levels }, signal)
  }
}
