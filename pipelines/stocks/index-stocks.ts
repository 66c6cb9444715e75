// The topic into the document index, by date and code: a message that cannot be used goes to the dead letters, and what was
// acknowledged is never read again. The counts of source, topic and index must agree in the end.

import { type DocumentIndex, type IndexedDocument, openDocumentIndex } from '../../operators/document-index/index.ts'
import {
  type Consumer,
  deadLetter,
  deadLetterTopic,
  type EventLog,
  type LogMessage,
  openEventLog,
  type Position,
} from '../../operators/event-log/index.ts'
import { getOperatorContext, type OperatorContext } from '../../sdk/index.ts'
import { REPLAY_HEADER, type ReplayedStocks } from './replay.ts'
import { publishStocks } from './reports.ts'
import { documentId, readStock, STOCK_FIELDS } from './rows.ts'

export interface IndexStocks {
  /** Default `kafka_default`. */
  readonly logConnId?: string
  /** Default `elasticsearch_default`; without it the embedded index in Postgres. */
  readonly connId?: string
  /** Default `stock-replay`. */
  readonly index?: string
  /** Messages a bulk request. Default 2,000. */
  readonly batch?: number
}

export type IndexedStocks = {
  readonly index: string
  /** Documents of this replay, as the index counts them. */
  readonly documents: number
}

interface Sorted {
  /** By id, with the message each came in. */
  readonly good: ReadonlyMap<string, { readonly document: IndexedDocument; readonly message: LogMessage }>
  readonly bad: readonly (readonly [LogMessage, string])[]
}

function parse(message: LogMessage): unknown {
  try {
    const value: unknown = JSON.parse(message.value?.toString('utf8') ?? '')
    return value
  } catch {
    return null
  }
}

/** A later message of an id replaces an earlier one of the same batch, as it would in the index. */
function sortMessages(messages: readonly LogMessage[]): Sorted {
  const good = new Map<string, { document: IndexedDocument; message: LogMessage }>()
  const bad: (readonly [LogMessage, string])[] = []
  for (const message of messages) {
    const value = parse(message)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      bad.push([message, 'the value is no JSON object'])
      continue
    }
    // Of an object every value can be made a text.
    const row = readStock(
      Object.fromEntries(Object.entries(value).map(([name, item]) => [name, item === null ? null : String(item)])),
    )
    if ('fault' in row) {
      bad.push([message, row.fault])
      continue
    }
    const id = documentId(row)
    const source = { ...row, Replay: message.headers[REPLAY_HEADER]?.toString('utf8') ?? '' }
    good.set(id, { message, document: { id, source } })
  }
  return { good, bad }
}

const GROUP = 'index_stocks'

interface Work {
  readonly op: OperatorContext
  readonly log: EventLog
  readonly index: DocumentIndex
  readonly name: string
  readonly topic: string
  readonly group: string
}

interface Counted {
  read: number
  written: number
  rejected: number
}

/** Bad messages and the offsets behind them in one transaction: a message is in the dead letters once. */
async function bury({ log, topic, group }: Work, bad: Sorted['bad'], positions: readonly Position[]): Promise<void> {
  const producer = await log.transactions(`${group}/dead-letters/${topic}`)
  try {
    const transaction = await producer.begin()
    await transaction.send(
      deadLetterTopic(topic),
      bad.map(([message, reason]) => deadLetter(message, reason)),
    )
    await transaction.storeOffsets(group, positions)
    await transaction.commit()
  } finally {
    await producer.close()
  }
}

/** A poll's messages, and where the reader stood behind them. */
interface Polled {
  readonly sorted: Sorted
  readonly read: number
  readonly positions: readonly Position[]
}

/** @returns the messages that cannot be used, with reasons */
async function putBatch(work: Work, { sorted: { good, bad }, read }: Polled, counted: Counted): Promise<Sorted['bad']> {
  const results = await work.index.bulk(
    work.name,
    [...good.values()].map(({ document }) => document),
  )
  const refused = results.flatMap((result) => {
    const known = result.outcome === 'rejected' ? good.get(result.id) : undefined
    return known === undefined || result.outcome !== 'rejected' ? [] : [[known.message, result.reason] as const]
  })
  const rejected = [...bad, ...refused]
  counted.read += read
  counted.rejected += rejected.length
  counted.written += read - rejected.length
  return rejected
}

/**
 * Puts batches in order while the next one is polled, and stores the positions of one while the next is put: waiting for each in turn
 * took two fifths of the time. What is stored never goes beyond what has been put.
 */
