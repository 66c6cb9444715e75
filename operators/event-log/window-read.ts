// Reading a window: up to so many records, bytes or seconds; or exactly the records of a window that was begun before.

import type { OperatorContext } from '../../sdk/index.ts'
import type { Clock } from '../clock.ts'
import { type Consumer, type EventLog, EventLogError, type LogMessage, type Position } from './event-log.ts'

/** A record that can be used, and what it says. */
export interface WindowRecord<T> {
  readonly message: LogMessage
  readonly value: T
}

/** What ends a window: whichever comes first. Memory is bounded by it, not by the topic. */
export interface Until {
  /** Default 10,000. */
  readonly records?: number
  /** From the first look; what is there then is still taken. Default 10. 0: what is there now. */
  readonly seconds?: number
  /** Of keys and values, roughly. Default 64 MiB. */
  readonly bytes?: number
}

export type Parse<T> = (message: LogMessage) => { readonly value: T } | { readonly fault: string }

export interface ReadWindow<T> {
  readonly start: readonly Position[]
  readonly end: readonly Position[]
  readonly records: readonly WindowRecord<T>[]
  readonly rejected: readonly (readonly [LogMessage, string])[]
  /** Records, usable or not. */
  readonly count: number
  /** Of their keys and values. */
  readonly bytes: number
  /** Epoch ms of the newest record; null without one. */
  readonly newest: number | null
  /** By partition: first and last offset that was read. */
  readonly offsets: Readonly<Record<string, readonly [number, number]>>
  /** Whether an earlier try had begun this window. */
  readonly isRepeated: boolean
}

const DEFAULTS = { records: 10_000, seconds: 10, bytes: 64 * 1024 * 1024 } as const
/** Of the first poll, when nobody knows yet how large records are. */
const FIRST_POLL = 100
const LARGEST_POLL = 2_000

/** @throws EventLogError for a bound that can never be met */
export function checkUntil(until: Until): void {
  const { records, seconds, bytes } = { ...DEFAULTS, ...until }
  if (!Number.isSafeInteger(records) || records < 1)
    throw new EventLogError(`consumeWindow: until.records must be a whole number from 1, found ${records}`)
  if (!Number.isFinite(seconds) || seconds < 0)
    throw new EventLogError(`consumeWindow: until.seconds must be 0 or more, found ${seconds}`)
  if (!(bytes >= 1)) throw new EventLogError(`consumeWindow: until.bytes must be 1 or more, found ${bytes}`)
}

/** Sorts what is read into usable and rejected records, and counts. */
class Reading<T> {
  readonly #parse: Parse<T>
  readonly #records: WindowRecord<T>[] = []
  readonly #rejected: (readonly [LogMessage, string])[] = []
  readonly #offsets: Record<string, readonly [number, number]> = {}
  #newest: number | null = null
  count = 0
  bytes = 0

  constructor(parse: Parse<T>) {
    this.#parse = parse
  }

  add(messages: readonly LogMessage[]): void {
    for (const message of messages) {
      const { partition, offset, key, value, timestamp } = message
      this.count += 1
      this.bytes += (key?.length ?? 0) + (value?.length ?? 0)
      this.#newest = Math.max(this.#newest ?? timestamp, timestamp)
      this.#offsets[partition] = [this.#offsets[partition]?.[0] ?? offset, offset]
      const parsed = this.#parse(message)
      if ('fault' in parsed) this.#rejected.push([message, parsed.fault])
      else this.#records.push({ message, value: parsed.value })
    }
  }

  end(bounds: Pick<ReadWindow<T>, 'start' | 'end' | 'isRepeated'>): ReadWindow<T> {
    const { count, bytes } = this
    const [records, rejected, offsets] = [this.#records, this.#rejected, this.#offsets]
    return { ...bounds, count, bytes, records, rejected, offsets, newest: this.#newest }
  }
}

interface ReadNew<T> {
  readonly op: OperatorContext
  readonly log: EventLog
  readonly group: string
  readonly topic: string
  readonly parse: Parse<T>
  readonly until: Until
  readonly clock: Clock
  readonly start: readonly Position[]
}

/** So many that, as large as those so far, they fill what is left. */
function nextPoll(reading: Reading<unknown>, records: number, bytes: number): number {
  const most = Math.min(records - reading.count, LARGEST_POLL)
  if (reading.count === 0) return Math.min(most, FIRST_POLL)
  const mean = Math.max(1, reading.bytes / reading.count)
  return Math.max(1, Math.min(most, Math.floor((bytes - reading.bytes) / mean)))
}

async function fill<T>({ op, until, clock }: ReadNew<T>, consumer: Consumer, reading: Reading<T>): Promise<void> {
  const { records, seconds, bytes } = { ...DEFAULTS, ...until }
  const deadline = clock.now() + seconds * 1_000
  while (reading.count < records && reading.bytes < bytes) {
    op.signal.throwIfAborted()
    const waitMs = Math.max(0, deadline - clock.now())
    const messages = await consumer.poll({ max: nextPoll(reading, records, bytes), waitMs })
    reading.add(messages)
    // After the deadline it takes what is there, and waits for nothing.
    if (messages.length === 0) return
  }
}

/** The next records from `start`, as many as `until` lets. */
export async function readNew<T>(request: ReadNew<T>): Promise<ReadWindow<T>> {
  const { log, group, topic, start, parse } = request
  const reading = new Reading(parse)
  const partitions = start.map(({ partition }) => partition)
  const consumer = await log.consumer({ group, topics: [topic], partitions, start })
  try {
    await fill(request, consumer, reading)
    const reached = new Map(consumer.positions().map(({ partition, offset }) => [partition, offset]))
    const end = start.map((position) => ({ ...position, offset: reached.get(position.partition) ?? position.offset }))
    return reading.end({ start, end, isRepeated: false })
  } finally {
    await consumer.close()
  }
}

interface ReadPlanned<T> {
  readonly op: OperatorContext
  readonly log: EventLog
  readonly parse: Parse<T>
  readonly start: readonly Position[]
  readonly end: readonly Position[]
}

/** Exactly the records of a window that an earlier try had begun. */
export async function readPlanned<T>({ op, log, parse, start, end }: ReadPlanned<T>): Promise<ReadWindow<T>> {
  op.log.info({ start: offsetsOf(start), end: offsetsOf(end) }, 'an earlier try had begun this window: repeating it')
  const reading = new Reading(parse)
  for (const [i, { topic, partition, offset }] of start.entries())
    for await (const messages of log.readRange(topic, partition, offset, end[i]?.offset ?? offset)) {
      op.signal.throwIfAborted()
      reading.add(messages)
    }
  return reading.end({ start, end, isRepeated: true })
}

const offsetsOf = (positions: readonly Position[]) => positions.map(({ offset }) => offset)
