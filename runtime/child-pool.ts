// Warm children: one attempt at a time each, last in first out (a chain stays on one warm process), grown on demand as far as the machine
// gains from it, ended when idle too long, replaced when tainted, too large, or after too many modules.

import { availableParallelism } from 'node:os'
import { messageOf } from '../core/errors.ts'
import type { JsonObject } from '../core/json.ts'
import type { AttemptResult, AttemptSpec, CallbackSpec, FromChild, TaskLogLine } from '../core/protocol.ts'
import { processesToStart } from './child-growth.ts'
import type { OutputStream } from './child-output.ts'
import { Child, type ChildExit } from './children.ts'
import { IdleShare } from './idle-share.ts'
import type { Logger } from './logger.ts'
import { cameWithin } from './timer.ts'

export interface PoolOptions {
  readonly memoryMb: number
  readonly recycleMb: number
  readonly idleMs: number
  /** How long a process may take to begin; default 30 s. */
  readonly beginMs?: number
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly log: Logger
}

/** What the pool tells about one attempt. */
export interface AttemptEvents {
  onText(stream: OutputStream, text: string): void
  onLog(line: TaskLogLine): void
  onCall(call: FromChild & { type: 'call' }, reply: (value: unknown, error?: string) => void): void
  onFields(fields: JsonObject, mapIndexLabel: string | null): void
  /** How it ended; null = its child died without a word, or it got none. Exactly once. */
  onResult(result: AttemptResult | null, exit: ChildExit | null): void
  /** Processes it had left running were ended. */
  onSurvivors(count: number): void
  /** Everything it printed has been handed over. Exactly once, after `onResult`. */
  onLogEnd(): void
}

interface Occupation {
  readonly attempt: number
  readonly events: AttemptEvents
  readonly isAlone: boolean
  hasResult: boolean
}

/** A module stays in a process for ever; beyond this many the process is replaced. */
const MAX_MODULES = 20
/** A process that has not begun by then never will: it is ended, and with it the attempt that would have got it, ms. */
const BEGIN_MS = 30_000
/** A killed child is gone at once; its pipes may be held by something that was not found. */
const CLOSE_MS = 3_000

/** What a child can be given to do. */
type ChildWork = AttemptSpec | CallbackSpec

/** Idle processes beyond one a core are kept for no longer, ms: each holds 40 to 100 MB, and starting it anew takes 0.2 s of a core. */
const SURPLUS_IDLE_MS = 1_000
/** A process that holds so much more than a new one, of which 90 MB are there, is no longer kept than those beyond the cores, bytes. */
const LARGE_BYTES = 120 * 1_048_576

/** How long attempts wait for a process until more are started beside one a core, ms; then the pool looks again as often. */
const LOOK_MS = 50

/** An attempt that gets the next process which is free. */
interface Waiting {
  readonly spec: ChildWork
  readonly events: AttemptEvents
  /** Monotonic ms. */
  readonly since: number
  /** It was asked to stop before it began. */
  abort: string | null
}

function endUnbegun(events: AttemptEvents): void {
  events.onResult(null, null)
  events.onLogEnd()
}

class Slot {
  readonly child: Child
  readonly modules = new Set<string>()
  readonly startedAt = performance.now()
  occupation: Occupation | null = null
  idleSince = 0
  /** As its last attempt left it. */
  rssBytes = 0
  isDoomed = false

  constructor(child: Child) {
    this.child = child
  }
}

export class ChildPool {
  private readonly options: PoolOptions
  private readonly slots = new Set<Slot>()
  private readonly idle: Slot[] = []
  /** From the first process on. */
  private reaper: NodeJS.Timeout | null = null
  private isClosed = false
  /** Processes that will be idle when their last attempt's output is read. */
  private draining = 0
  /** Processes that will be idle when they have begun. */
  private readonly starting = new Set<Slot>()
  private readonly waiting: Waiting[] = []
  /** Runs while attempts wait. */
  private looks: NodeJS.Timeout | null = null
  private readonly idleShare = new IdleShare()
  private readonly cores = availableParallelism()
  private tellEmpty: (() => void) | null = null

  constructor(options: PoolOptions) {
    this.options = options
  }

  get size(): number {
    return this.slots.size
  }

  get pids(): readonly number[] {
    return [...this.slots].map((slot) => slot.child.pid)
  }

  /** Starts a child ahead of need. */
  warm(count: number): void {
    for (let i = this.slots.size; i < count; i++) this.toIdle(this.spawn())
  }

  /** Runs an attempt; `isAlone` gives it a fresh process that is not used again. */
  run(spec: ChildWork, isAlone: boolean, events: AttemptEvents): void {
    if (this.isClosed) {
      endUnbegun(events)
      return
    }
    const idle = isAlone ? undefined : this.takeIdle()
    if (idle !== undefined || isAlone) {
      this.start(idle ?? this.spawn(), spec, events, isAlone)
      return
    }
    // A process that is being drained is free two turns of the loop from now: sooner than a new one starts.
    this.waiting.push({ spec, events, since: performance.now(), abort: null })
    this.grow(0)
  }

