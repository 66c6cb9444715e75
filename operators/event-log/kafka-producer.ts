// Sending to Kafka: producers and transactions of one client. What they promise is said in kafka.ts.

import { setTimeout as sleep } from 'node:timers/promises'
import kafka, { type Kafka, type Producer as KafkaProducer, type Transaction as KafkaTransaction } from 'kafkajs'
import {
  type Appended,
  type Compression,
  checkId,
  EventLogError,
  type NewRecord,
  type Producer,
  type Transaction,
  type TransactionalProducer,
} from './event-log.ts'
import { problemOf } from './kafka-client.ts'
import { offsetOf } from './kafka-fetch.ts'
import { topicsOf } from './kafka-reader.ts'
import type { PlacedRecord } from './partitioner.ts'

/** Brokers take batches of 1 MB by default; and kafkajs copies a batch's list for each of its records. */
const BATCH_BYTES = 900_000
const BATCH_RECORDS = 2_000
/** A transaction that its process has left is aborted by the broker after it. */
const TRANSACTION_MS = 60_000

/** The end of a transaction is written in some ms; a broker that is restarted meanwhile takes longer. */
const SETTLED_MS = 30_000

const COMPRESSIONS: Readonly<Record<Compression, number>> = {
  none: kafka.CompressionTypes.None,
  gzip: kafka.CompressionTypes.GZIP,
  snappy: kafka.CompressionTypes.Snappy,
}

/** Records by partition. */
export type PlacedRecords = ReadonlyMap<number, readonly PlacedRecord[]>

/** What sending needs of the log. */
export interface SendingLog {
  readonly client: Kafka
  /** Its producers share the log's connections, and are disconnected with them. */
  readonly sharing: Kafka
  /** Calls a broker, within the attempt's time; what fails is explained. */
  call<T>(what: string, call: () => Promise<T>, transactionalId?: string): Promise<T>
  /** @throws UnknownTopicError, EventLogError for records that no broker takes */
  place(topic: string, records: readonly NewRecord[]): Promise<PlacedRecords>
  /** Has it closed with the log; the answer closes it before. */
  closeLater(close: () => Promise<void>): () => Promise<void>
}

/** Where records go: by a producer, or within a transaction. */
interface Route {
  readonly sender: Pick<KafkaProducer | KafkaTransaction, 'send'>
  readonly compression: Compression
  readonly transactionalId?: string
}

/** Records of one partition, cut into batches a broker takes. */
function* batchesOf(records: readonly PlacedRecord[]): Generator<readonly PlacedRecord[]> {
  let batch: PlacedRecord[] = []
  let bytes = 0
  for (const record of records) {
    const size = 64 + (record.key?.length ?? 0) + (record.value?.length ?? 0)
    if (batch.length > 0 && (bytes + size > BATCH_BYTES || batch.length >= BATCH_RECORDS)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(record)
    bytes += size
  }
  if (batch.length > 0) yield batch
}

/** One range a partition, of the batches' answers. */
function mergedRanges(topic: string, ranges: readonly Appended[]): readonly Appended[] {
  const merged = new Map<number, Appended>()
  for (const range of ranges) {
    const before = merged.get(range.partition)
    merged.set(range.partition, { ...range, topic, first: before?.first ?? range.first })
  }
  return [...merged.values()]
}

async function sendPartition(
  log: SendingLog,
  { sender, compression, transactionalId }: Route,
  { topic, partition }: { readonly topic: string; readonly partition: number },
  records: readonly PlacedRecord[],
): Promise<readonly Appended[]> {
  const appended: Appended[] = []
  for (const batch of batchesOf(records)) {
    const messages = batch.map(({ key, value, timestamp, headers }) => ({
      key,
      value,
      partition,
      timestamp: String(timestamp),
      ...(headers.length > 0 && { headers: Object.fromEntries(headers) }),
    }))
    const [answer] = await log.call(
      `sending to partition ${partition} of ${topic}`,
      () => sender.send({ topic, messages, acks: -1, timeout: 30_000, compression: COMPRESSIONS[compression] }),
      transactionalId,
    )
    if (answer?.baseOffset === undefined)
      throw new EventLogError(`Kafka: sending to partition ${partition} of ${topic} was not answered`)
    const first = offsetOf(answer.baseOffset)
    appended.push({ topic, partition, first, last: first + batch.length - 1 })
  }
  return appended
}

async function sendPlaced(
  log: SendingLog,
  route: Route,
  topic: string,
  placed: PlacedRecords,
): Promise<readonly Appended[]> {
  const sent = await Promise.all(
    [...placed].map(([partition, records]) => sendPartition(log, route, { topic, partition }, records)),
  )
  return mergedRanges(topic, sent.flat())
}

/** One that fails refuses to go on. */
export async function openKafkaProducer(log: SendingLog, compression: Compression): Promise<Producer> {
  const sender = log.client.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: kafka.Partitioners.DefaultPartitioner,
  })
  const close = log.closeLater(() => sender.disconnect())
  await log.call('opening a producer', () => sender.connect())
  let failure: unknown = null
  let queue: Promise<unknown> = Promise.resolve()
  return {
    send: (topic, records) => {
      const turn = queue.then(async () => {
        if (failure !== null) throw new EventLogError('this producer has failed: open another', { cause: failure })
        const placed = await log.place(topic, records)
        try {
          return await sendPlaced(log, { sender, compression }, topic, placed)
        } catch (error) {
          failure = error
          throw error
        }
      })
      queue = turn.catch(() => undefined)
      return turn
    },
    // What is sent has been acknowledged by all replicas; none waits here.
    flush: async () => void (await queue),
    close,
  }
}

