// One attempt's log: JSON lines, secrets masked before anything is cut or written, lines gathered for a moment so that a
// short attempt costs one write. What a killed supervisor loses is at most that moment.

import { LOG_MARK } from '../core/protocol.ts'
import type { Masker } from '../core/secret-names.ts'

/** How long lines wait to be written together. Below the second that "flushed 1 s before death" promises. */
const GATHER_MS = 100
const GATHER_BYTES = 64 * 1024

export interface LogFileOptions {
  readonly path: string
  readonly masker: Masker
  /** Beyond this many bytes only the last lines are kept, behind a marker. */
  readonly maxBytes: number
  write(path: string, text: string): void
}

/** Lines kept in reserve once the file is full: the end of a log tells most. */
const TAIL_LINES = 200

export class LogFile {
  private readonly options: LogFileOptions
  private lines: string[] = []
  private gathered = 0
  private written = 0
  private timer: NodeJS.Timeout | null = null
  private tail: string[] = []
  private dropped = 0

  constructor(options: LogFileOptions) {
    this.options = options
  }

  /** A line of our own. */
  say(level: string, event: string, fields: object = {}): void {
    this.add({ level, logger: 'baram', event, ...fields })
  }

  /** A line the child printed; structured ones carry their own level. */
  take(stream: 'stdout' | 'stderr', line: string): void {
    if (line.startsWith(LOG_MARK)) {
      const parsed = parseLine(line.slice(LOG_MARK.length))
      if (parsed !== null) {
        this.add({ logger: 'task', ...parsed })
        return
      }
    }
    this.add({ level: stream === 'stdout' ? 'info' : 'error', logger: `task.${stream}`, event: line })
  }

  private add(fields: object): void {
    const text = `${this.options.masker.mask(JSON.stringify({ timestamp: new Date().toISOString(), ...fields }))}\n`
    if (this.written + this.gathered > this.options.maxBytes) {
      this.tail.push(text)
      if (this.tail.length > TAIL_LINES) {
        this.tail.shift()
        this.dropped++
      }
      return
    }
    this.lines.push(text)
    this.gathered += text.length
    if (this.gathered > GATHER_BYTES) this.flush()
    else this.timer ??= setTimeout(() => this.flush(), GATHER_MS)
  }

  flush(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    if (this.lines.length === 0) return
    const text = this.lines.join('')
    this.lines = []
    this.written += this.gathered
    this.gathered = 0
    this.options.write(this.options.path, text)
  }

  /** Writes what is left, with the end of an overlong log behind a marker. */
  close(): void {
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
    this.flush()
  }
}

function parseLine(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : null
  } catch {
    return null // A task printed our mark itself: then it is a line like any other.
  }
}
