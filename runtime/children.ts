// A child process from its supervisor's side: fork, log pipes, the watchdog's byte a second, and the end of its whole
// process group. Used by the worker (attempts) and the dag-processor (parsing).

import { type ChildProcess, fork } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { BaramError, messageOf } from '../core/errors.ts'
import { type FromChild, LOG_FD, readFromChild, type TaskLogLine, type ToChild } from '../core/protocol.ts'
import { ChildOutput, type OutputStream } from './child-output.ts'
import { childProgram } from './paths.ts'

export interface ChildOptions {
  readonly memoryMb: number
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  onMessage(message: FromChild): void
  /** What it printed, as it comes: pieces of lines. */
  onText(stream: OutputStream, text: string): void
  /** A structured line, in its place among what was printed. */
  onLog(line: TaskLogLine): void
  /** Exactly once, after both log pipes have ended. */
  onExit(how: ChildExit): void
  /** Something the protocol does not know: the child is killed. */
  onProtocolError(error: unknown): void
}

export interface ChildExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const BEAT_MS = 1_000

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
  private readonly output: ChildOutput
  private isGone = false

  constructor(options: ChildOptions) {
    this.process = fork(childProgram, [], {
      detached: true, // A group of its own: killing the group takes grandchildren along, and Ctrl-C does not reach it.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe', 'pipe'],
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
    const { stdout, stderr, stdio } = this.process
    const breakOff = (error: unknown) => {
      options.onProtocolError(error)
      this.kill('SIGKILL')
    }
    this.output = new ChildOutput(
      // Declared 'pipe' above.
      { stdout, stderr, log: (stdio as readonly unknown[])[LOG_FD] as Readable | null },
      {
        onText: options.onText,
        onLog: options.onLog,
        onOverflow: () => breakOff(new BaramError('PROTOCOL', 'a child sent a log line without an end')),
      },
    )
    this.listen(options, breakOff)
  }

  private listen(options: ChildOptions, breakOff: (error: unknown) => void): void {
    const beat = this.process.stdio[4] as Writable | null // Declared 'pipe' above.
    if (beat !== null) {
      beat.on('error', () => undefined)
      heart.add(beat)
    }
    this.process.on('message', (message: unknown) => {
      try {
        options.onMessage(readFromChild(message))
      } catch (error) {
        breakOff(error)
      }
    })
    let isTold = false
    const end = (code: number | null, signal: NodeJS.Signals | null) => {
      if (isTold) return
      isTold = true
      this.isGone = true
      if (beat !== null) heart.remove(beat)
      this.kill('SIGKILL') // What the child left in its group goes with it.
      this.output.flush()
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

  /** An attempt begins: what is printed from here on is its own. */
  begin(): void {
    this.output.begin()
  }

  /** Calls back once everything printed until now has been handed over; takes two turns of the event loop. */
  drain(done: () => void): void {
    this.output.drain(done)
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
