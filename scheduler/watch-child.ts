// The process in which triggers run: one for all waits of a triggerer. It runs users' code, so it may die; then a new one
// is given every wait again.

import { messageOf } from '../core/errors.ts'
import type { Masker } from '../core/masker.ts'
import type { FromChild, WatchSpec } from '../core/protocol.ts'
import type { OutputStream } from '../runtime/child-output.ts'
import { Child, type ChildExit } from '../runtime/children.ts'
import type { Logger } from '../runtime/logger.ts'
import { PrintedText } from '../runtime/printed-text.ts'

export interface WatchChildOptions {
  readonly memoryMb: number
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly log: Logger
  /** Knows the secrets that triggers have asked for. */
  readonly masker: Masker
  onMessage(message: FromChild): void
  /** The process is gone: whatever it watched must be given to the next one. */
  onGone(): void
}

/** A message of this many waits is a few hundred kB. */
const BATCH = 500
/** What a process has loaded stays in its memory: it is replaced after so many modules. */
const MAX_MODULES = 100

export class WatchChild {
  private readonly options: WatchChildOptions
  private child: Child | null = null
  private readonly modules = new Set<string>()
  private isClosed = false

  constructor(options: WatchChildOptions) {
    this.options = options
  }

  /** True when the process has loaded so many modules that it should be replaced. */
  get isWorn(): boolean {
    return this.modules.size > MAX_MODULES
  }

  watch(specs: readonly WatchSpec[]): void {
    if (this.isClosed || specs.length === 0) return
    this.child ??= this.spawn()
    for (const spec of specs) this.modules.add(spec.modulePath)
    for (let from = 0; from < specs.length; from += BATCH)
      this.child.send({ type: 'watch', specs: specs.slice(from, from + BATCH) })
  }

  unwatch(ids: readonly number[]): void {
    if (ids.length > 0) this.child?.send({ type: 'unwatch', ids })
  }

  reply(call: number, value: unknown, error?: string): void {
    // The value is JSON: it came out of the database, or is null.
    const reply = { type: 'reply' as const, call, value: (value ?? null) as never }
    this.child?.send(error === undefined ? reply : { ...reply, error })
  }

  /** Ends the process; `onGone` follows unless this is the end of the triggerer. */
  replace(): void {
    this.child?.end()
  }

  /** Resolves when the process is gone. */
  async close(): Promise<void> {
    this.isClosed = true
    this.replace()
    await this.child?.waitUntilGone()
  }

  private spawn(): Child {
    const { memoryMb, env, cwd, log } = this.options
    this.modules.clear()
    const printer = (stream: OutputStream) =>
      new PrintedText(this.options.masker, (line) => {
        if (line !== '') log.info({ stream, line }, 'a trigger printed something')
      })
    const printed = { stdout: printer('stdout'), stderr: printer('stderr') }
    const child: Child = new Child({
      memoryMb,
      env,
      cwd,
      onMessage: (message) => {
        if (this.child === child) this.options.onMessage(message)
      },
      onText: (stream, text) => printed[stream].take(text),
      onLog: (line) => log.info({ line: this.options.masker.mask(line.event) }, 'a trigger logged something'),
      onExit: (how) => this.onExit(child, how),
      onProtocolError: (error) => log.warn({ err: messageOf(error), pid: child.pid }, 'a trigger broke the protocol'),
    })
    return child
  }

  private onExit(child: Child, how: ChildExit): void {
    if (this.child !== child) return
    this.child = null
    if (this.isClosed) return
    this.options.log.warn(how, 'the process of the triggers ended and is replaced')
    this.options.onGone()
  }
}
