// Evaluates compiled DAG files in a child with limits: an endless loop, an exit, a flood of output or of memory ends the
// child and becomes that file's import error; the next file gets a fresh child.

import type { ParseResult } from '../core/protocol.ts'
import { Child, type ChildExit } from '../runtime/children.ts'
import type { Logger } from '../runtime/logger.ts'

export interface ParserOptions {
  readonly memoryMb: number
  readonly timeoutMs: number
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly log: Logger
  readonly defaults: { readonly maxActiveTasks: number; readonly maxActiveRuns: number }
}

export type ParseOutcome =
  | { readonly kind: 'parsed'; readonly result: ParseResult; readonly hasStarted: boolean }
  | { readonly kind: 'died'; readonly message: string }

/** A child is replaced after this many files: what they loaded stays in its memory. */
const MAX_FILES = 50
/** Output of a file while it loads, bytes; beyond it the file is told to print less. */
const MAX_OUTPUT = 1_000_000

const CLOSED: ParseOutcome = { kind: 'died', message: 'the parser was closed while the file was loaded' }

interface Pending {
  readonly id: number
  output: number
  settle(outcome: ParseOutcome): void
}

export class Parser {
  private readonly options: ParserOptions
  private child: Child | null = null
  private pending: Pending | null = null
  private parsedCount = 0
  private nextId = 1
  private isClosed = false
  /** With those that were replaced and are not gone yet. */
  private readonly living = new Set<Child>()

  constructor(options: ParserOptions) {
    this.options = options
  }

  /** Starts the child ahead of need. */
  warm(): void {
    this.child ??= this.spawn()
  }

  /** One file at a time. Never rejects. */
  async parse(modulePath: string): Promise<ParseOutcome> {
    if (this.isClosed) return CLOSED
    if (this.parsedCount >= MAX_FILES) this.replace()
    this.child ??= this.spawn()
    const { child } = this
    const id = this.nextId++
    const { timeoutMs, defaults } = this.options
    const outcome = await new Promise<ParseOutcome>((resolve) => {
      const timer = setTimeout(() => {
        this.fail(
          `loading took longer than ${timeoutMs / 1000} s: an endless loop, or an await that never ends, at the top level of the file`,
        )
      }, timeoutMs)
      this.pending = {
        id,
        output: 0,
        settle: (settled) => {
          clearTimeout(timer)
          this.pending = null
          resolve(settled)
        },
      }
      child.send({ type: 'parse', id, modulePath, defaults })
    })
    this.parsedCount++
    // A file that failed may have left timers, listeners or half-made state behind, one that starts processes these.
    if (outcome.kind === 'died' || outcome.result.errors.length > 0 || outcome.hasStarted) this.replace()
    return outcome
  }

  /** A file that is being read is given up. Resolves when no child is left. */
  async close(): Promise<void> {
    this.isClosed = true
    this.giveUp(CLOSED)
    await Promise.all([...this.living].map((child) => child.waitUntilGone()))
  }

  private endChild(): void {
    this.child?.end()
    this.child = null
  }

  private replace(): void {
    this.endChild()
    this.parsedCount = 0
    if (!this.isClosed) this.child = this.spawn()
  }

  private fail(message: string): void {
    this.giveUp({ kind: 'died', message })
  }

  private giveUp(outcome: ParseOutcome): void {
    const { pending } = this
    this.endChild()
    pending?.settle(outcome)
  }

  private spawn(): Child {
    const { memoryMb, env, cwd, log } = this.options
    const child: Child = new Child({
      memoryMb,
      env,
      cwd,
      onMessage: (message) => {
        if (message.type === 'parsed' && this.pending?.id === message.id)
          this.pending.settle({ kind: 'parsed', result: message.result, hasStarted: message.hasStarted })
      },
      onText: (_, text) => this.countOutput(child, text),
      onLog: (line) => this.countOutput(child, line.event),
      onExit: (how) => {
        this.living.delete(child)
        this.onExit(child, how)
      },
      onProtocolError: () =>
        this.child === child && this.fail('the file sent messages to the parser; DAG files must not use process.send'),
    })
    this.living.add(child)
    log.debug({ pid: child.pid }, 'a parser was started')
    return child
  }

  private countOutput(child: Child, text: string): void {
    if (this.child !== child || this.pending === null) return
    this.pending.output += text.length
    if (this.pending.output > MAX_OUTPUT)
      this.fail(`the file printed more than ${MAX_OUTPUT} bytes while it was loaded; print inside tasks instead`)
  }

  private onExit(child: Child, how: ChildExit): void {
    if (this.child !== child) return
    this.child = null
    const memory =
      how.signal === 'SIGABRT' || how.code === 134
        ? `; it needed more than ${this.options.memoryMb} MB (dag_processor.parser_memory_mb)`
        : ''
    const ending = how.signal === null ? `with exit code ${how.code ?? 'unknown'}` : `by signal ${how.signal}`
    this.pending?.settle({
      kind: 'died',
      message: `the process ended ${ending} while the file was loaded${memory}; DAG files must not end their process`,
    })
  }
}
