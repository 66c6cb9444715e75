// The history into a topic, each row once however often the task is killed: as fast as the log takes it, or paced as if live.

import { systemClock } from '../../operators/clock.ts'
import {
  deadLetter,
  deadLetterTopic,
  type EventLog,
  type NewRecord,
  openEventLog,
  openReplay,
  type Send,
} from '../../operators/event-log/index.ts'
import { FailTask, getOperatorContext, type OperatorContext } from '../../sdk/index.ts'
import { readStock } from './rows.ts'
import { openStockSource, type StockSource } from './source.ts'

export interface ReplayStocks {
  /** Default `stocks_default`; without it the generated history. */
  readonly source?: string
  /** Default `kafka_default`; without it the embedded event log. */
  readonly connId?: string
  /** Default `Stock_Data`. */
  readonly topic?: string
  /** Default 3. */
  readonly partitions?: number
  /** Rows of this rank or better; `all`: the whole market. Default 20. */
  readonly mostRank?: number | 'all'
  /** Rows a second, by the wall clock; 0 (default) = as fast as the log takes them. */
  readonly perSecond?: number
  /** Rows a batch, which is one transaction. Default 5,000; when paced, a second's, at most 5,000. */
  readonly batch?: number
}

/** What was replayed (the task's XCom). */
export type ReplayedStocks = {
  readonly topic: string
  /** Names this replay: the same source into the same topic has the same. */
  readonly replay: string
  /** Rows of the source, of the wanted ranks. */
  readonly rows: number
  readonly accepted: number
  readonly rejected: number
  readonly firstDay: string
  readonly lastDay: string
  /** Weekdays without a row: the market was closed. */
  readonly closedDays: number
  /** One past the last record of each partition, when it was done. */
  readonly ends: readonly number[]
}

/** Header that tells which replay a record is of. */
export const REPLAY_HEADER = 'replay'

interface Batch {
  readonly records: readonly NewRecord[]
  readonly bad: readonly NewRecord[]
  /** How far the source is read with it. */
  readonly to: number
}

async function readBatch(source: StockSource, topic: string, replay: string, from: number, to: number): Promise<Batch> {
  const records: NewRecord[] = []
  const bad: NewRecord[] = []
  for (const raw of await source.read(from, to)) {
    const row = readStock(raw)
    if ('fault' in row) {
      const value = Buffer.from(JSON.stringify(raw))
      bad.push(deadLetter({ key: null, value, topic }, row.fault))
    } else records.push({ key: row.Code, value: JSON.stringify(row), headers: { [REPLAY_HEADER]: replay } })
  }
  return { records, bad, to }
}

interface Plan {
  readonly topic: string
  readonly replay: string
  readonly batch: number
  readonly perSecond: number
}

/**
 * All batches in order, each read while the one before it is being sent. One ends where an earlier try has come to, so each is in the
 * log whole or not at all, whatever size that try's batches had.
 */
async function* readAhead(source: StockSource, { topic, replay, batch }: Plan, already: number): AsyncGenerator<Batch> {
  const read = (from: number) => {
    const end = from < already ? already : source.rows
    const reading = readBatch(source, topic, replay, from, Math.min(from + batch, end))
    // It may fail while nobody waits for it; whoever does is told.
    reading.catch(() => undefined)
    return reading
  }
  let coming = read(0)
  try {
    for (;;) {
      const current = await coming
      if (current.to < source.rows) coming = read(current.to)
      yield current
      if (current.to >= source.rows) return
    }
  } finally {
    // Who stops early closes the source: not under a read.
    await coming.catch(() => undefined)
  }
}

interface Progress {
  accepted: number
  rejected: number
  readonly offsets: Record<string, readonly [number, number]>
}

function noteOffsets(
  progress: Progress,
  topic: string,
  appended: readonly { topic: string; partition: number; first: number; last: number }[],
): void {
  for (const range of appended) {
    if (range.topic !== topic) continue
    const known = progress.offsets[range.partition]
    progress.offsets[range.partition] = [
      Math.min(known?.[0] ?? range.first, range.first),
      Math.max(known?.[1] ?? 0, range.last),
    ]
  }
}

