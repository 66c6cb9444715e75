// The embedded log's exclusive lock: one writer at a time, over all processes of this host, and no killed writer holds it.
//
// Node has no flock, so it is a file of the holder's name, *linked* into place: it appears whole or not at all, and only one process
// can make it. A dead holder's file (its process is gone) with id X is succeeded by the file `lock.after-X`, which again only one
// process can link; so two can never both succeed the same dead one, and one that dies while taking over is succeeded itself. The
// winner makes itself the first file and removes the chain; who walked the old chain meanwhile sees that the first file has changed.
// It is the way of services/home-lock.ts, for holds of milliseconds: the calls are synchronous, since waiting for a thread costs more.

import { randomBytes } from 'node:crypto'
import {
  linkSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EventLogError } from './event-log.ts'
import { hasCode } from './files.ts'

/** A holder that an observer cannot see (another container, before a restart) and that has not touched its file so long is dead. */
const SILENT_MS = 30_000
const TOUCH_MS = 5_000
/** No hold takes so long; a waiter says so rather than hang. */
const MOST_WAIT_MS = 120_000

interface Holder {
  readonly id: string
  readonly pid: number
  /** When the process began: its pid alone may be another's by now. */
  readonly startTime: string
  /** Boot and pid namespace: outside of them a pid says nothing. */
  readonly world: string
}

function readOr(read: () => string, fallback: string): string {
  try {
    return read()
  } catch {
    return fallback
  }
}

/** null: there is no such process. Where there is no /proc, only whether it runs can be told. */
function startTimeOf(pid: number): string | null {
  if (process.platform !== 'linux') return isRunning(pid) ? 'running' : null
  const stat = readOr(() => readFileSync(`/proc/${pid}/stat`, 'utf8'), '')
  // The command in parentheses may hold spaces itself. A zombie (Z, X) holds nothing.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return stat === '' || fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null)
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return hasCode(error, 'EPERM')
  }
}

function thisHolder(): Holder {
  const boot = readOr(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(), process.platform)
  const namespace = readOr(() => readlinkSync('/proc/self/ns/pid'), '')
  return {
    id: randomBytes(9).toString('hex'),
    pid: process.pid,
    startTime: startTimeOf(process.pid) ?? '',
    world: `${boot} ${namespace}`,
  }
}

function parseHolder(text: string): Holder {
  const empty = { id: 'damaged', pid: 0, startTime: '', world: '' }
  try {
    const value: unknown = JSON.parse(text)
    const found = typeof value === 'object' && value !== null ? { ...empty, ...value } : empty
    return /^[0-9a-f]+$/.test(found.id) ? found : empty
  } catch {
    return empty
  }
}

function readHolder(file: string): Holder | null {
  try {
    return parseHolder(readFileSync(file, 'utf8'))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
}

function tryLink(source: string, target: string): boolean {
  try {
    linkSync(source, target)
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
}

/** One contender for the lock of a folder; not for two holds at once (`EmbeddedEventLog` queues its own). */
export class FolderLock {
  readonly #first: string
  readonly #own: string
  readonly #me = thisHolder()
  #isWritten = false

  constructor(folder: string) {
    this.#first = `${folder}/lock`
    this.#own = `${this.#first}.${this.#me.id}`
  }

  /** Runs `body` as the only writer. @throws the signal's reason, or EventLogError when somebody holds it for two minutes */
  async hold<T>(body: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const deadline = Date.now() + MOST_WAIT_MS
    for (let holder = this.#tryAcquire(); holder !== null; holder = this.#tryAcquire()) {
      signal?.throwIfAborted()
      if (Date.now() > deadline)
        throw new EventLogError(
          `process ${holder.pid} has held ${this.#first} for two minutes: look why it does not go on, or end it`,
        )
      await sleep(1 + Math.random() * 4)
    }
    const touch = setInterval(() => this.#touch(), TOUCH_MS)
    try {
      return await body()
    } finally {
      clearInterval(touch)
      if (readHolder(this.#first)?.id === this.#me.id) rmSync(this.#first, { force: true })
    }
  }

  /** Removes the contender's own file. */
  dispose(): void {
    rmSync(this.#own, { force: true })
    this.#isWritten = false
  }

  #touch(): void {
    const now = new Date()
    // Both names are one file; a folder that was deleted under us is told by whoever writes into it.
    readOr(() => `${utimesSync(this.#first, now, now)}`, '')
  }

  #writeOwn(): void {
    if (this.#isWritten) {
      const now = new Date()
      utimesSync(this.#own, now, now)
      return
    }
    this.#sweep()
    writeFileSync(this.#own, JSON.stringify(this.#me))
    this.#isWritten = true
  }

  /** Removes the own files of contenders of this host that were killed; of others nothing can be told. */
  #sweep(): void {
    for (const name of readdirSync(dirname(this.#first))) {
      if (!/^lock\.[0-9a-f]{18}$/.test(name)) continue
      const file = join(dirname(this.#first), name)
      const holder = readHolder(file)
      const isDead = holder?.world === this.#me.world && startTimeOf(holder.pid) !== holder.startTime
      if (isDead) rmSync(file, { force: true })
    }
  }

  /** @returns null when the lock is ours, else who has it */
  #tryAcquire(): Holder | null {
    this.#writeOwn()
    if (tryLink(this.#own, this.#first)) return null
    const chain: Holder[] = []
    let name = this.#first
    for (;;) {
      const holder = readHolder(name)
      if (holder === null) break
      if (this.#isHolding(name, holder)) return holder
      chain.push(holder)
      name = `${this.#first}.after-${holder.id}`
    }
    // Released since we tried: the next try is a plain one.
    const [dead] = chain
    if (dead === undefined) return this.#me
    return this.#succeed(name, chain, dead) ? null : dead
  }

  #succeed(name: string, chain: readonly Holder[], dead: Holder): boolean {
    if (!tryLink(this.#own, name)) return false
    if (readHolder(this.#first)?.id !== dead.id) {
      rmSync(name, { force: true })
      return false
    }
    renameSync(this.#own, this.#first)
    this.#isWritten = false
    for (const { id } of chain) {
      rmSync(`${this.#first}.after-${id}`, { force: true })
      rmSync(`${this.#first}.${id}`, { force: true })
    }
    return true
  }

  #isHolding(file: string, holder: Holder): boolean {
    if (holder.world === this.#me.world) return startTimeOf(holder.pid) === holder.startTime
    try {
      return Date.now() - statSync(file).mtimeMs < SILENT_MS
    } catch {
      return false
    }
  }
}
