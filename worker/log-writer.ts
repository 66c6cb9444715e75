// Hands attempt logs to the thread that writes them, in batches and in order, and keeps what could not be written.
//
// One batch is with the thread at a time. What it could not write (disk full, folder closed) waits in memory and is tried
// again, up to a limit of bytes; beyond it lines are dropped and the log says how many, in their place. The last lines of
// an attempt are always kept, for they say how it ended. A thread that dies is replaced, and given its batch again: then a
// line may stand twice, none is lost.

import { Worker as Thread } from 'node:worker_threads'
import type { Logger } from '../runtime/logger.ts'
import { logThreadProgram } from '../runtime/paths.ts'

export interface ToLogThread {
  readonly writes: readonly (readonly [path: string, text: string])[]
}
export interface FromLogThread {
  /** What could not be written, of the batch; the rest is in the files. */
  readonly problems: readonly (readonly [path: string, problem: string])[]
}

export interface LogWriterOptions {
  readonly log: Logger
  /** The program of the thread. */
  readonly program?: () => URL
  /** Text that may wait in memory, characters. */
  readonly maxWaiting?: number
  /** Between tries of what could not be written, ms. */
  readonly retryMs?: number
  /** Lines come faster than they are written (true), or no longer (false). */
  onPace?(isBehind: boolean): void
  /** How long a write may take until nobody waits for it any more, ms. */
  readonly stallMs?: number
}

/** What ends within this goes to the thread together, ms. */
const GATHER_MS = 50
/** Logs of a disk that is full for a while; the worker's own memory is the limit. */
const MAX_WAITING = 32 * 1_048_576
/** More than this unwritten: whoever prints should wait; less than a quarter: go on. Characters. */
const BEHIND = 1_048_576
const STALL_MS = 2_000
const RETRY_MS = 1_000
/** What is not written this long after the worker was told to stop never will be, ms. */
const CLOSE_MS = 5_000

/** Lines of one file that are not written yet. */
interface Queue {
  text: string
  /** Lines dropped after `text`. */
  dropped: number
  /** Why the last try failed; null = not tried yet. */
  problem: string | null
}

const countLines = (text: string) => text.split('\n').length - 1

function missingLine(count: number, problem: string | null): string {
  const event = `${count} lines are missing here: ${problem ?? 'logs were written too slowly'}`
  return `${JSON.stringify({ timestamp: new Date().toISOString(), level: 'error', logger: 'baram', event })}\n`
}

export class LogWriter {
  private readonly options: LogWriterOptions
  private readonly waiting = new Map<string, Queue>()
  /** What the thread is writing. */
  private sent: ReadonlyMap<string, string> | null = null
  private size = 0
  /** Started with the first lines. */
  private thread: Thread | null = null
  private timer: NodeJS.Timeout | null = null
  private isClosing = false
  /** What a hung write held is given up: its thread is not replaced. */
  private isClosed = false
  private isBehind = false
  /** Runs while others wait for a write; null once it has taken too long, or nobody waits. */
  private stall: NodeJS.Timeout | null = null
  private hasStalled = false
  private tellEmpty: (() => void) | null = null

  constructor(options: LogWriterOptions) {
    this.options = options
  }

  /** `isEnd`: nothing of this file follows. */
  append(path: string, text: string, isEnd = false): void {
    const queue = this.waiting.get(path) ?? { text: '', dropped: 0, problem: null }
    this.waiting.set(path, queue)
    if (!isEnd && this.size + text.length > (this.options.maxWaiting ?? MAX_WAITING)) {
      queue.dropped += countLines(text)
      return
    }
    const missing = queue.dropped > 0 ? missingLine(queue.dropped, queue.problem) : ''
    queue.dropped = 0
    this.add(queue, missing + text)
    this.schedule(GATHER_MS)
    this.pace()
  }