  /** Starts processes for those that wait, and looks again while there are any. */
  private grow(idleShare: number): void {
    if (this.waiting.length === 0 || this.isClosed) return
    if (this.looks === null) this.startLooking()
    const count = processesToStart({
      waiting: this.waiting.length,
      coming: this.starting.size + this.draining,
      starting: this.starting.size,
      size: this.slots.size,
      cores: this.cores,
      longestWaitMs: performance.now() - (this.waiting[0]?.since ?? 0),
      idleShare,
    })
    for (let i = 0; i < count; i++) this.starting.add(this.spawn())
  }

  private startLooking(): void {
    this.idleShare.take()
    this.looks = setInterval(() => {
      // Looked at then, not whenever nobody waits: a burst of short attempts waits and is served hundreds of times a second.
      if (this.waiting.length === 0) this.stopLooking()
      else {
        this.endLate()
        this.grow(this.idleShare.take())
      }
    }, LOOK_MS)
  }

  private endLate(): void {
    const { beginMs = BEGIN_MS } = this.options
    for (const slot of this.starting) if (performance.now() - slot.startedAt > beginMs) slot.child.end()
  }

  private stopLooking(): void {
    if (this.looks !== null) clearInterval(this.looks)
    this.looks = null
  }

  private start(slot: Slot, spec: ChildWork, events: AttemptEvents, isAlone: boolean): void {
    slot.occupation = { attempt: spec.attempt, events, isAlone, hasResult: false }
    slot.child.begin()
    slot.modules.add(spec.modulePath)
    slot.child.send({ type: 'run', spec })
  }

  /** Asks an attempt to stop; it may still end well. */
  abort(attempt: number, reason: string): void {
    const waiting = this.waiting.find(({ spec }) => spec.attempt === attempt)
    if (waiting !== undefined) waiting.abort = reason
    this.find(attempt)?.child.send({ type: 'abort', attempt, reason })
  }

  /** Ends the attempt's process and all it has started; one that still waits for a process gets none. */
  kill(attempt: number): void {
    const at = this.waiting.findIndex(({ spec }) => spec.attempt === attempt)
    for (const { events } of at < 0 ? [] : this.waiting.splice(at, 1)) endUnbegun(events)
    this.find(attempt)?.child.end()
  }

  /** Tasks print faster than their logs are written: they wait where they print, instead of filling this process' memory. */
  pace(isPaused: boolean): void {
    for (const { child } of this.slots) child.pace(isPaused)
  }

  killAll(): void {
    for (const { events } of this.waiting.splice(0)) endUnbegun(events)
    for (const slot of this.slots) slot.child.end()
  }

  /** Resolves when every child and what it started is gone, or did not go in time. No other begins. */
  async close(): Promise<void> {
    this.isClosed = true
    this.stopLooking()
    if (this.reaper !== null) clearInterval(this.reaper)
    const empty = new Promise<void>((resolve) => {
      this.tellEmpty = resolve
    })
    this.killAll()
    if (this.slots.size > 0) await cameWithin(CLOSE_MS, empty)
  }

  private find(attempt: number): Slot | undefined {
    return [...this.slots].find((slot) => slot.occupation?.attempt === attempt)
  }

  private takeIdle(): Slot | undefined {
    for (let slot = this.idle.pop(); slot !== undefined; slot = this.idle.pop()) if (!slot.isDoomed) return slot
    return undefined
  }

  private spawn(): Slot {
    const { memoryMb, cwd, env, log, idleMs } = this.options
    this.reaper ??= setInterval(() => this.reap(), Math.min(idleMs, SURPLUS_IDLE_MS)).unref()
    const slot: Slot = new Slot(
      new Child({
        memoryMb,
        cwd,
        env,
        onMessage: (message) => this.onMessage(slot, message),
        onText: (stream, text) => this.onText(slot, stream, text),
        onLog: (line) => this.onLog(slot, line),
        onExit: (how) => this.onExit(slot, how),
        onProtocolError: (error) =>
          log.warn({ err: messageOf(error), pid: slot.child.pid }, 'a child broke the protocol'),
      }),
    )
    this.slots.add(slot)
    return slot
  }

