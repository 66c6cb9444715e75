// One attempt's log: JSON lines, secrets masked before anything is cut or written, lines gathered for a moment so that a
// short attempt costs one write. What a killed supervisor loses is at most that moment.

import type { Masker } from '../core/masker.ts'
import type { TaskLogLine } from '../core/protocol.ts'
import { storableJson } from '../core/storable.ts'
import type { OutputStream } from '../runtime/child-output.ts'
import { PrintedText } from '../runtime/printed-text.ts'

/** How long lines wait to be written together. Below the second that "flushed 1 s before death" promises. */
const GATHER_MS = 100
const GATHER_BYTES = 64 * 1024

export interface LogFileOptions {
  readonly path: string
  readonly masker: Masker
  /** Beyond this many bytes only the last lines are kept, after a marker. */
  readonly maxBytes: number
  /** `isEnd`: nothing follows. */
  write(path: string, text: string, isEnd: boolean): void
}

/** What our own code says beside the event of a structured line; other keys are a task's. */
const TASK_KEYS: ReadonlySet<string> = new Set(['fields', 'exception', 'problem'])

/** What is kept in reserve once the file is full, lines and characters: the end of a log tells most. */
const TAIL_LINES = 200
const TAIL_SIZE = 1_048_576

/** The last line of a log. */
export interface LogEnd {
  readonly level: 'info' | 'error'
  readonly event: string
}

export class LogFile {
  private readonly options: LogFileOptions
  private lines: string[] = []
  private gathered = 0
  private written = 0
  private timer: NodeJS.Timeout | null = null
  private tail: string[] = []
  private tailSize = 0
  private dropped = 0
  private readonly printed: Readonly<Record<OutputStream, PrintedText>>

  constructor(options: LogFileOptions) {
    this.options = options
    this.printed = { stdout: this.printer('stdout'), stderr: this.printer('stderr') }
  }

  /** A line of our own. */
  say(level: string, event: string, fields: object = {}): void {
    this.add({ level, logger: 'baram', event: this.options.masker.mask(event), ...fields })
  }

  /** What the task printed. */
  print(stream: OutputStream, text: string): void {
    this.printed[stream].take(text)
  }

  /** A structured line of the task. Only what it says is masked: a secret that reads like a key must not destroy the line. */
  tell({ level, event, more }: TaskLogLine): void {
    const { masker } = this.options
    const masked = Object.fromEntries(
      Object.entries(more).map(([key, value]): [string, unknown] => [
        TASK_KEYS.has(key) ? key : masker.mask(key),
        masker.maskDeep(value, true),
      ]),
    )
    this.add({ ...masked, level, logger: 'task', event: masker.mask(event) })
  }

  private printer(stream: OutputStream): PrintedText {
    const level = stream === 'stdout' ? 'info' : 'error'
    return new PrintedText(this.options.masker, (event) => this.add({ level, logger: `task.${stream}`, event }))
  }

  private add(fields: object): void {
    const text = `${storableJson({ timestamp: new Date().toISOString(), ...fields })}\n`
    if (this.written + this.gathered > this.options.maxBytes) {
      this.tail.push(text)
      this.tailSize += text.length
      while (this.tail.length > TAIL_LINES || (this.tailSize > TAIL_SIZE && this.tail.length > 1)) {
        this.tailSize -= this.tail.shift()?.length ?? 0
        this.dropped++
      }
      return
    }
    this.lines.push(text)
    this.gathered += text.length
    if (this.gathered > GATHER_BYTES) this.flush()
    else this.timer ??= setTimeout(() => this.flush(), GATHER_MS)
  }

  private flush(isEnd = false): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    if (this.lines.length === 0) return
    const text = this.lines.join('')
    this.lines = []
    this.written += this.gathered
    this.gathered = 0
    this.options.write(this.options.path, text, isEnd)
  }

  /** Writes what is left, with the end of an overlong log after a marker, and last how the attempt ended. */
  close(end: LogEnd | null): void {
    for (const stream of ['stdout', 'stderr'] as const) this.printed[stream].end()
    if (end !== null) this.say(end.level, end.event)
    if (this.tail.length > 0) {
      if (this.dropped > 0) {
        const event = `${this.dropped} lines are missing here: the log reached its limit of ${this.options.maxBytes} bytes`
        this.lines.push(
          `${JSON.stringify({ timestamp: new Date().toISOString(), level: 'warning', logger: 'baram', event })}\n`,
        )
      }
      this.lines.push(...this.tail)
      this.tail = []
    }
    this.flush(true)
  }
}
