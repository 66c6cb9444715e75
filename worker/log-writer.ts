// Hands attempt logs to the thread that writes them, in batches and in order.

import { Worker as Thread } from 'node:worker_threads'
import type { Logger } from '../runtime/logger.ts'

export interface ToLogThread {
  readonly writes: readonly (readonly [path: string, text: string])[]
  readonly isLast: boolean
}
export type FromLogThread = { readonly problem: string; readonly path: string } | { readonly isDone: true }

/** What ends within this goes to the thread together, ms. */
const GATHER_MS = 50

export class LogWriter {
  private readonly thread: Thread
  private writes: (readonly [string, string])[] = []
  private timer: NodeJS.Timeout | null = null
  private tellDone: (() => void) | null = null

  constructor(log: Logger) {
    this.thread = new Thread(new URL('./log-thread.js', import.meta.url))
    this.thread.on('message', (message: FromLogThread) => {
      if ('isDone' in message) this.tellDone?.()
      else log.error({ err: message.problem, path: message.path }, 'an attempt log cannot be written')
    })
    this.thread.on('error', (error) => log.error({ err: error.message }, 'the thread that writes attempt logs failed'))
    this.thread.unref()
  }

  append(path: string, text: string): void {
    this.writes.push([path, text])
    this.timer ??= setTimeout(() => this.send(false), GATHER_MS)
  }

  private send(isLast: boolean): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    const { writes } = this
    this.writes = []
    this.thread.postMessage({ writes, isLast } satisfies ToLogThread)
  }

  /** Resolves once everything is written. */
  async close(): Promise<void> {
    const done = new Promise<void>((resolve) => {
      this.tellDone = resolve
      this.thread.once('exit', () => resolve())
    })
    this.send(true)
    await done
    await this.thread.terminate()
  }
}
