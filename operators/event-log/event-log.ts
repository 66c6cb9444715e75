// The event log port: topics of records, on append-only files or on Kafka. Both adapters pass test/operators/event-log/contract.ts.
//
// Offsets are numbers: Kafka's 64 bits beyond 2^53 are refused rather than rounded. They grow, but may have holes: Kafka keeps its
// transactions' own marks between the records. Reading shows committed records only, on both adapters.
//
// A consumer reads the partitions it is given; nobody else's coming or going moves them, so a task starts at once and a second one
// never takes its place unasked. Where several tasks are to share a topic, each is given its `partitions` (a mapped task fits).

/** What is sent. */
export interface NewRecord {
  /** Records of one key stay in order, in one partition. Default: none, and partitions take turns. */
  readonly key?: string | Uint8Array | null
  /** `null` is Kafka's tombstone. */
  readonly value: string | Uint8Array | null
  /** Instead of the key's. */
  readonly partition?: number
  /** Epoch ms. Default: now. A topic of type `append` puts its own. */
  readonly timestamp?: number
  readonly headers?: Readonly<Record<string, string | Uint8Array>>
}

/** `create`: the sender's clock; `append`: the log's. */
export type TimestampType = 'create' | 'append'

/** What is read. */
export interface LogMessage {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Epoch ms. */
  readonly timestamp: number
  readonly timestampType: TimestampType
  readonly headers: Readonly<Record<string, Buffer>>
}

export interface TopicOptions {
  /** Default 3. A topic that exists keeps what it has. */
  readonly partitions?: number
  /** Default `create`. */
  readonly timestampType?: TimestampType
  /** Kafka: copies of each partition. Default: the broker's own. The embedded log keeps one. */
  readonly replicas?: number
  /** Kafka: how long records are kept, in ms; -1 for ever. Default: the broker's own, often a week. The embedded log keeps all. */
  readonly retentionMs?: number
}

/** Where the records of one call went: offsets of the first and the last, both inclusive. */
export interface Appended {
  readonly topic: string
  readonly partition: number
  readonly first: number
  readonly last: number
}

