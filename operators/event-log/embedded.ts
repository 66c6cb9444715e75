// The embedded event log: append-only files below one folder, for any number of processes of one host.
//
//   lock                                  who writes (lock.ts)
//   commit.intent                         a transaction that is committed and not yet written out (journal.ts)
//   topics/<topic>/topic.json             partitions and the type of its timestamps
//   topics/<topic>/<partition>/<n>.log    records (partition.ts, frames.ts)
//   groups/<group>.json                   stored offsets
//   producers/<transactional id>.json     how often it was opened: the newest opening fences the others
//
// What is left after a kill -9, at any point:
// - `send`: each partition has all of the call's records or none of them; those sent before are there. Which ones, the sender cannot
//   know, as with Kafka: use a transaction (or `openReplay`) where a re-run must not append twice.
// - a transaction: all of it, or nothing; never a part. It is visible once committed, and committed by one rename.
// - `Consumer.commit`: the offsets of before, or the new ones.
// After a power cut the same holds for what was flushed, committed by a transaction, or in a segment since followed by another.
// `send` alone does not wait for the disk (as Kafka's does not): `flush` and `close` do.

import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '../clock.ts'
import { EmbeddedConsumer } from './embedded-consumer.ts'
import { type Placed, type StagedTransaction, stageTransaction } from './embedded-transaction.ts'
import {
  type Appended,
  type Consumer,
  type ConsumerOptions,
  checkEnough,
  checkId,
  checkPartitions,
  type EventLog,
  EventLogError,
  type LogMessage,
  lagOf,
  type NewRecord,
  type PartitionLag,
  type PartitionOffsets,
  type Position,
  type Producer,
  ProducerFencedError,
  type TopicOptions,
  type TransactionalProducer,
} from './event-log.ts'
import { exists, isRecord, readJson, writeWhole } from './files.ts'
import type { Writer } from './frames.ts'
import { fileNameOf, GroupOffsets } from './groups.ts'
import { type Intent, type PlacedFrame, readIntent, removeIntent, writeIntent } from './journal.ts'
import { FolderLock } from './lock.ts'
import { PartitionReader, PartitionTail } from './partition.ts'
import { Partitioner, type PlacedRecord } from './partitioner.ts'
import { type Topic, TopicFiles } from './topics.ts'

const NO_WRITER: Writer = { producer: Buffer.alloc(16), sequence: -1 }

export interface EmbeddedEventLogOptions {
  /** For errors and logs. Default `embedded event log (<folder>)`. */
  readonly name?: string
  /** Ends every call when it aborts. Default: nothing does. */
  readonly signal?: AbortSignal
  /** Default: the system's. */
  readonly clock?: Clock
  /** For tests: called between any two steps of a write; may throw, or kill the process. */
  readonly step?: (name: string) => void
}

export class EmbeddedEventLog implements EventLog {
  readonly name: string
  readonly #root: string
  readonly #lock: FolderLock
  readonly #signal: AbortSignal | undefined
  readonly #clock: Clock
  readonly #step: (name: string) => void
  readonly #groups: GroupOffsets
  readonly #topics: TopicFiles
  readonly #tails = new Map<string, PartitionTail>()
  readonly #partitioner = new Partitioner()
  readonly #opened = new Set<{ close(): Promise<void> }>()
  /** Writes of this process, one after the other: the lock knows processes, not calls. */
  #queue: Promise<unknown> = Promise.resolve()

  constructor(root: string, options: EmbeddedEventLogOptions = {}) {
    this.#root = root
    this.name = options.name ?? `embedded event log (${root})`
    this.#signal = options.signal
    this.#clock = options.clock ?? systemClock
    this.#step = options.step ?? (() => undefined)
    this.#lock = new FolderLock(root)
    this.#groups = new GroupOffsets(join(root, 'groups'))
    this.#topics = new TopicFiles(join(root, 'topics'), this.name)
  }

  async ensureTopic(topic: string, options: TopicOptions = {}): Promise<boolean> {
    const { partitions = 3, timestampType = 'create' } = options
    checkPartitions(topic, partitions)
    const found = await this.#topics.find(topic)
    if (found !== null) {
      checkEnough(topic, found.partitions, options.partitions)
      return false
    }
    return this.#exclusively(async () => {
      if ((await this.#topics.find(topic)) !== null) return false
      await this.#topics.write(topic, { partitions, timestampType })
      return true
    })
  }

