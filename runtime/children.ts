// A child process from its supervisor's side: fork, log pipes, the watchdog's byte a second, and the end of its whole
// process group. Used by the worker (attempts) and the dag-processor (parsing).

import { type ChildProcess, fork } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { messageOf } from '../core/errors.ts'
import { type FromChild, readFromChild, type ToChild } from '../core/protocol.ts'
import { childProgram } from './paths.ts'

export interface ChildOptions {
  readonly memoryMb: number
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  onMessage(message: FromChild): void
  onLine(stream: 'stdout' | 'stderr', line: string): void
  /** Exactly once, after both log pipes have ended. */
  onExit(how: ChildExit): void
  /** Something the protocol does not know: the child is killed. */
  onProtocolError(error: unknown): void
}

export interface ChildExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Longer lines are cut into pieces of this many characters: a 100 MB line must not be held in memory. */
const LINE_LENGTH = 64 * 1024
const BEAT_MS = 1_000

/** Splits a byte stream into lines. */
function readLines(stream: Readable, onLine: (line: string) => void): void {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  const take = (text: string) => {
    rest += text
    let start = 0
    for (let end = rest.indexOf('\n', start); end !== -1; end = rest.indexOf('\n', start)) {
      onLine(rest.slice(start, end))
      start = end + 1
    }
    rest = rest.slice(start)
    while (rest.length > LINE_LENGTH) {
      onLine(rest.slice(0, LINE_LENGTH))
      rest = rest.slice(LINE_LENGTH)
    }
  }
  stream.on('data', (chunk: Buffer) => take(decoder.write(chunk)))
  stream.on('end', () => {
    take(decoder.end())
    if (rest !== '') onLine(rest)
    rest = ''
  })
  stream.on('error', () => undefined) // A pipe that breaks is the child's end, which `onExit` tells.
}

/** One timer beats for all children of the process. */
class Heart {
  private readonly pipes = new Set<Writable>()
  private timer: NodeJS.Timeout | null = null

  add(pipe: Writable): void {
    this.pipes.add(pipe)
    pipe.write('.')
    this.timer ??= setInterval(() => {
      for (const each of this.pipes) each.write('.')
    }, BEAT_MS)
    this.timer.unref()
  }

  remove(pipe: Writable): void {
    this.pipes.delete(pipe)
    if (this.pipes.size === 0 && this.timer !== null) {
      clearInterval(this.timer)
      this.timer = null
    }
  }
}

const heart = new Heart()

export class Child {
  readonly pid: number
  private readonly process: ChildProcess
  private isGone = false

  constructor(options: ChildOptions) {
    this.process = fork(childProgram, [], {
      detached: true, // A group of its own: killing the group takes grandchildren along, and Ctrl-C does not reach it.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
      execArgv: [
        '--enable-source-maps',
        `--max-old-space-size=${options.memoryMb}`,
        '--disable-warning=ExperimentalWarning',
      ],
      env: { ...options.env },
      cwd: options.cwd,
      serialization: 'json',
    })
    this.pid = this.process.pid ?? -1
    this.listen(options)
  }

  private listen(options: ChildOptions): void {
    const { stdout, stderr } = this.process
    const beat = this.process.stdio[4] as Writable | null // Declared 'pipe' above.
    if (beat !== null) {
      beat.on('error', () => undefined)
      heart.add(beat)
    }
    if (stdout !== null) readLines(stdout, (line) => options.onLine('stdout', line))
    if (stderr !== null) readLines(stderr, (line) => options.onLine('stderr', line))
    this.process.on('message', (message: unknown) => {
      try {
        options.onMessage(readFromChild(message))
      } catch (error) {
        options.onProtocolError(error)
        this.kill('SIGKILL')
      }
    })
    let isTold = false
    const end = (code: number | null, signal: NodeJS.Signals | null) => {
      if (isTold) return
      isTold = true
      this.isGone = true
      if (beat !== null) heart.remove(beat)
      this.kill('SIGKILL') // What the child left in its group goes with it.
      options.onExit({ code, signal })
    }
    // 'close' waits for the pipes, which a daemonised grandchild may hold open for ever: then 'exit' must do.
    this.process.on('exit', (code, signal) => setTimeout(end, 500, code, signal).unref())
    this.process.on('close', end)
    this.process.on('error', (error) => options.onProtocolError(error))
  }

  send(message: ToChild): void {
    if (this.isGone || !this.process.connected) return
    this.process.send(message, (error) => {
      // The child died while this was on its way; its exit tells the rest.
      if (error !== null) void messageOf(error)
    })
  }

  /** Signals the whole group. */
  kill(signal: NodeJS.Signals): void {
    if (this.pid <= 0) return
    try {
      process.kill(-this.pid, signal)
    } catch {
      // The group is gone.
    }
  }
}