/** The next offset to be read. */
export interface Position {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export interface PartitionOffsets {
  readonly partition: number
  /** Of the oldest record that is kept. */
  readonly earliest: number
  /** One past the newest record that may be read. */
  readonly end: number
}

export interface PartitionLag {
  readonly partition: number
  /** `null` when the group has stored none. */
  readonly stored: number | null
  readonly end: number
  /** Offsets still to read, from the stored one or else from the earliest. 0 when all is read. */
  readonly lag: number
}

export type Compression = 'none' | 'gzip' | 'snappy'

export interface ProducerOptions {
  /** Default `none`. The embedded log does not compress. */
  readonly compression?: Compression
}

/**
 * Idempotent, and acknowledged by all replicas: a batch that is sent again by the producer itself, after an answer was lost, is in
 * the log once. A producer that failed refuses to go on: open another.
 */
export interface Producer {
  /** Resolves when the log has the records: they outlive any process from here. A power cut is survived after `flush`. */
  send(topic: string, records: readonly NewRecord[]): Promise<readonly Appended[]>
  flush(): Promise<void>
  close(): Promise<void>
}

/** Records of several topics and stored offsets, all of them or none. */
export interface Transaction {
  send(topic: string, records: readonly NewRecord[]): Promise<void>
  /** What a group has read, stored with the records made of it. */
  storeOffsets(group: string, positions: readonly Position[]): Promise<void>
  /** @throws ProducerFencedError when another has opened the same id since; after any error the outcome is known to the next one who opens it */
  commit(): Promise<readonly Appended[]>
  abort(): Promise<void>
}

/** One transaction at a time. */
export interface TransactionalProducer {
  begin(): Promise<Transaction>
  /** Ends a transaction that is open by aborting it. */
  close(): Promise<void>
}

export interface ConsumerOptions {
  /** Whose stored offsets it goes on from. */
  readonly group: string
  /** Which must exist. */
  readonly topics: readonly string[]
  /** Where nothing is stored, or what is stored is kept no more. Default `earliest`. */
  readonly from?: 'earliest' | 'latest'
  /** Only these, of each topic. Default: all. */
  readonly partitions?: readonly number[]
  /** Where to begin in these partitions, whatever is stored. Default: none. */
  readonly start?: readonly Position[]
}

export interface PollOptions {
  /** Most records of one batch. Default 1000. */
  readonly max?: number
  /** How long to wait for the first record. Default 1000 ms. */
  readonly waitMs?: number
}

export interface Consumer {
  /** In order within a partition. Empty when nothing came in time. */
  poll(options?: PollOptions): Promise<readonly LogMessage[]>
  /** What would be read next. */
  positions(): readonly Position[]
  /**
   * Stores the positions: the group goes on from there. Call it when what was polled before them has been dealt with.
   * @param positions default: those of now. Who polls ahead gives those of the poll that was dealt with
   */
  commit(positions?: readonly Position[]): Promise<void>
  seek(topic: string, partition: number, offset: number | 'earliest' | 'end'): Promise<void>
  close(): Promise<void>
}

export interface EventLog {
  /** Told in logs: `embedded event log (…)`. */
  readonly name: string
  /** @returns whether it was made now. @throws EventLogError when it exists with fewer partitions than asked for */
  ensureTopic(topic: string, options?: TopicOptions): Promise<boolean>
  producer(options?: ProducerOptions): Promise<Producer>
  /**
   * Opens a transactional id: whoever had it open is fenced, and what it had not committed is undone before this resolves.
   * Give it the name of the work, not of the try.
   */
  transactions(id: string, options?: ProducerOptions): Promise<TransactionalProducer>
  consumer(options: ConsumerOptions): Promise<Consumer>
  /** By partition. @throws UnknownTopicError */
  offsets(topic: string): Promise<readonly PartitionOffsets[]>
  /** Of each partition of the topic, `null` where the group has stored none. */
  storedOffsets(group: string, topic: string): Promise<readonly (number | null)[]>
  lag(group: string, topic: string): Promise<readonly PartitionLag[]>
  /** Records with `from <= offset < to` of one partition, in batches; for replays. Ends early where the log does. */
  readRange(topic: string, partition: number, from: number, to: number): AsyncGenerator<readonly LogMessage[]>
  /** Closes what was opened of it, too. */
  close(): Promise<void>
}

/** The log refuses, or cannot be used. The message says what to do. */
export class EventLogError extends Error {
  override readonly name: string = 'EventLogError'
}

export class UnknownTopicError extends EventLogError {
  override readonly name = 'UnknownTopicError'
  constructor(topic: string, log: string) {
    super(`there is no topic ${topic} in the ${log}: make it with ensureTopic, or run the DAG that fills it`)
  }
}

/** Another producer has opened the same transactional id: this one is of an older try, and none of its transaction counts. */
export class ProducerFencedError extends EventLogError {
  override readonly name = 'ProducerFencedError'
  constructor(id: string, options?: ErrorOptions) {
    super(
      `the transactional id ${id} was opened again elsewhere: a newer try has taken over, and this one must end`,
      options,
    )
  }
}

/** @throws EventLogError unless both adapters can hold a topic of this name */
export function checkTopic(topic: string): string {
  if (/^[A-Za-z0-9._-]{1,249}$/.test(topic) && topic !== '.' && topic !== '..') return topic
  throw new EventLogError(
    `topic ${JSON.stringify(topic)} must be 1 to 249 letters, digits and . _ -, such as Stock_Data`,
  )
}

/** @throws EventLogError unless a topic of this name can be made with so many partitions */
export function checkPartitions(topic: string, partitions: number): void {
  checkTopic(topic)
  if (!Number.isInteger(partitions) || partitions < 1)
    throw new EventLogError(`topic ${topic}: partitions must be a whole number from 1, found ${partitions}`)
}

/** @throws EventLogError when an existing topic has fewer partitions than asked for */
export function checkEnough(topic: string, has: number, asked: number | undefined): void {
  if (asked !== undefined && has < asked)
    throw new EventLogError(
      `topic ${topic} has ${has} partitions, asked for ${asked}: keys would move, so make a new topic`,
    )
}

/** @throws EventLogError for an empty group or transactional id */
export function checkId(id: string, what: string): string {
  if (id.trim() !== '' && id.length <= 240) return id
  throw new EventLogError(`${what} ${JSON.stringify(id)} must have 1 to 240 characters`)
}

/** Lag from what is stored and what there is. */
export function lagOf(
  offsets: readonly PartitionOffsets[],
  stored: readonly (number | null)[],
): readonly PartitionLag[] {
  return offsets.map(({ partition, earliest, end }) => {
    const at = stored[partition] ?? null
    return { partition, stored: at, end, lag: Math.max(0, end - Math.max(at ?? earliest, earliest)) }
  })
}