  private onMessage(slot: Slot, message: FromChild): void {
    const { occupation } = slot
    if (message.type === 'hello' && this.starting.delete(slot)) {
      this.toIdle(slot)
      this.serveWaiting()
    } else if (message.type === 'outcome') {
      if (occupation?.attempt !== message.attempt || occupation.hasResult) return
      occupation.hasResult = true
      slot.rssBytes = message.rssBytes
      const isFull = message.rssBytes > this.options.recycleMb * 1_048_576
      slot.isDoomed ||= message.isTainted || isFull || occupation.isAlone || slot.modules.size > MAX_MODULES
      occupation.events.onResult(message.result, null)
      void this.release(slot, occupation, message.hasStarted)
    } else if (message.type === 'fields' && occupation?.attempt === message.attempt && !occupation.hasResult) {
      occupation.events.onFields(message.fields, message.mapIndexLabel)
    } else if (message.type === 'call' && occupation?.attempt === message.attempt && !occupation.hasResult) {
      occupation.events.onCall(message, (value, error) => {
        // The value is JSON: it came out of the database, or is null.
        const reply = { type: 'reply' as const, call: message.call, value: (value ?? null) as never }
        slot.child.send(error === undefined ? reply : { ...reply, error })
      })
    }
  }

  private onText(slot: Slot, stream: OutputStream, text: string): void {
    if (slot.occupation !== null) slot.occupation.events.onText(stream, text)
    else this.options.log.debug({ text, pid: slot.child.pid }, 'an idle child printed something')
  }

  private onLog(slot: Slot, line: TaskLogLine): void {
    const { occupation } = slot
    // What an ended attempt left running may still log: that is not the next one's.
    if (occupation?.attempt === line.attempt) occupation.events.onLog(line)
    else this.options.log.debug({ line: line.event, pid: slot.child.pid }, 'an ended attempt logged something')
  }

  /** The report is on its way; the process is used again once nothing of the attempt is left. */
  private async release(slot: Slot, occupation: Occupation, hasStarted: boolean): Promise<void> {
    if (hasStarted) {
      const survivors = await slot.child.sweep()
      // What was killed may have been part of what the module keeps between attempts.
      slot.isDoomed ||= survivors !== 0
      if (survivors !== null && survivors > 0) occupation.events.onSurvivors(survivors)
    }
    // What was printed before the outcome is in the pipes, and is read now.
    const isReused = !slot.isDoomed
    if (isReused) this.draining++
    slot.child.drain(() => {
      if (isReused) this.draining--
      this.free(slot, occupation)
      this.serveWaiting()
    })
  }

  /** Gives those that wait the processes that have become idle. */
  private serveWaiting(): void {
    while (this.waiting.length > 0 && !this.isClosed) {
      const idle = this.takeIdle()
      if (idle === undefined) {
        this.grow(0)
        return
      }
      const next = this.waiting.shift()
      if (next === undefined) return
      const { spec, events, abort } = next
      this.start(idle, spec, events, false)
      if (abort !== null) this.abort(spec.attempt, abort)
    }
  }

  private free(slot: Slot, occupation: Occupation): void {
    // It may have died meanwhile.
    if (slot.occupation !== occupation) return
    slot.occupation = null
    occupation.events.onLogEnd()
    // A large one that nobody waits for is not even kept for a moment beyond the cores.
    slot.isDoomed ||= slot.rssBytes > LARGE_BYTES && this.waiting.length === 0 && this.usable() > this.cores
    if (slot.isDoomed) slot.child.kill('SIGKILL')
    else this.toIdle(slot)
  }

  /** Those that were told to end are still among the slots. */
  private usable(): number {
    let count = 0
    for (const { isDoomed } of this.slots) if (!isDoomed) count++
    return count
  }

  private toIdle(slot: Slot): void {
    slot.idleSince = performance.now()
    this.idle.push(slot)
  }

  private onExit(slot: Slot, how: ChildExit): void {
    this.slots.delete(slot)
    // One that cannot begin takes an attempt with it: otherwise it would be tried for ever.
    if (this.starting.delete(slot)) this.refuseNext(how)
    if (this.slots.size === 0) this.tellEmpty?.()
    slot.isDoomed = true
    const at = this.idle.indexOf(slot)
    if (at >= 0) this.idle.splice(at, 1)
    const { occupation } = slot
    slot.occupation = null
    if (occupation !== null && !occupation.hasResult) occupation.events.onResult(null, how)
    occupation?.events.onLogEnd()
    this.grow(0)
  }

  private refuseNext(how: ChildExit): void {
    const next = this.waiting.shift()
    next?.events.onResult(null, how)
    next?.events.onLogEnd()
  }

  private reap(): void {
    const now = performance.now()
    const { idleMs } = this.options
    let usable = this.usable()
    for (const slot of [...this.idle]) {
      // One warm child stays: the next run must not wait for a process to start.
      if (usable <= 1 || this.isClosed) return
      const isSurplus = usable > this.cores || slot.rssBytes > LARGE_BYTES
      const keptMs = isSurplus ? Math.min(idleMs, SURPLUS_IDLE_MS) : idleMs
      if (slot.idleSince > now - keptMs) continue
      usable--
      slot.isDoomed = true
      this.idle.splice(this.idle.indexOf(slot), 1)
      slot.child.kill('SIGTERM')
    }
  }
}