  async producer(): Promise<Producer> {
    const producer = randomBytes(16)
    let sequence = 0
    const used = new Map<string, PartitionTail>()
    return {
      send: async (topic, records) => {
        sequence += 1
        const writer = { producer, sequence }
        const placed = await this.#placed(topic, records)
        // An error of the disk may come after the records are there: the same sequence makes a second try harmless.
        try {
          return await this.#append(topic, placed, writer, used)
        } catch (error) {
          if (error instanceof EventLogError || this.#signal?.aborted === true) throw error
          return this.#append(topic, placed, writer, used)
        }
      },
      flush: () => this.#sync(used),
      close: () => this.#sync(used),
    }
  }

  async transactions(id: string): Promise<TransactionalProducer> {
    checkId(id, 'transactional id')
    const file = join(this.#root, 'producers', `${fileNameOf(id)}.json`)
    const epoch = await this.#exclusively(async () => {
      const next = (await epochIn(file)) + 1
      await writeWhole(file, JSON.stringify({ id, epoch: next }))
      return next
    })
    const fence = async () => {
      if ((await epochIn(file)) !== epoch) throw new ProducerFencedError(id)
    }
    let open = false
    const done = () => {
      open = false
    }
    return {
      begin: async () => {
        if (open) throw new EventLogError(`transactional id ${id}: a transaction is open already; commit or abort it`)
        open = true
        return stageTransaction(
          {
            place: (topic, records) => this.#placed(topic, records),
            requireTopic: (topic) => this.#topics.require(topic),
            commit: (staged) => this.#exclusively(() => this.#commit(staged, fence)),
          },
          done,
        )
      },
      close: async () => done(),
    }
  }

