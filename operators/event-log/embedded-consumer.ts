// Reading the embedded log: a reader a partition, in turns, so that a busy partition does not starve the others.

import type { Clock } from '../clock.ts'
import {
  type Consumer,
  type ConsumerOptions,
  EventLogError,
  type LogMessage,
  type PartitionOffsets,
  type PollOptions,
  type Position,
} from './event-log.ts'
import type { PartitionReader } from './partition.ts'

/** How often the files are looked at again where there is nothing new. */
const LOOK_MS = 20

/** What it needs of the log. */
export interface ConsumerSource {
  offsets(topic: string): Promise<readonly PartitionOffsets[]>
  stored(topic: string): Promise<ReadonlyMap<number, number>>
  reader(topic: string, partition: number): PartitionReader
  store(positions: readonly Position[]): Promise<void>
  /** Lets a committed transaction that a killed process left come to its place. */
  settle(): Promise<void>
  readonly clock: Clock
  readonly signal: AbortSignal | undefined
}

interface Assigned {
  readonly topic: string
  readonly partition: number
  readonly reader: PartitionReader
  offset: number
  /** Read from the file with others and not given away yet. */
  held: readonly LogMessage[]
}

export class EmbeddedConsumer implements Consumer {
  readonly #options: ConsumerOptions
  readonly #source: ConsumerSource
  #assigned: Assigned[] = []
  #turn = 0

  constructor(options: ConsumerOptions, source: ConsumerSource) {
    this.#options = options
    this.#source = source
  }

  /** @throws UnknownTopicError, EventLogError when a partition asked for is not there */
  async open(): Promise<void> {
    const { topics, partitions, from = 'earliest', start = [] } = this.#options
    for (const topic of topics) {
      const offsets = await this.#source.offsets(topic)
      const stored = await this.#source.stored(topic)
      const given = startIn(start, topic)
      for (const partition of partitions ?? offsets.keys()) {
        const found = offsets[partition]
        if (found === undefined)
          throw new EventLogError(`topic ${topic} has ${offsets.length} partitions, asked to read ${partition}`)
        this.#assigned.push({
          topic,
          partition,
          reader: this.#source.reader(topic, partition),
          offset: given.get(partition) ?? startOf(found, stored.get(partition), from),
          held: [],
        })
      }
    }
  }

  async poll({ max = 1_000, waitMs = 1_000 }: PollOptions = {}): Promise<readonly LogMessage[]> {
    const deadline = this.#source.clock.now() + waitMs
    for (;;) {
      this.#source.signal?.throwIfAborted()
      const messages = await this.#take(max)
      if (messages.length > 0) return messages
      await this.#source.settle()
      const left = deadline - this.#source.clock.now()
      if (left <= 0) return []
      await this.#source.clock.sleep(Math.min(LOOK_MS, left), this.#source.signal)
    }
  }

  positions(): readonly Position[] {
    return this.#assigned.map(({ topic, partition, offset }) => ({ topic, partition, offset }))
  }

  async commit(positions = this.positions()): Promise<void> {
    await this.#source.store(positions)
  }

  async seek(topic: string, partition: number, offset: number | 'earliest' | 'end'): Promise<void> {
    const assigned = this.#assigned.find((candidate) => candidate.topic === topic && candidate.partition === partition)
    if (assigned === undefined)
      throw new EventLogError(`this consumer does not read partition ${partition} of ${topic}`)
    assigned.offset =
      typeof offset === 'number' ? offset : boundOf(await this.#source.offsets(topic), partition, offset)
    assigned.held = []
  }

  async close(): Promise<void> {
    for (const { reader } of this.#assigned.splice(0)) await reader.close()
  }

  async #take(max: number): Promise<readonly LogMessage[]> {
    const messages: LogMessage[] = []
    const count = this.#assigned.length
    for (let i = 0; i < count && messages.length < max; i += 1) {
      const assigned = this.#assigned[(this.#turn + i) % count]
      if (assigned === undefined) continue
      if (assigned.held.length === 0) assigned.held = await assigned.reader.read(assigned.offset)
      const taken = assigned.held.slice(0, max - messages.length)
      assigned.held = assigned.held.slice(taken.length)
      assigned.offset = (taken.at(-1)?.offset ?? assigned.offset - 1) + 1
      messages.push(...taken)
    }
    this.#turn += 1
    return messages
  }
}

/** Either end of a partition; 0 when it is not there. */
export function boundOf(offsets: readonly PartitionOffsets[], partition: number, bound: 'earliest' | 'end'): number {
  return offsets[partition]?.[bound] ?? 0
}

/** Where a consumer was told to begin, by partition of one topic. */
export function startIn(start: readonly Position[], topic: string): ReadonlyMap<number, number> {
  return new Map(start.filter((given) => given.topic === topic).map(({ partition, offset }) => [partition, offset]))
}

/** What is stored, as long as the log still has it. */
export function startOf(
  { earliest, end }: PartitionOffsets,
  stored: number | undefined,
  from: 'earliest' | 'latest',
): number {
  if (stored !== undefined && stored >= earliest && stored <= end) return stored
  return from === 'earliest' ? earliest : end
}