/** Waits until so many rows may have been sent since the beginning. */
async function keepPace(op: OperatorContext, startedAt: number, sent: number, perSecond: number): Promise<void> {
  if (perSecond === 0) return
  const due = startedAt + (sent / perSecond) * 1_000
  const wait = due - performance.now()
  if (wait > 0) await systemClock.sleep(wait, op.signal)
}

async function replayInto(op: OperatorContext, log: EventLog, source: StockSource, plan: Plan): Promise<Progress> {
  const { topic, replay, perSecond } = plan
  const work = await openReplay(log, { id: `stock_replay/${topic}/${replay}`, topic })
  const progress: Progress = { accepted: 0, rejected: 0, offsets: {} }
  const startedAt = performance.now()
  const already = work.position
  if (already > 0)
    op.log.info(
      { replay, already, rows: source.rows },
      'an earlier try has put rows into the topic: going on behind them',
    )
  try {
    for await (const { records, bad, to } of readAhead(source, plan, already)) {
      op.signal.throwIfAborted()
      progress.accepted += records.length
      progress.rejected += bad.length
      if (to <= already) continue
      const sends: Send[] = [
        { topic, records },
        { topic: deadLetterTopic(topic), records: bad },
      ].filter((send) => send.records.length > 0)
      noteOffsets(progress, topic, await work.append(sends, to))
      await keepPace(op, startedAt, to - already, perSecond)
    }
    return progress
  } finally {
    await work.close()
  }
}

/** Replays the history. The same source again appends nothing. Call it inside a task. */
export async function replayStocks(options: ReplayStocks = {}): Promise<ReplayedStocks> {
  const op = getOperatorContext('replayStocks')
  const {
    source: sourceId = 'stocks_default',
    connId,
    topic = 'Stock_Data',
    partitions = 3,
    mostRank = 20,
    perSecond = 0,
  } = options
  if (mostRank !== 'all' && !(Number.isSafeInteger(mostRank) && mostRank > 0))
    throw new FailTask(`mostRank must be a whole number above 0, or all; found ${mostRank}`)
  const source = await openStockSource(op, sourceId, mostRank)
  const log = await openEventLog(op, connId)
  try {
    await Promise.all([
      log.ensureTopic(topic, { partitions, retentionMs: -1 }),
      log.ensureTopic(deadLetterTopic(topic), { partitions: 1, retentionMs: -1 }),
    ])
    // Of 20,000 rows a transaction took a third less time on Kafka, and 60 MB more: two batches are on their way at once.
    const batch = options.batch ?? (perSecond > 0 ? Math.max(1, Math.min(5_000, Math.floor(perSecond))) : 5_000)
    const replay = `${source.sha256.slice(0, 16)}-${mostRank}-${batch}`
    const { rows, firstDay, lastDay, closedDays } = source
    await op.record({
      kind: 'source',
      target: source.name,
      rowsRead: rows,
      rowsWritten: rows,
      checksum: `sha256:${source.sha256}`,
    })
    const { accepted, rejected, offsets } = await replayInto(op, log, source, { topic, replay, batch, perSecond })
    await op.record({
      kind: 'event_log',
      target: topic,
      rowsRead: rows,
      rowsWritten: accepted,
      rowsRejected: rejected,
      offsets,
    })
    // Kafka shows the records of a commit a moment after it: what this try appended is there, whatever the log says yet.
    const ends = (await log.offsets(topic)).map(({ partition, end }) =>
      Math.max(end, (offsets[partition]?.[1] ?? -1) + 1),
    )
    op.log.info({ topic, rows, accepted, rejected, closedDays, firstDay, lastDay }, 'history replayed')
    return { topic, replay, rows, accepted, rejected, firstDay, lastDay, closedDays, ends }
  } finally {
    source.close()
    await log.close()
  }
}