  async consumer(options: ConsumerOptions): Promise<Consumer> {
    checkId(options.group, 'group')
    const consumer = new EmbeddedConsumer(options, {
      offsets: (topic) => this.offsets(topic),
      stored: (topic) => this.#groups.of(options.group, topic),
      reader: (topic, partition) => new PartitionReader({ topic, partition, folder: this.#folder(topic, partition) }),
      store: (positions) => this.#store(options.group, positions),
      settle: () => this.#settle(),
      clock: this.#clock,
      signal: this.#signal,
    })
    this.#opened.add(consumer)
    await consumer.open()
    return consumer
  }

  async offsets(topic: string): Promise<readonly PartitionOffsets[]> {
    this.#signal?.throwIfAborted()
    const { partitions } = await this.#topics.require(topic)
    await this.#settle()
    const found: PartitionOffsets[] = []
    for (let partition = 0; partition < partitions; partition += 1) {
      const tail = this.#tail(topic, partition, 'look')
      await tail.refresh()
      found.push({ partition, earliest: tail.earliest, end: tail.nextOffset })
    }
    return found
  }

  async storedOffsets(group: string, topic: string): Promise<readonly (number | null)[]> {
    const { partitions } = await this.#topics.require(topic)
    await this.#settle()
    const stored = await this.#groups.of(checkId(group, 'group'), topic)
    return Array.from({ length: partitions }, (_, partition) => stored.get(partition) ?? null)
  }

  async lag(group: string, topic: string): Promise<readonly PartitionLag[]> {
    return lagOf(await this.offsets(topic), await this.storedOffsets(group, topic))
  }

  async *readRange(topic: string, partition: number, from: number, to: number): AsyncGenerator<readonly LogMessage[]> {
    const offsets = (await this.offsets(topic))[partition]
    if (offsets === undefined) throw new EventLogError(`topic ${topic} has no partition ${partition}`)
    const reader = new PartitionReader({ topic, partition, folder: this.#folder(topic, partition) })
    try {
      for (let at = Math.max(from, offsets.earliest); at < to; ) {
        this.#signal?.throwIfAborted()
        const read = await reader.read(at)
        const messages = read.filter(({ offset }) => offset < to)
        const last = messages.at(-1)
        if (last === undefined) return
        yield messages
        at = last.offset + 1
      }
    } finally {
      await reader.close()
    }
  }

  async close(): Promise<void> {
    await this.#queue
    for (const opened of [...this.#opened, ...this.#tails.values()]) await opened.close()
    this.#opened.clear()
    this.#tails.clear()
    this.#lock.dispose()
  }

  get #intent(): string {
    return join(this.#root, 'commit.intent')
  }

  #folder(topic: string, partition: number): string {
    return join(this.#root, 'topics', topic, String(partition))
  }

  /** Runs as the only writer of this host, after what a killed one has left is done. */
  #exclusively<T>(body: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(async () => {
      this.#signal?.throwIfAborted()
      await mkdir(this.#root, { recursive: true })
      return this.#lock.hold(async () => {
        const intent = await readIntent(this.#intent)
        if (intent !== null) await this.#finish(intent)
        return body()
      }, this.#signal)
    })
    this.#queue = turn.catch(() => undefined)
    return turn
  }

  /** A committed transaction that a killed process left is in the log already, only not yet at its place. */
  async #settle(): Promise<void> {
    if (await exists(this.#intent)) await this.#exclusively(() => Promise.resolve())
  }

  #tail(topic: string, partition: number, mode: 'append' | 'look'): PartitionTail {
    const key = `${mode} ${topic} ${partition}`
    const tail =
      this.#tails.get(key) ?? new PartitionTail({ topic, partition, folder: this.#folder(topic, partition) }, mode)
    this.#tails.set(key, tail)
    return tail
  }

  async #placed(topic: string, records: readonly NewRecord[]): Promise<Placed> {
    this.#signal?.throwIfAborted()
    const found = await this.#topics.require(topic)
    return { topic: found, records: this.#partitioner.place(topic, records, found.partitions, this.#clock.now()) }
  }

  #append(
    name: string,
    { topic, records }: Placed,
    writer: Writer,
    used: Map<string, PartitionTail>,
  ): Promise<readonly Appended[]> {
    return this.#exclusively(async () => {
      const appended: Appended[] = []
      for (const [partition, placed] of records) {
        const tail = this.#tail(name, partition, 'append')
        used.set(`${name} ${partition}`, tail)
        await tail.refresh()
        const done = tail.written(writer)
        if (done !== null) {
          appended.push({ topic: name, partition, first: done.first, last: done.last })
          continue
        }
        const at = tail.tail()
        this.#step(`before ${name}/${partition}`)
        await tail.writeAt(at, tail.encode(this.#stamped(topic, placed), topic.timestampType, writer))
        this.#step(`after ${name}/${partition}`)
        appended.push({ topic: name, partition, first: at.nextOffset, last: tail.nextOffset - 1 })
      }
      return appended
    })
  }

  #stamped(topic: Topic, records: readonly PlacedRecord[]): readonly PlacedRecord[] {
    if (topic.timestampType === 'create') return records
    const timestamp = this.#clock.now()
    return records.map((record) => ({ ...record, timestamp }))
  }

  #sync(used: Map<string, PartitionTail>): Promise<void> {
    if (used.size === 0) return Promise.resolve()
    return this.#exclusively(async () => {
      for (const tail of used.values()) await tail.sync()
      used.clear()
    })
  }

  #store(group: string, positions: readonly Position[]): Promise<void> {
    return this.#exclusively(() => this.#groups.store(group, positions, { durable: true }))
  }

  async #commit({ sent, offsets }: StagedTransaction, fence: () => Promise<void>): Promise<readonly Appended[]> {
    await fence()
    const frames: PlacedFrame[] = []
    const appended: Appended[] = []
    for (const [name, { topic, records }] of sent) {
      for (const [partition, list] of records) {
        const tail = this.#tail(name, partition, 'append')
        await tail.refresh()
        // What stands before the frames must be as durable as they are.
        await tail.sync()
        const { file, position, nextOffset } = tail.tail()
        const frame = tail.encode(this.#stamped(topic, list), topic.timestampType, NO_WRITER)
        frames.push({ topic: name, partition, file, position, frame })
        appended.push({ topic: name, partition, first: nextOffset, last: nextOffset + list.length - 1 })
      }
    }
    if (frames.length === 0 && offsets.length === 0) return []
    this.#step('before the commit')
    await writeIntent(this.#intent, { frames, offsets })
    this.#step('after the commit')
    await this.#finish({ frames, offsets })
    return appended
  }

  /** Writes out a committed transaction; again and again if need be. */
  async #finish({ frames, offsets }: Intent): Promise<void> {
    for (const { topic, partition, frame, ...place } of frames) {
      const tail = this.#tail(topic, partition, 'append')
      await tail.writeAt(place, frame)
      this.#step(`wrote out ${topic}/${partition}`)
      await tail.sync()
    }
    for (const { group, positions } of offsets) {
      await this.#groups.store(group, positions, { durable: true })
      this.#step(`stored offsets of ${group}`)
    }
    await removeIntent(this.#intent)
    this.#step('the transaction is written out')
  }
}

async function epochIn(file: string): Promise<number> {
  const value = await readJson(file)
  return isRecord(value) && typeof value['epoch'] === 'number' ? value['epoch'] : 0
}
