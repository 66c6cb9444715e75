// The event log on Kafka, through kafkajs.
//
// What kafkajs 2.2.4 gets wrong is kept out of its reach:
// - A call that goes to several brokers and meets a new leader is answered with success although a partition was never sent, or is
//   sent again under a new sequence: so every call of ours holds one partition, and one is under way at a time for each.
// - After a send has failed for good, the next one would reuse its sequence, and the broker would drop it as a repetition: so a
//   producer that failed refuses to go on.
//
// What is left after a kill, at any point:
// - `send`: each batch (up to 900 KB of one partition) is there or not; those acknowledged are.
// - a transaction: all of it, or nothing visible. One that was left open holds back readers of its partitions until its id is opened
//   again, or for a minute.
// - `Consumer.commit`: the offsets of before, or the new ones.

import { setMaxListeners } from 'node:events'
import kafka, { type Admin, type Kafka } from 'kafkajs'
import {
  type Consumer,
  type ConsumerOptions,
  checkEnough,
  checkId,
  checkPartitions,
  checkTopic,
  type EventLog,
  EventLogError,
  type LogMessage,
  lagOf,
  type NewRecord,
  type PartitionLag,
  type PartitionOffsets,
  type Position,
  type Producer,
  type ProducerOptions,
  type TopicOptions,
  type TransactionalProducer,
  UnknownTopicError,
} from './event-log.ts'
import {
  checkAdvertised,
  explained,
  type KafkaClientOptions,
  type KafkaCluster,
  makeKafka,
  patiently,
  problemOf,
  within,
} from './kafka-client.ts'
import { connectSoon, FirstAnswer, openCluster, sharing } from './kafka-cluster.ts'
import { offsetOf } from './kafka-fetch.ts'
import { fetchOffsets } from './kafka-offsets.ts'
import { openKafkaProducer, openKafkaTransactions, type PlacedRecords, type SendingLog } from './kafka-producer.ts'
import { KafkaReader, openKafkaConsumer, topicsOf } from './kafka-reader.ts'
import { Partitioner } from './partitioner.ts'

const CLOSE_MS = 5_000
/** A topic just made may not be known to every broker yet. */
const TOPIC_LOOKS = 5

export class KafkaEventLog implements EventLog {
  readonly name: string
  readonly #options: KafkaClientOptions
  readonly #client: Kafka
  readonly #cluster: KafkaCluster
  #firstAnswer: FirstAnswer | null = null
  #admin: Promise<Admin> | null = null
  readonly #partitions = new Map<string, number>()
  readonly #partitioner = new Partitioner()
  readonly #closing: (() => Promise<void>)[] = []
  readonly #sending: SendingLog

  /** Use `openKafkaEventLog`. */
  constructor(options: KafkaClientOptions) {
    // Every call under way listens to it, and there may be many.
    const signal = AbortSignal.any([options.signal])
    setMaxListeners(0, signal)
    this.#options = { ...options, signal }
    this.name = `Kafka at ${options.config.brokers.join(',')}`
    this.#client = makeKafka(options)
    this.#cluster = openCluster(this.#client)
    this.#sending = {
      client: this.#client,
      sharing: sharing(this.#client, this.#cluster),
      call: (what, call, transactionalId) => this.#call(what, call, transactionalId),
      place: (topic, records) => this.#place(topic, records),
      closeLater: (close) => this.#closeLater(close),
    }
  }

  /** @throws EventLogError that says why the cluster cannot be used */
  async connect(): Promise<void> {
    this.#closing.push(() => this.#cluster.disconnect())
    await this.#call('connecting', async () => {
      await connectSoon(this.#cluster, this.#options)
      await checkAdvertised(this.#cluster, this.#options.connId)
    })
    this.#firstAnswer = new FirstAnswer(this.#cluster)
  }

