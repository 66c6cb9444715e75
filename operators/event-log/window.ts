// One bounded window of a topic into its sinks: what a run of a `@continuous` DAG does.
//
// The window's bounds are stored before any sink is given a record, so a try that was killed is repeated with the same records. Sinks
// are given a window any number of times and must end in the same state. The offset moves in one transaction with the rejected
// records, after every sink has acknowledged; a sink that keeps the positions in its own transaction is put last.
//
//   open the group's transactional id (fences an older run) → read or store the bounds → read → sinks → offsets + dead letters
//
// A worker that was lost and lives on is fenced: it can write to an idempotent sink once more, and never moves the offset.

import { getOperatorContext, type OperatorContext } from '../../sdk/index.ts'
import { type Clock, systemClock } from '../clock.ts'
import { deadLetter, deadLetterTopic } from './dead-letter.ts'
import {
  checkId,
  checkTopic,
  type EventLog,
  EventLogError,
  type LogMessage,
  type PartitionOffsets,
  type Position,
  type TopicOptions,
  type TransactionalProducer,
} from './event-log.ts'
import { openEventLog } from './open.ts'
import { together } from './together.ts'
import { beginWindow, storePlan } from './window-plan.ts'
import {
  checkUntil,
  type Parse,
  type ReadWindow,
  readNew,
  readPlanned,
  type Until,
  type WindowRecord,
} from './window-read.ts'
import { type ConsumedWindow, resultOf, tellWindow } from './window-report.ts'

/** What a sink is given: the same records for the same `start`, however often. */
export interface StreamWindow<T> {
  readonly topic: string
  readonly group: string
  /** First offset of each partition, inclusive. */
  readonly start: readonly Position[]
  /** One past the last offset of each partition. */
  readonly end: readonly Position[]
  /** In order within a partition. */
  readonly records: readonly WindowRecord<T>[]
  /** The offsets of `start` summed: larger in each window than in the one before, and the same when a window is repeated. */
  readonly sequence: number
}

export interface SinkAck {
  /** Records that are in the sink now, new or not. */
  readonly written: number
  /** Records that the sink refuses, with the reason; `written` does not count them. Not for a sink that keeps the positions. */
  readonly rejected?: readonly (readonly [LogMessage, string])[]
}

export interface WindowSink<T> {
  /** Told in logs and errors. */
  readonly name: string
  /** Stores the window and resolves when it is durable. It may have been given this window before. */
  put(op: OperatorContext, window: StreamWindow<T>): Promise<SinkAck>
  /**
   * Where the sink keeps the group's positions in the transaction of its records: the window starts there, and this sink is put
   * last. Partitions it does not know yet start where the log says. One sink of a window at most.
   */
  positions?(op: OperatorContext, of: { readonly topic: string; readonly group: string }): Promise<readonly Position[]>
}

export interface ConsumeWindow<T> {
  readonly topic: string
  /** The consumer group whose offsets it continues from. One run at a time uses a group: a newer one takes over. */
  readonly group: string
  readonly until?: Until
  /** All must acknowledge before the offset moves. They are given the window at the same time. */
  readonly sinks: readonly WindowSink<T>[]
  /** What a record says, or why it cannot be used: that one goes to the dead-letter topic. What it throws fails the try. */
  readonly parse: Parse<T>
  /** Default `kafka_default`; without it the embedded event log. */
  readonly connId?: string
  /** The topic is made so when it is not there. Default: it must exist. */
  readonly create?: TopicOptions
  /** Where the group has stored nothing: default `earliest`. */
  readonly from?: 'earliest' | 'latest'
  /**
   * Seconds a stream without a record is waited for. Default 300: the task is rescheduled and polls again, after
   * `until.seconds` and then twice as long each time, up to a minute; then the run ends with an empty window. 0: it ends at once.
   */
  readonly idleSeconds?: number
  /** For tests. */
  readonly clock?: Clock
}

const LONGEST_PAUSE_SECONDS = 60

