// A child process from its supervisor's side: fork, log pipes, the watchdog's byte a second, and the end of its whole
// process group. Used by the worker (attempts) and the dag-processor (parsing).

import { type ChildProcess, fork } from 'node:child_process'
import type { Duplex, Readable, Writable } from 'node:stream'
import { BaramError, messageOf } from '../core/errors.ts'
import { CHILD_MARK, type FromChild, LOG_FD, readFromChild, type TaskLogLine, type ToChild } from '../core/protocol.ts'
import { ChildOutput, type OutputStream } from './child-output.ts'
import { endDescendants, type Family, findDescendants, killProcess, makeMark, readProcess } from './descendants.ts'
import { childProgram } from './paths.ts'
import { cameWithin } from './timer.ts'

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

/** The heap's young generation is three of these, MB. With Node's 16 a child that had read a hundred thousand rows held 60 MB more. */
const YOUNG_MB = 4
/** glibc gives each thread a heap of its own, and keeps what is freed in it: of DuckDB's and Node's dozen threads too. */
const MALLOC = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '1048576' }
const BEAT_MS = 1_000
/** What an attempt has started is dead within this. */
const SWEEP_MS = 2_000
/** Between the end of a process and that of its pipes. */
const CLOSE_MS = 500
/** A killed process is gone at once, but for one that waits for a disk. */
const GONE_MS = 3_000

const pause = (ms: number) => new Promise<void>((done) => void setTimeout(done, ms).unref())

/** One timer beats for all children of the process. */
class Heart {
  private readonly pipes = new Set<Writable>()
  private timer: NodeJS.Timeout | null = null

  add(pipe: Writable): void {
    this.pipes.add(pipe)
    pipe.write('.')
    this.timer ??= setInterval(() => {
      for (const pipe of this.pipes) pipe.write('.')
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
  /** Resolves after `onExit`. */
  private readonly gone: Promise<void>
  private readonly process: ChildProcess
  private readonly output: ChildOutput
  private readonly family: Family
  private readonly beat: Duplex | null
  private tellSwept: ((count: number) => void) | null = null
  private isGone = false

  constructor(options: ChildOptions) {
    const mark = makeMark()
    this.process = fork(childProgram, [], {
      detached: true, // A group of its own: killing the group takes grandchildren along, and Ctrl-C does not reach it.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe', 'pipe'],
      execArgv: [
        '--enable-source-maps',
        `--max-old-space-size=${options.memoryMb}`,
        `--max-semi-space-size=${YOUNG_MB}`,
        '--disable-warning=ExperimentalWarning',
      ],
      env: { ...MALLOC, ...options.env, [CHILD_MARK]: mark },
      cwd: options.cwd,
      serialization: 'json',
    })
    this.pid = this.process.pid ?? -1
    this.family = { pid: this.pid, startTicks: readProcess(this.pid)?.startTicks ?? 0, mark }
    this.beat = this.process.stdio[4] as Duplex | null // Declared 'pipe' above.
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
    this.gone = this.listen(options, breakOff)
  }

  private async listen(options: ChildOptions, breakOff: (error: unknown) => void): Promise<void> {
    const { beat } = this
    if (beat !== null) {
      beat.on('error', () => undefined)
      // The watchdog says one thing: how many processes it has ended.
      beat.on('data', (answer: Buffer) => this.tellSwept?.(Number.parseInt(answer.toString(), 10) || 0))
      heart.add(beat)
    }
    this.process.on('message', (message: unknown) => {
      try {
        options.onMessage(readFromChild(message))
      } catch (error) {
        breakOff(error)
      }
    })
    const closed = new Promise<void>((resolve) => this.process.on('close', () => resolve()))
    const gone = new Promise<ChildExit>((resolve) => {
      this.process.on('exit', (code, signal) => resolve({ code, signal }))
      this.process.on('close', (code, signal) => resolve({ code, signal }))
      this.process.on('error', (error) => {
        options.onProtocolError(error)
        // It never began: nothing else will be told.
        if (this.pid <= 0) resolve({ code: null, signal: null })
      })
    })
    const how = await gone
    await this.onGone()
    // 'close' waits for the pipes, which a process that was not found may hold open for ever.
    await cameWithin(CLOSE_MS, closed)
    this.output.flush()
    options.onExit(how)
  }

  /** What it has started ends with it, before anybody is told and the task may be tried again. */
  private async onGone(): Promise<void> {
    this.isGone = true
    this.output.resume()
    if (this.beat !== null) heart.remove(this.beat)
    this.kill('SIGKILL')
    this.tellSwept?.(0)
    await endDescendants(this.family, { limitMs: SWEEP_MS, isPatient: false })
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

  /** Whether what it prints is read; until its end, or that of an attempt, at most. */
  pace(isPaused: boolean): void {
    if (isPaused && !this.isGone) this.output.pause()
    else this.output.resume()
  }

  /** Calls back once everything printed until now has been handed over; takes two turns of the event loop. */
  drain(done: () => void): void {
    this.output.drain(done)
  }

  /** Ends what the attempt that is over has left running; how many there were, null when nobody answered. */
  async sweep(): Promise<number | null> {
    if (this.isGone || this.beat === null) return null
    const answer = new Promise<number>((resolve) => {
      this.tellSwept = resolve
    })
    this.beat.write('s')
    const count = await Promise.race([answer, pause(SWEEP_MS + BEAT_MS).then(() => null)])
    this.tellSwept = null
    return count
  }

  /** Kills it with all it has started. These are looked up first: by their parent some of them are known only while it lives. */
  end(): void {
    const rows = this.isGone ? [] : findDescendants(this.family)
    this.kill('SIGKILL')
    for (const row of rows) killProcess(row)
  }

  /** After `end`: resolves when it and what it had started are gone, or did not go in time. */
  async waitUntilGone(): Promise<void> {
    await cameWithin(GONE_MS, this.gone)
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
