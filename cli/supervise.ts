// The processes of a standalone: each in a group of its own (Ctrl-C reaches only the launcher), started again when it
// dies, with growing pauses; told to stop in order.

import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot } from '../runtime/paths.ts'

export interface ProcessSpec {
  readonly name: string
  readonly args: readonly string[]
  readonly nodeArgs?: readonly string[]
}

export interface SuperviseOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly logFolder: string
  /** A process is gone: its lease can be ended at once, without waiting for it to run out. */
  onExit(name: string, pid: number, code: number | null, signal: string | null, isAsked: boolean): void
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 10_000
/** A process that lived this long was healthy: the next pause starts small again, ms. */
const HEALTHY_MS = 30_000

class Supervised {
  readonly spec: ProcessSpec
  child: ChildProcess | null = null
  /** Where it listens, when it is a server and ready. */
  url: string | null = null
  private readonly options: SuperviseOptions
  private pauseMs = FIRST_PAUSE_MS
  private timer: NodeJS.Timeout | null = null
  private isStopping = false

  constructor(spec: ProcessSpec, options: SuperviseOptions) {
    this.spec = spec
    this.options = options
  }

  /** Resolves once the process says it is ready, or has died once. */
  start(): Promise<boolean> {
    const { name, args, nodeArgs = [] } = this.spec
    const began = performance.now()
    const logFile = join(this.options.logFolder, `${name}.log`)
    const child = spawn(
      process.execPath,
      [...nodeArgs, join(packageRoot, 'dist', 'cli', 'main.js'), ...args, '--log-file', logFile],
      {
        detached: true,
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        env: this.options.env,
      },
    )
    this.child = child
    return new Promise((resolve) => {
      child.on('message', (message: { readonly url?: string | null }) => {
        this.url = message.url ?? null
        resolve(true)
      })
      child.on('error', () => resolve(false))
      child.on('exit', (code, signal) => {
        resolve(false)
        this.child = null
        if (child.pid !== undefined) this.options.onExit(name, child.pid, code, signal, this.isStopping)
        if (!this.isStopping) this.restart(performance.now() - began)
      })
    })
  }

  private restart(livedMs: number): void {
    this.pauseMs = livedMs > HEALTHY_MS ? FIRST_PAUSE_MS : Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS)
    this.timer = setTimeout(() => void this.start(), livedMs > HEALTHY_MS ? 0 : this.pauseMs)
  }

  /** SIGTERM, then SIGKILL of the group after the limit. */
  async stop(limitMs: number): Promise<void> {
    this.isStopping = true
    if (this.timer !== null) clearTimeout(this.timer)
    const { child } = this
    if (child === null || child.pid === undefined) return
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill('SIGTERM')
    const { pid } = child
    const timer = setTimeout(() => {
      try {
        process.kill(-pid, 'SIGKILL')
      } catch {
        // It has just ended.
      }
    }, limitMs)
    await gone
    clearTimeout(timer)
  }
}

export class Supervisor {
  private readonly processes: Supervised[]

  constructor(specs: readonly ProcessSpec[], options: SuperviseOptions) {
    this.processes = specs.map((spec) => new Supervised(spec, options))
  }

  /** Starts all; the names of those that died before they were ready. */
  async start(): Promise<readonly string[]> {
    const ready = await Promise.all(this.processes.map((child) => child.start()))
    return this.processes.flatMap((child, i) => (ready[i] === true ? [] : [child.spec.name]))
  }

  async stop(limitMs: number): Promise<void> {
    await Promise.all(this.processes.map((child) => child.stop(limitMs)))
  }

  urlOf(name: string): string | null {
    return this.processes.find((child) => child.spec.name === name)?.url ?? null
  }
}