function checkOptions<T>({ topic, group, sinks, idleSeconds = 300, until }: ConsumeWindow<T>): void {
  checkTopic(topic)
  checkId(group, 'group')
  checkUntil(until ?? {})
  if (sinks.length === 0) throw new EventLogError('consumeWindow: sinks must name one sink or more, found none')
  const keepers = sinks.filter((sink) => sink.positions !== undefined).map(({ name }) => name)
  if (keepers.length > 1)
    throw new EventLogError(`consumeWindow: one sink can keep the positions, found ${keepers.join(' and ')}`)
  if (!(idleSeconds >= 0)) throw new EventLogError(`consumeWindow: idleSeconds must be 0 or more, found ${idleSeconds}`)
}

interface Work<T> {
  readonly op: OperatorContext
  readonly log: EventLog
  readonly options: ConsumeWindow<T>
  readonly producer: TransactionalProducer
  readonly keeper: WindowSink<T> | undefined
}

type Rejected = readonly (readonly [LogMessage, string])[]

/** Sends rejected records to the dead-letter topic and stores the offsets, both or neither. */
async function moveOffset<T>(
  work: Work<T>,
  group: string,
  end: readonly Position[],
  rejected: Rejected,
): Promise<void> {
  const transaction = await work.producer.begin()
  const records = rejected.map(([message, reason]) => deadLetter(message, reason))
  if (records.length > 0) await transaction.send(deadLetterTopic(work.options.topic), records)
  await transaction.storeOffsets(group, end)
  await transaction.commit()
}

/** Gives the window to several sinks at once. Waits for all, so that none writes on after the try has failed. */
async function putAll<T>(
  op: OperatorContext,
  sinks: readonly WindowSink<T>[],
  window: StreamWindow<T>,
): Promise<Rejected> {
  const settled = await Promise.allSettled(sinks.map((sink) => sink.put(op, window)))
  const errors = settled.flatMap((one, i) =>
    one.status === 'rejected' ? [[sinks[i]?.name, one.reason as unknown] as const] : [],
  )
  if (errors.length === 1) throw errors[0]?.[1]
  if (errors.length > 1)
    throw new AggregateError(
      errors.map(([, error]) => error),
      `the sinks ${errors.map(([name]) => name).join(' and ')} failed`,
    )
  const rejected = new Map<LogMessage, string>()
  for (const [i, one] of settled.entries()) {
    if (one.status === 'rejected') continue
    const refused = one.value.rejected ?? []
    for (const [message, reason] of refused) rejected.set(message, `${sinks[i]?.name}: ${reason}`)
    const told = one.value.written + refused.length
    if (told !== window.records.length)
      throw new EventLogError(
        `sink ${sinks[i]?.name} was given ${window.records.length} records and tells of ${told}, written and rejected`,
      )
  }
  return [...rejected]
}

/** The sink's own transaction moves the offset, so what it must not lose is in the log before. */
async function settleWithKeeper<T>(
  work: Work<T>,
  keeper: WindowSink<T>,
  window: StreamWindow<T>,
  rejected: Rejected,
): Promise<void> {
  const { op, log, options } = work
  const { topic, group } = options
  const buried = `${group}.dead-letters`
  const stored = await log.storedOffsets(buried, topic)
  const isBuried = window.end.every(({ partition, offset }) => (stored[partition] ?? -1) >= offset)
  if (!isBuried) await moveOffset(work, buried, window.end, rejected)
  const refused = await putAll(op, [keeper], window)
  if (refused.length > 0)
    throw new EventLogError(
      `sink ${keeper.name} keeps the positions, so it cannot reject records: reject them in parse`,
    )
}

interface Settled {
  readonly rejected: Rejected
  readonly offsets: readonly PartitionOffsets[]
}