/** Of the moment: kafkajs waits for the first when records begin a transaction, and for the others nowhere. */
const UNSETTLED = [
  'CONCURRENT_TRANSACTIONS',
  'NOT_COORDINATOR_FOR_GROUP',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
]

/**
 * Stores offsets again where nothing was stored: a transaction that follows on another is refused while the broker still writes the
 * end of that one, and a broker that has just handed over the transaction or the group refuses both.
 */
async function onceSettled<T>(call: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + SETTLED_MS
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
    try {
      return await call()
    } catch (error) {
      if (!UNSETTLED.includes(problemOf(error).type) || performance.now() > deadline) throw error
      await sleep(pauseMs)
    }
  }
}

function transactionOf(
  log: SendingLog,
  transaction: KafkaTransaction,
  { id, compression }: { readonly id: string; readonly compression: Compression },
  done: () => void,
): Transaction {
  const appended = new Map<string, Appended[]>()
  const route = { sender: transaction, compression, transactionalId: id }
  let failure: unknown = null
  const attempt = async <T>(body: () => Promise<T>): Promise<T> => {
    if (failure !== null) throw new EventLogError('the transaction has failed: abort it', { cause: failure })
    try {
      return await body()
    } catch (error) {
      failure = error
      throw error
    }
  }
  return {
    send: async (topic, records) => {
      // Refused before anything is sent, this leaves the transaction as it was.
      const placed = await log.place(topic, records)
      await attempt(async () => {
        const sent = await sendPlaced(log, route, topic, placed)
        appended.set(topic, [...(appended.get(topic) ?? []), ...sent])
      })
    },
    storeOffsets: (group, positions) =>
      attempt(() =>
        log.call(
          `storing offsets of group ${group}`,
          () =>
            onceSettled(() =>
              transaction.sendOffsets({ consumerGroupId: checkId(group, 'group'), topics: topicsOf(positions) }),
            ),
          id,
        ),
      ),
    commit: async () => {
      await attempt(() => log.call('committing a transaction', () => transaction.commit(), id))
      done()
      return [...appended].flatMap(([topic, ranges]) => mergedRanges(topic, ranges))
    },
    abort: async () => {
      done()
      await log.call('aborting a transaction', () => transaction.abort(), id)
    },
  }
}

/** Opening the id fences who had it before, and waits until what they left is settled. */
export async function openKafkaTransactions(
  log: SendingLog,
  id: string,
  compression: Compression,
): Promise<TransactionalProducer> {
  const producer = log.sharing.producer({
    transactionalId: id,
    transactionTimeout: TRANSACTION_MS,
    createPartitioner: kafka.Partitioners.DefaultPartitioner,
  })
  await log.call('opening a producer', () => producer.connect())
  // The id is opened with the first transaction.
  let begun: KafkaTransaction | null = await log.call(
    `opening the transactional id ${id}`,
    () => producer.transaction(),
    id,
  )
  let open: KafkaTransaction | null = null
  return {
    begin: async () => {
      if (open !== null)
        throw new EventLogError(`transactional id ${id}: a transaction is open already; commit or abort it`)
      open = begun ?? (await log.call('beginning a transaction', () => producer.transaction(), id))
      begun = null
      return transactionOf(log, open, { id, compression }, () => {
        open = null
      })
    },
    close: async () => {
      await log.call('aborting a transaction', async () => open?.abort(), id).catch(() => undefined)
    },
  }
}