class Putter {
  readonly #work: Work
  readonly #consumer: Consumer
  readonly #counted: Counted
  #putting: Promise<void> = Promise.resolve()
  #storing: Promise<void> = Promise.resolve()

  constructor(work: Work, consumer: Consumer, counted: Counted) {
    this.#work = work
    this.#consumer = consumer
    this.#counted = counted
  }

  /** Resolves when the batch before has been put; rejects when it could not be. */
  async put(polled: Polled): Promise<void> {
    await this.#putting
    this.#putting = this.#putNow(polled)
    // It may fail while nobody waits for it; who calls next is told.
    this.#putting.catch(() => undefined)
  }

  /** All that was given is put and stored. */
  async end(): Promise<void> {
    await this.#putting
    await this.#storing
  }

  async #putNow(polled: Polled): Promise<void> {
    const rejected = await putBatch(this.#work, polled, this.#counted)
    await this.#storing
    this.#storing =
      rejected.length > 0 ? bury(this.#work, rejected, polled.positions) : this.#consumer.commit(polled.positions)
    this.#storing.catch(() => undefined)
  }
}

const isDone = (consumer: Consumer, ends: readonly number[]): boolean =>
  consumer.positions().every(({ partition, offset }) => offset >= (ends[partition] ?? 0))

/** Reads up to the ends that the replay told. Kafka's own marks stand at the ends of partitions: the position passes them. */
async function readAll(work: Work, ends: readonly number[], batch: number, fromStart: boolean): Promise<Counted> {
  const { op, log, topic, group } = work
  const counted: Counted = { read: 0, written: 0, rejected: 0 }
  const consumer = await log.consumer({ group, topics: [topic] })
  try {
    if (fromStart) for (const partition of ends.keys()) await consumer.seek(topic, partition, 'earliest')
    const putter = new Putter(work, consumer, counted)
    let idle = 0
    try {
      while (!isDone(consumer, ends) && idle < 10) {
        op.signal.throwIfAborted()
        const messages = await consumer.poll({ max: batch, waitMs: 1_000 })
        idle = messages.length === 0 ? idle + 1 : 0
        if (messages.length === 0) continue
        await putter.put({ sorted: sortMessages(messages), read: messages.length, positions: consumer.positions() })
      }
      await putter.end()
    } finally {
      // Whatever ended the reading, consumer and index are closed behind the last request.
      await putter.end().catch(() => undefined)
    }
    return counted
  } finally {
    await consumer.close()
  }
}

interface Done extends Counted {
  readonly documents: number
}

/**
 * Reads on from what is stored; if the index then lacks documents (it was deleted, or lost some), once more from the start:
 * documents are found by their ids, so nothing is doubled.
 */
async function fillIndex(work: Work, { ends, accepted, replay }: ReplayedStocks, batch: number): Promise<Done> {
  const count = async () => {
    await work.index.refresh(work.name)
    return work.index.count(work.name, { term: { field: 'Replay', value: replay } })
  }
  const first = await readAll(work, ends, batch, false)
  const documents = await count()
  if (documents >= accepted) return { ...first, documents }
  work.op.log.warn(
    { documents, accepted },
    'the index lacks documents of this replay: reading the topic from its start',
  )
  const again = await readAll(work, ends, batch, true)
  return { ...again, documents: await count() }
}

/** Indexes what a replay has put into the topic. Safe to repeat at any point. Call it inside a task. */
export async function indexStocks(replayed: ReplayedStocks, options: IndexStocks = {}): Promise<IndexedStocks> {
  const op = getOperatorContext('indexStocks')
  const { index: name = 'stock-replay', batch = 2_000 } = options
  const index = await openDocumentIndex(op, options.connId)
  const log = await openEventLog(op, options.logConnId)
  try {
    await index.ensureIndex(name, { fields: STOCK_FIELDS })
    // One group an index: another index reads the topic for itself.
    const work: Work = { op, log, index, name, topic: replayed.topic, group: `${GROUP}.${name}` }
    const { read, written, rejected, documents } = await fillIndex(work, replayed, batch)
    const counts = { rowsRead: read, rowsWritten: written, rowsRejected: rejected }
    if (read > 0) await op.record({ kind: 'event_log', target: `${replayed.topic} (read)`, ...counts })
    await publishStocks(op, index, name, replayed, documents)
    const target = `${index.name} ${name}`
    await op.record({ kind: 'index', target, rowsRead: replayed.accepted, rowsWritten: documents })
    op.log.info({ index: name, read, written, rejected, documents, expected: replayed.accepted }, 'indexed and counted')
    return { index: name, documents }
  } finally {
    await log.close()
    await index.close()
  }
}