/** Gives the window to the sinks and moves the offset; tells how far the topic was by then. */
async function settle<T>(work: Work<T>, read: ReadWindow<T>): Promise<Settled> {
  const { op, log, options, keeper } = work
  const { topic, group, sinks } = options
  const { start, end, records } = read
  const sequence = start.reduce((sum, { offset }) => sum + offset, 0)
  const window: StreamWindow<T> = { topic, group, start, end, records, sequence }
  const others = sinks.filter((sink) => sink !== keeper)
  const isEmpty = records.length === 0
  const rejected = [...read.rejected, ...(isEmpty ? [] : await putAll(op, others, window))]
  if (keeper !== undefined) await settleWithKeeper(work, keeper, window, rejected)
  // Behind a keeper the group's offset is for those who look at its lag: the sink's positions count.
  const buried = keeper === undefined ? rejected : []
  const [offsets] = await together([log.offsets(topic), moveOffset(work, group, end, buried)])
  return { rejected, offsets }
}

/** Reschedules the task; returns when the stream has been waited for long enough. */
function pauseIdle<T>({ op, options }: Work<T>, clock: Clock): void {
  const { idleSeconds = 300, until } = options
  const left = idleSeconds - (clock.now() - op.triedAt.getTime()) / 1_000
  if (left <= 0) return
  const pause = Math.max(1, until?.seconds ?? 10) * 2 ** Math.min(op.rescheduleCount, 10)
  op.reschedule(Math.min(pause, LONGEST_PAUSE_SECONDS, Math.max(1, left)))
}

/** Offsets move over gaps too, where there is no record. */
const hasMoved = ({ start, end }: Pick<ReadWindow<unknown>, 'start' | 'end'>): boolean =>
  end.some(({ offset }, i) => offset > (start[i]?.offset ?? 0))

async function readNext<T>(work: Work<T>, clock: Clock): Promise<ReadWindow<T>> {
  const { op, log, options, producer, keeper } = work
  const { topic, group, from = 'earliest', parse, until = {} } = options
  const kept = keeper === undefined ? [] : await keeper.positions?.(op, { topic, group })
  const bounds = await beginWindow({ op, log, producer, topic, group, from, kept: kept ?? [] })
  // For those who look at the group's lag: nothing may be new for long.
  if (bounds.isLate) await moveOffset(work, group, bounds.start, [])
  if (bounds.planned !== null) return readPlanned({ op, log, parse, start: bounds.start, end: bounds.planned })
  const read = await readNew({ op, log, group, topic, parse, until, clock, start: bounds.start })
  if (hasMoved(read)) await storePlan(producer, group, read.start, read.end)
  return read
}

/** As `consumeWindow`, on a log that is open. */
export async function consumeFrom<T>(
  op: OperatorContext,
  log: EventLog,
  options: ConsumeWindow<T>,
): Promise<ConsumedWindow> {
  checkOptions(options)
  const { topic, group, clock = systemClock } = options
  const startedAt = performance.now()
  if (options.create !== undefined) await log.ensureTopic(topic, options.create)
  await log.ensureTopic(deadLetterTopic(topic), { partitions: 1 })
  // Whoever ran this group before is fenced, and what it left is settled, before anything is read.
  const producer = await log.transactions(`${group}/window/${topic}`)
  const work: Work<T> = {
    op,
    log,
    options,
    producer,
    keeper: options.sinks.find((sink) => sink.positions !== undefined),
  }
  try {
    const read = await readNext(work, clock)
    const isMoving = hasMoved(read)
    const { rejected, offsets } = isMoving
      ? await settle(work, read)
      : { rejected: [], offsets: await log.offsets(topic) }
    const now = clock.now()
    const result = resultOf({ topic, group, read, offsets, rejected: rejected.length, startedAt, now })
    if (read.count === 0) pauseIdle(work, clock)
    await tellWindow(op, result)
    return result
  } finally {
    await producer.close()
  }
}

/**
 * Reads one window of a topic, gives it to all sinks, and then moves the group's offset: no record is lost, and an idempotent sink
 * has each once, whatever is killed in between. Call it inside a task of a `@continuous` DAG.
 * @throws EventLogError for options that cannot be used; what a sink throws, and then the next try repeats the same window
 */
export async function consumeWindow<T>(options: ConsumeWindow<T>): Promise<ConsumedWindow> {
  const op = getOperatorContext('consumeWindow')
  const log = await openEventLog(op, options.connId)
  try {
    return await consumeFrom(op, log, options)
  } finally {
    await log.close()
  }
}
