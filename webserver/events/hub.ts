// What open pages hear: notifications of the database become one look at the changed runs a batch, and go out to every
// page that asked for their topic. Events have numbers, so that a page that was away a moment gets what it missed.

import { randomBytes } from 'node:crypto'
import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { Database } from '../../store/database.ts'
import { type RunSnapshot, snapshotRuns } from '../../store/postgres/read-runs.ts'
import { makeTally, writeTally } from '../states/tally.ts'

/** A burst becomes one look: 60 ms are not seen, hundreds of notifications are. */
const GATHER_MS = 60
/** A look is followed by a pause of this many times what it took: big runs take a tenth of one connection, not all of it. */
const PAUSE = 9
const MOST_PAUSE_MS = 2000
const KEPT_EVENTS = 400
/** Runs of one batch beyond which pages look for themselves. */
const MOST_RUNS = 50
const KNOWN_RUNS = 300

/** `[task_id, tally]`: how many of its instances are in which state, as `shared/tally.ts` writes it. */
export type TaskChange = readonly [string, string]

export interface RunEvent {
  readonly kind: 'run'
  readonly id: number
  readonly dag: string
  readonly run: string
  readonly state: string
  readonly rev: number
  readonly start: number | null
  readonly end: number | null
  /** Tasks whose states are not what pages were told before. */
  readonly changed: readonly TaskChange[]
}

export type HubEvent = RunEvent | { readonly kind: 'dag'; readonly dag: string } | { readonly kind: 'refresh' }

export interface Numbered {
  readonly seq: number
  readonly event: HubEvent
}

export type Subscriber = (batch: readonly Numbered[]) => void

interface Payload {
  readonly runs: readonly number[]
  readonly dags: readonly string[]
}

function readPayload(text: string): Payload {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && 'runs' in value && 'dags' in value) {
      const runs = Array.isArray(value.runs) ? value.runs.filter((id): id is number => Number.isSafeInteger(id)) : []
      const dags = Array.isArray(value.dags) ? value.dags.filter((id): id is string => typeof id === 'string') : []
      return { runs, dags }
    }
  } catch {
    // A payload of another version: look again at everything.
  }
  return { runs: [], dags: ['*'] }
}

function tallies({ counts }: RunSnapshot): ReadonlyMap<string, string> {
  const byTask = new Map<string, [string | null, number][]>()
  for (const [task, state, n] of counts) {
    const list = byTask.get(task)
    if (list === undefined) byTask.set(task, [[state, n]])
    else list.push([state, n])
  }
  return new Map([...byTask].map(([task, list]) => [task, writeTally(makeTally(list))]))
}

export class EventHub {
  /** Tells numbers of this process from those of one before. */
  readonly boot = randomBytes(4).toString('hex')
  private readonly database: Database
  private readonly log: Logger
  /** Each with what is called when the hub closes. */
  private readonly subscribers = new Map<Subscriber, () => void>()
  private readonly kept: Numbered[] = []
  private readonly told = new Map<number, Map<string, string>>()
  private readonly runs = new Set<number>()
  private readonly dags = new Set<string>()
  private timer: NodeJS.Timeout | null = null
  private isBusy = false
  private restUntil = 0
  private isClosed = false
  private seq = 0

  constructor(database: Database, log: Logger) {
    this.database = database
    this.log = log
  }

  get lastSeq(): number {
    return this.seq
  }

  /** @param onClose there will be no more events: the server stops */
  subscribe(subscriber: Subscriber, onClose: () => void = () => {}): () => void {
    this.subscribers.set(subscriber, onClose)
    return () => this.subscribers.delete(subscriber)
  }

  /** What came after `seq`, or null when that is too long ago to know. */
  since(seq: number): readonly Numbered[] | null {
    if (seq === this.seq) return []
    const first = this.kept[0]?.seq
    return seq > this.seq || first === undefined || first > seq + 1 ? null : this.kept.filter((item) => item.seq > seq)
  }

  notify(payload: string): void {
    const { runs, dags } = readPayload(payload)
    for (const id of runs) this.runs.add(id)
    for (const id of dags) this.dags.add(id)
    this.schedule()
  }

  /** After a lost connection nobody knows what was missed. */
  catchUp(): void {
    this.dags.add('*')
    this.schedule()
  }

  close(): void {
    this.isClosed = true
    if (this.timer !== null) clearTimeout(this.timer)
    const ends = [...this.subscribers.values()]
    this.subscribers.clear()
    for (const onClose of ends) onClose()
  }

  private schedule(): void {
    if (this.timer !== null || this.isBusy || this.isClosed) return
    this.timer = setTimeout(
      () => {
        this.timer = null
        void this.flush()
      },
      Math.max(GATHER_MS, this.restUntil - performance.now()),
    )
  }

  private async flush(): Promise<void> {
    this.isBusy = true
    const start = performance.now()
    const runs = [...this.runs]
    const dags = [...this.dags]
    this.runs.clear()
    this.dags.clear()
    try {
      // Nobody looks: nothing is read. What was told before is forgotten with it.
      if (this.subscribers.size === 0) this.told.clear()
      else await this.tell(runs, dags)
    } catch (error) {
      this.log.warn({ err: messageOf(error) }, 'cannot read what changed for the open pages')
      this.publish([{ kind: 'refresh' }])
    } finally {
      this.isBusy = false
      const end = performance.now()
      this.restUntil = end + Math.min(MOST_PAUSE_MS, (end - start) * PAUSE)
      if (this.runs.size > 0 || this.dags.size > 0) this.schedule()
    }
  }

  private async tell(runs: readonly number[], dags: readonly string[]): Promise<void> {
    if (dags.includes('*') || runs.length > MOST_RUNS) {
      this.told.clear()
      this.publish([{ kind: 'refresh' }])
      return
    }
    const snapshots = runs.length === 0 ? [] : await snapshotRuns(this.database, runs)
    this.publish([
      ...snapshots.map((snapshot) => this.runEvent(snapshot)),
      ...dags.map((dag) => ({ kind: 'dag', dag }) as const),
    ])
  }

  private runEvent(run: RunSnapshot): RunEvent {
    const before = this.told.get(run.id)
    const now = new Map<string, string>()
    const changed: TaskChange[] = []
    for (const [task, tally] of tallies(run)) {
      now.set(task, tally)
      if (before?.get(task) !== tally) changed.push([task, tally])
    }
    this.told.delete(run.id)
    this.told.set(run.id, now)
    if (this.told.size > KNOWN_RUNS) {
      const oldest = this.told.keys().next()
      if (oldest.done !== true) this.told.delete(oldest.value)
    }
    const { id, dagId: dag, runId, state, rev, startDate: start, endDate: end } = run
    return { kind: 'run', id, dag, run: runId, state, rev, start, end, changed }
  }

  private publish(events: readonly HubEvent[]): void {
    if (events.length === 0 || this.isClosed) return
    const batch = events.map((event) => ({ seq: ++this.seq, event }))
    this.kept.push(...batch)
    if (this.kept.length > KEPT_EVENTS) this.kept.splice(0, this.kept.length - KEPT_EVENTS)
    for (const subscriber of this.subscribers.keys()) subscriber(batch)
  }
}