  private pace(): void {
    if (!this.isBehind && this.size <= BEHIND) return
    // For a disk that takes nothing, or hangs, no task waits: memory does, and then lines are dropped.
    const canWait = !this.hasStalled && [...this.waiting.values()].every((queue) => queue.problem === null)
    const isBehind = canWait && this.size > (this.isBehind ? BEHIND / 4 : BEHIND)
    if (isBehind === this.isBehind) return
    this.isBehind = isBehind
    this.options.onPace?.(isBehind)
    if (!isBehind) return
    this.send()
    this.watchStall()
  }

  private watchStall(): void {
    if (this.stall !== null) clearTimeout(this.stall)
    this.stall = setTimeout(() => {
      this.hasStalled = true
      this.pace()
    }, this.options.stallMs ?? STALL_MS)
    this.stall.unref()
  }

  /** Resolves once everything is written, or cannot be. */
  async close(): Promise<void> {
    this.isClosing = true
    const empty = new Promise<void>((resolve) => {
      this.tellEmpty = resolve
    })
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    this.send()
    let limit: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      limit = setTimeout(resolve, CLOSE_MS)
    })
    await Promise.race([empty, late])
    clearTimeout(limit)
    for (const [path, queue] of this.waiting)
      this.options.log.error(
        { path, lines: countLines(queue.text) + queue.dropped },
        'lines of an attempt log are lost',
      )
    this.isClosed = true
    if (this.stall !== null) clearTimeout(this.stall)
    await this.thread?.terminate()
  }

  private start(): Thread {
    const { log, program } = this.options
    const thread = new Thread(program?.() ?? logThreadProgram)
    thread.on('message', (message: FromLogThread) => this.onWritten(message))
    thread.on('error', (error) => log.error({ err: error.message }, 'the thread that writes attempt logs failed'))
    thread.on('exit', () => this.onExit(thread))
    thread.unref()
    return thread
  }

  private add(queue: Queue, text: string): void {
    queue.text += text
    this.size += text.length
  }

  private schedule(afterMs: number): void {
    this.timer ??= setTimeout(() => {
      this.timer = null
      this.send()
    }, afterMs)
  }

  private send(): void {
    if (this.sent !== null) return
    const batch = new Map<string, string>()
    for (const [path, queue] of this.waiting) {
      const missing = queue.dropped > 0 ? missingLine(queue.dropped, queue.problem) : ''
      queue.dropped = 0
      batch.set(path, queue.text + missing)
      this.size += missing.length
      queue.text = ''
    }
    if (batch.size === 0) {
      this.tellEmpty?.()
      return
    }
    this.sent = batch
    this.thread ??= this.start()
    this.thread.postMessage({ writes: [...batch] } satisfies ToLogThread)
  }

  private onWritten({ problems }: FromLogThread): void {
    const { sent } = this
    this.sent = null
    const failed = new Map(problems)
    for (const [path, text] of sent ?? []) {
      const problem = failed.get(path)
      if (problem === undefined) this.settle(path, text)
      else this.keep(path, text, problem)
    }
    this.hasStalled = false
    this.pace()
    if (this.isBehind) this.watchStall()
    if (failed.size > 0) this.schedule(this.options.retryMs ?? RETRY_MS)
    else if (this.waiting.size > 0) this.send()
    else if (this.isClosing) this.tellEmpty?.()
  }

  private settle(path: string, text: string): void {
    this.size -= text.length
    const queue = this.waiting.get(path)
    if (queue === undefined) return
    queue.problem = null
    if (queue.text === '' && queue.dropped === 0) this.waiting.delete(path)
  }

  private keep(path: string, text: string, problem: string): void {
    const queue = this.waiting.get(path) ?? { text: '', dropped: 0, problem: null }
    this.waiting.set(path, queue)
    if (queue.problem !== problem) this.options.log.error({ err: problem, path }, 'an attempt log cannot be written')
    queue.problem = problem
    queue.text = text + queue.text
  }

  private onExit(thread: Thread): void {
    if (this.isClosed || thread !== this.thread || (this.isClosing && this.sent === null)) return
    const { sent } = this
    this.sent = null
    for (const [path, text] of sent ?? []) this.keep(path, text, 'the thread that writes logs died')
    this.thread = this.start()
    this.schedule(this.options.retryMs ?? RETRY_MS)
    this.pace()
  }
}
