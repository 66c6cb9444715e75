// What a child prints, put in order: its two output streams and the channel of its structured log lines.
//
// Nothing here is decided by what stands in the text, so nothing a task prints can end its log, free its slot or pass for
// a line of ours. The order is known from counts: a structured line says how many bytes of each stream came before it.
// The end is known from the kernel: the child's streams block, so whatever an attempt printed is in the pipes before its
// outcome is sent; one complete poll of the event loop after the outcome was received has read all of it (a poll reads
// 2 MiB a pipe, a pipe holds a tenth of that). That takes two turns of the loop and waits for nobody.
//
// Limits. Bytes of a process that the attempt started are not counted by the child: after them structured lines may stand
// too early. What such a process prints after the end belongs to no attempt; that it is dead by then is the sweep's part
// (descendants.ts).

import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { readLogLine, type TaskLogLine } from '../core/protocol.ts'

export type OutputStream = 'stdout' | 'stderr'

export interface OutputEvents {
  /** Text as it comes, cut anywhere but inside a character. */
  onText(stream: OutputStream, text: string): void
  onLog(line: TaskLogLine): void
  /** The log channel carries something that cannot be one of our lines: without an end for too long. */
  onOverflow(): void
}

/** A structured line is at most a quarter of this (child/log-channel.ts). */
const MAX_LINE = 4 * 1_048_576

/** One stream: bytes received and not yet handed over. */
class Tap {
  readonly stream: OutputStream
  /** Bytes handed over since the attempt began. */
  position = 0
  /** Bytes of `chunks` that were there before the last complete poll: every structured line among them is known. */
  settled = 0
  size = 0
  private chunks: Buffer[] = []
  private decoder = new StringDecoder('utf8')

  constructor(stream: OutputStream) {
    this.stream = stream
  }

  push(chunk: Buffer): void {
    this.chunks.push(chunk)
    this.size += chunk.length
  }

  /** Text of the next `count` bytes. */
  take(count: number): string {
    let text = ''
    for (let left = Math.min(Math.max(0, count), this.size); left > 0; ) {
      const [first] = this.chunks
      if (first === undefined) break
      const part = first.subarray(0, left)
      if (part.length === first.length) this.chunks.shift()
      else this.chunks[0] = first.subarray(part.length)
      text += this.decoder.write(part)
      left -= part.length
      this.size -= part.length
      this.settled = Math.max(0, this.settled - part.length)
      this.position += part.length
    }
    return text
  }

  /** The rest of a character that was cut off, and a fresh start. */
  end(): string {
    this.position = 0
    return this.decoder.end()
  }
}

export class ChildOutput {
  private readonly events: OutputEvents
  private readonly taps = [new Tap('stdout'), new Tap('stderr')] as const
  private readonly pipes: readonly Readable[]
  private lines: TaskLogLine[] = []
  private rest = ''
  private isTurning = false
  /** Structured lines that were there before the last complete poll. */
  private due = 0

  constructor(pipes: Readonly<Record<OutputStream | 'log', Readable | null>>, events: OutputEvents) {
    this.events = events
    this.pipes = Object.values(pipes).filter((pipe) => pipe !== null)
    for (const tap of this.taps) this.listen(pipes[tap.stream], (chunk) => tap.push(chunk))
    const decoder = new StringDecoder('utf8')
    this.listen(pipes.log, (chunk) => this.readLines(decoder.write(chunk)))
  }

  /** Positions of structured lines count from here. */
  begin(): void {
    for (const tap of this.taps) tap.position = 0
  }

  /** Reads no more for a while: whoever prints waits, once the pipe is full. */
  pause(): void {
    for (const pipe of this.pipes) pipe.pause()
  }

  resume(): void {
    for (const pipe of this.pipes) pipe.resume()
  }

  /** Calls back once everything that is in the pipes now has been handed over, also when it was paused. */
  drain(done: () => void): void {
    this.resume()
    setImmediate(() =>
      setImmediate(() => {
        this.flush()
        done()
      }),
    )
  }

  /** Hands over everything that was received. */
  flush(): void {
    this.settle()
    this.handOver()
    for (const tap of this.taps) this.tell(tap, tap.end())
  }

  private listen(pipe: Readable | null, take: (chunk: Buffer) => void): void {
    pipe?.on('data', (chunk: Buffer) => {
      take(chunk)
      this.turn()
    })
    pipe?.on('error', () => undefined) // A pipe that breaks is the child's end, which `onExit` tells.
  }

  private readLines(text: string): void {
    const lines = (this.rest + text).split('\n')
    this.rest = lines.pop() ?? ''
    for (const text of lines) {
      const line = readLogLine(text)
      // Something of the task's own on our channel is text like any other.
      if (line !== null) this.lines.push(line)
      else if (text !== '') this.events.onText('stdout', `${text}\n`)
    }
    if (this.rest.length > MAX_LINE) {
      this.rest = ''
      this.events.onOverflow()
    }
  }

  /** Output is handed over one poll after it came: a structured line written before it has been read by then. */
  private turn(): void {
    if (this.isTurning) return
    this.isTurning = true
    setImmediate(() => {
      this.settle()
      setImmediate(() => {
        this.isTurning = false
        this.handOver()
        if (this.lines.length > 0 || this.taps.some((tap) => tap.size > 0)) this.turn()
      })
    })
  }

  private settle(): void {
    for (const tap of this.taps) tap.settled = tap.size
    this.due = this.lines.length
  }

  private handOver(): void {
    let handed = 0
    for (const line of this.lines) {
      // The bytes a due line stands behind were in the pipe when it was written: those that are not here do not exist.
      const isComplete = this.taps.every((tap, i) => tap.position + tap.size >= (line.at[i] ?? 0))
      if (!isComplete && handed >= this.due) break
      for (const [i, tap] of this.taps.entries()) this.tell(tap, tap.take((line.at[i] ?? 0) - tap.position))
      this.events.onLog(line)
      handed++
    }
    this.lines.splice(0, handed)
    this.due = 0
    // Other bytes stand behind the lines that wait for a turn more.
    if (this.lines.length > 0) return
    for (const tap of this.taps) this.tell(tap, tap.take(tap.settled))
  }

  private tell(tap: Tap, text: string): void {
    if (text !== '') this.events.onText(tap.stream, text)
  }
}