  async ensureTopic(topic: string, options: TopicOptions = {}): Promise<boolean> {
    const { partitions = 3, timestampType = 'create', replicas = -1, retentionMs } = options
    checkPartitions(topic, partitions)
    const known = this.#firstAnswer?.take(topic)
    if (known !== undefined) {
      this.#partitions.set(topic, known)
      checkEnough(topic, known, options.partitions)
      return false
    }
    const configEntries = [
      { name: 'message.timestamp.type', value: timestampType === 'append' ? 'LogAppendTime' : 'CreateTime' },
      ...(retentionMs === undefined ? [] : [{ name: 'retention.ms', value: String(retentionMs) }]),
    ]
    const topics = [{ topic, numPartitions: partitions, replicationFactor: replicas, configEntries }]
    // After an answer that was lost with its broker the topic is there already: it counts as found.
    const isNew = await this.#patiently(`making topic ${topic}`, async () =>
      (await this.#openAdmin()).createTopics({ topics, waitForLeaders: false, timeout: 20_000 }),
    )
    const has = isNew ? await this.#awaitNew(topic, partitions) : await this.#partitionsOf(topic)
    checkEnough(topic, has, options.partitions)
    return isNew
  }

  producer({ compression = 'none' }: ProducerOptions = {}): Promise<Producer> {
    return openKafkaProducer(this.#sending, compression)
  }

  async transactions(id: string, { compression = 'none' }: ProducerOptions = {}): Promise<TransactionalProducer> {
    return openKafkaTransactions(this.#sending, checkId(id, 'transactional id'), compression)
  }

  async consumer(options: ConsumerOptions): Promise<Consumer> {
    checkId(options.group, 'group')
    return openKafkaConsumer(options, {
      cluster: this.#cluster,
      signal: this.#options.signal,
      partitions: (topic) => this.#partitionsOf(topic),
      offsets: (topic) => this.offsets(topic),
      stored: (topic) => this.storedOffsets(options.group, topic),
      store: (positions) => this.#store(options.group, positions),
    })
  }

  async offsets(topic: string): Promise<readonly PartitionOffsets[]> {
    const count = await this.#partitionsOf(topic)
    const partitions = Array.from({ length: count }, (_, partition) => ({ partition }))
    const ask = async (fromBeginning: boolean) => {
      const [found] = await this.#patiently(`asking for the offsets of ${topic}`, () =>
        this.#cluster.fetchTopicsOffset([{ topic, partitions, fromBeginning }]),
      )
      return new Map(found?.partitions.map(({ partition, offset }) => [partition, offsetOf(offset)]))
    }
    const [earliest, end] = await Promise.all([ask(true), ask(false)])
    return partitions.map(({ partition }) => ({
      partition,
      earliest: earliest.get(partition) ?? 0,
      end: end.get(partition) ?? 0,
    }))
  }

  async storedOffsets(group: string, topic: string): Promise<readonly (number | null)[]> {
    const count = await this.#partitionsOf(topic)
    const partitions = Array.from({ length: count }, (_, partition) => ({ partition }))
    const { responses } = await this.#patiently(`asking what group ${group} has stored`, async () => {
      const coordinator = await this.#cluster.findGroupCoordinator({ groupId: checkId(group, 'group') })
      return fetchOffsets(coordinator, { groupId: group, topics: [{ topic, partitions }] }, this.#options.signal)
    })
    const stored = new Map(responses[0]?.partitions.map(({ partition, offset }) => [partition, offsetOf(offset)]))
    return partitions.map(({ partition }) => {
      const offset = stored.get(partition) ?? -1
      return offset < 0 ? null : offset
    })
  }

  async lag(group: string, topic: string): Promise<readonly PartitionLag[]> {
    return lagOf(...(await Promise.all([this.offsets(topic), this.storedOffsets(group, topic)])))
  }

