// Reading Kafka partitions without a group: what is fetched from their leaders, with aborted records and the log's own marks left out.

import { boundOf, startIn, startOf } from './embedded-consumer.ts'
import {
  type Consumer,
  type ConsumerOptions,
  EventLogError,
  type LogMessage,
  type PartitionOffsets,
  type PollOptions,
  type Position,
} from './event-log.ts'
import { explained, type KafkaCluster, patiently, problemOf, within } from './kafka-client.ts'
import { type FetchedPartition, fetchingFrom, recordsOf } from './kafka-fetch.ts'

const PARTITION_BYTES = 1024 * 1024
const FETCH_BYTES = 16 * 1024 * 1024
/** How long a broker holds a fetch that finds nothing. Leaders are asked at once, and the slowest is waited for. */
const HOLD_MS = 100

/** Positions as kafkajs takes them. */
export function topicsOf(positions: readonly Position[]) {
  const topics = new Map<string, { partition: number; offset: string }[]>()
  for (const { topic, partition, offset } of positions)
    topics.set(topic, [...(topics.get(topic) ?? []), { partition, offset: String(offset) }])
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }))
}

interface Assigned {
  readonly topic: string
  readonly partition: number
  offset: number
  /** Fetched and not given away yet: the next one, and those that follow on it. */
  next: LogMessage | null
  rest: Iterator<LogMessage, void> | null
  /** Next offset once what is held has been given away: also beyond marks and aborted records. */
  after: number
}

/** Behind the last record the position is beyond what the log keeps for itself, too. */
function advance(assigned: Assigned): void {
  const step = assigned.rest?.next()
  assigned.next = step === undefined || step.done === true ? null : step.value
  if (assigned.next === null) assigned.offset = assigned.after
}

/** What it needs of the log. */
export interface ReaderSource {
  readonly cluster: KafkaCluster
  readonly signal: AbortSignal
  offsets(topic: string): Promise<readonly PartitionOffsets[]>
}

/** Some partitions, each from an offset on. */
export class KafkaReader {
  readonly #source: ReaderSource
  readonly #assigned: Assigned[] = []
  readonly #from: 'earliest' | 'latest'

  constructor(source: ReaderSource, from: 'earliest' | 'latest') {
    this.#source = source
    this.#from = from
  }

  assign(topic: string, partition: number, offset: number): void {
    this.#assigned.push({ topic, partition, offset, next: null, rest: null, after: offset })
  }

  positions(): readonly Position[] {
    return this.#assigned.map(({ topic, partition, offset }) => ({ topic, partition, offset }))
  }

  seek(topic: string, partition: number, offset: number): void {
    const assigned = this.#assigned.find((candidate) => candidate.topic === topic && candidate.partition === partition)
    if (assigned === undefined)
      throw new EventLogError(`this consumer does not read partition ${partition} of ${topic}`)
    Object.assign(assigned, { offset, next: null, rest: null, after: offset })
  }

  async poll({ max = 1_000, waitMs = 1_000 }: PollOptions): Promise<readonly LogMessage[]> {
    const deadline = performance.now() + waitMs
    for (let hold = 0; ; hold = HOLD_MS) {
      this.#source.signal.throwIfAborted()
      const messages = this.#take(max)
      if (messages.length > 0) return messages
      const left = deadline - performance.now()
      if (left <= 0 && hold > 0) return []
      await this.#fetch(Math.min(hold, Math.max(0, Math.ceil(left))))
    }
  }