  async *readRange(topic: string, partition: number, from: number, to: number): AsyncGenerator<readonly LogMessage[]> {
    const offsets = (await this.offsets(topic))[partition]
    if (offsets === undefined) throw new EventLogError(`topic ${topic} has no partition ${partition}`)
    const reader = new KafkaReader(
      { cluster: this.#cluster, signal: this.#options.signal, offsets: (name) => this.offsets(name) },
      'earliest',
    )
    const end = Math.min(to, offsets.end)
    reader.assign(topic, partition, Math.max(from, offsets.earliest))
    while ((reader.positions()[0]?.offset ?? end) < end) {
      const messages = (await reader.poll({ waitMs: 5_000 })).filter(({ offset }) => offset < end)
      if (messages.length > 0) yield messages
    }
  }

  async close(): Promise<void> {
    for (const close of this.#closing.splice(0).reverse()) await this.#disconnect(close)
  }

  /** Of its own connection: before it makes a topic it asks for all that the connection has met, and one may have been deleted. */
  async #openAdmin(): Promise<Admin> {
    this.#admin ??= this.#connectAdmin()
    try {
      return await this.#admin
    } catch (error) {
      this.#admin = null
      throw error
    }
  }

  async #connectAdmin(): Promise<Admin> {
    const admin = this.#client.admin()
    this.#closing.push(() => admin.disconnect())
    await admin.connect()
    return admin
  }

  #closeLater(close: () => Promise<void>): () => Promise<void> {
    this.#closing.push(close)
    return () => this.#disconnect(close)
  }

  /** Also when the attempt has ended, and never for long: the broker notices anyway. */
  async #disconnect(close: () => Promise<void>): Promise<void> {
    await within(new AbortController().signal, 'disconnecting', close, CLOSE_MS).catch(() => undefined)
  }

  async #call<T>(what: string, call: () => Promise<T>, transactionalId?: string): Promise<T> {
    try {
      return await within(this.#options.signal, what, call)
    } catch (error) {
      throw explained(error, what, transactionalId)
    }
  }

  #patiently<T>(what: string, call: () => Promise<T>): Promise<T> {
    return this.#call(what, () => patiently(this.#cluster, this.#options.signal, call))
  }

  /**
   * The controller has a new topic before the brokers know. Where one of this name was deleted just before, a broker says that there
   * is none, or tells of the old one; kafkajs itself waits for leaders alone and takes that for the answer.
   */
  async #awaitNew(topic: string, partitions: number): Promise<number> {
    await this.#patiently(`waiting for topic ${topic}`, async () => {
      const { topics } = await (await this.#openAdmin()).fetchTopicMetadata({ topics: [topic] })
      await this.#cluster.addTargetTopic(topic)
      await this.#cluster.refreshMetadata()
      const counts = [topics[0]?.partitions.length, this.#cluster.findTopicPartitionMetadata(topic).length]
      if (counts.some((count) => count !== partitions))
        throw new kafka.KafkaJSError(`the brokers do not know all of topic ${topic} yet`, { retriable: true })
    })
    this.#partitions.set(topic, partitions)
    return partitions
  }

  /** @throws UnknownTopicError */
  async #partitionsOf(topic: string): Promise<number> {
    const known = this.#partitions.get(checkTopic(topic)) ?? this.#firstAnswer?.take(topic)
    if (known !== undefined) this.#partitions.set(topic, known)
    if (known !== undefined) return known
    for (let look = 1; ; look += 1) {
      try {
        await this.#call(`looking for topic ${topic}`, () => this.#cluster.addTargetTopic(topic))
        const count = this.#cluster.findTopicPartitionMetadata(topic).length
        if (count > 0) this.#partitions.set(topic, count)
        if (count > 0) return count
      } catch (error) {
        if (problemOf(error).type !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error
      }
      if (look === TOPIC_LOOKS) throw new UnknownTopicError(topic, this.name)
    }
  }

  async #place(topic: string, records: readonly NewRecord[]): Promise<PlacedRecords> {
    return this.#partitioner.place(topic, records, await this.#partitionsOf(topic), Date.now())
  }

  #store(group: string, positions: readonly Position[]): Promise<void> {
    return this.#patiently(`storing offsets of group ${group}`, async () => {
      const coordinator = await this.#cluster.findGroupCoordinator({ groupId: group })
      await coordinator.offsetCommit({
        groupId: group,
        groupGenerationId: -1,
        memberId: '',
        retentionTime: -1,
        topics: topicsOf(positions),
      })
    })
  }
}

/** @throws EventLogError that says why the cluster cannot be used, and what to do */
export async function openKafkaEventLog(options: KafkaClientOptions): Promise<KafkaEventLog> {
  const log = new KafkaEventLog(options)
  try {
    await log.connect()
    return log
  } catch (error) {
    await log.close()
    throw error
  }
}