  #take(max: number): readonly LogMessage[] {
    const messages: LogMessage[] = []
    for (const assigned of this.#assigned) {
      while (assigned.next !== null && messages.length < max) {
        messages.push(assigned.next)
        assigned.offset = assigned.next.offset + 1
        advance(assigned)
      }
    }
    // The one that came first comes last next time.
    const first = this.#assigned.shift()
    if (first !== undefined) this.#assigned.push(first)
    return messages
  }

  async #fetch(maxWaitTime: number): Promise<void> {
    const { cluster, signal } = this.#source
    try {
      await within(signal, 'reading', () => patiently(cluster, signal, () => this.#fetchOnce(maxWaitTime)))
    } catch (error) {
      if (problemOf(error).type !== 'OFFSET_OUT_OF_RANGE') throw explained(error, 'reading')
      await this.#startAnew()
    }
  }

  async #fetchOnce(maxWaitTime: number): Promise<void> {
    const { cluster } = this.#source
    const byLeader = new Map<string, Assigned[]>()
    for (const assigned of this.#assigned) {
      const leaders = Object.entries(cluster.findLeaderForPartitions(assigned.topic, [assigned.partition]))
      const nodeId = leaders.find(([, partitions]) => partitions.length > 0)?.[0]
      if (nodeId === undefined) continue
      byLeader.set(nodeId, [...(byLeader.get(nodeId) ?? []), assigned])
    }
    await Promise.all(
      [...byLeader].map(async ([nodeId, assigned]) => {
        const broker = fetchingFrom(await cluster.findBroker({ nodeId }))
        const { responses } = await broker.fetch({
          isolationLevel: 1,
          maxWaitTime,
          minBytes: 1,
          maxBytes: FETCH_BYTES,
          topics: assigned.map(({ topic, partition, offset }) => ({
            topic,
            partitions: [{ partition, fetchOffset: String(offset), maxBytes: PARTITION_BYTES }],
          })),
        })
        for (const { topicName, partitions } of responses)
          for (const fetched of partitions) this.#hold(assigned, topicName, fetched)
      }),
    )
    if (byLeader.size === 0 && this.#assigned.length > 0) await cluster.refreshMetadata()
  }

  #hold(assigned: readonly Assigned[], topic: string, fetched: FetchedPartition): void {
    const reader = assigned.find((candidate) => candidate.topic === topic && candidate.partition === fetched.partition)
    const last = fetched.batches.at(-1)
    if (reader === undefined || last === undefined || reader.next !== null) return
    // A batch is fetched whole, also when it begins before the offset asked for.
    reader.after = Math.max(reader.offset, last.lastOffset + 1)
    reader.rest = recordsOf(topic, fetched, reader.offset)
    advance(reader)
  }

  /** The log has dropped what was to be read. */
  async #startAnew(): Promise<void> {
    for (const assigned of this.#assigned) {
      const found = (await this.#source.offsets(assigned.topic))[assigned.partition]
      if (found === undefined) continue
      const offset = startOf(found, assigned.offset, this.#from)
      if (offset !== assigned.offset) Object.assign(assigned, { offset, next: null, rest: null, after: offset })
    }
  }
}

/** What it needs of the log. */
export interface KafkaConsumerSource extends ReaderSource {
  /** How many the topic has. @throws UnknownTopicError */
  partitions(topic: string): Promise<number>
  stored(topic: string): Promise<readonly (number | null)[]>
  store(positions: readonly Position[]): Promise<void>
}

/** Where each partition is read from. The brokers are asked for those alone whose start was not given. */
async function startsOf(
  { partitions, from = 'earliest', start = [] }: ConsumerOptions,
  source: KafkaConsumerSource,
  topic: string,
): Promise<readonly (readonly [partition: number, offset: number])[]> {
  const count = await source.partitions(topic)
  const read = partitions ?? Array.from({ length: count }, (_, partition) => partition)
  const missing = read.find((partition) => !(partition >= 0 && partition < count))
  if (missing !== undefined) throw new EventLogError(`topic ${topic} has ${count} partitions, asked to read ${missing}`)
  const given = startIn(start, topic)
  if (read.every((partition) => given.has(partition)))
    return read.map((partition) => [partition, given.get(partition) ?? 0])
  const [offsets, stored] = await Promise.all([source.offsets(topic), source.stored(topic)])
  return read.map((partition) => {
    const found = offsets[partition] ?? { partition, earliest: 0, end: 0 }
    return [partition, given.get(partition) ?? startOf(found, stored[partition] ?? undefined, from)]
  })
}

/** @throws UnknownTopicError, EventLogError when a partition asked for is not there */
export async function openKafkaConsumer(options: ConsumerOptions, source: KafkaConsumerSource): Promise<Consumer> {
  const reader = new KafkaReader(source, options.from ?? 'earliest')
  for (const topic of options.topics)
    for (const [partition, offset] of await startsOf(options, source, topic)) reader.assign(topic, partition, offset)
  return {
    poll: (request = {}) => reader.poll(request),
    positions: () => reader.positions(),
    commit: (positions = reader.positions()) => source.store(positions),
    async seek(topic, partition, offset) {
      const at = typeof offset === 'number' ? offset : boundOf(await source.offsets(topic), partition, offset)
      reader.seek(topic, partition, at)
    },
    close: () => Promise.resolve(),
  }
}
