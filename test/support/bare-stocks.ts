// What one would write without Baram to get the history into Kafka and from there into Elasticsearch: the bare clients, set to the
// same safety (idempotent, all replicas), with no position kept, no dead letters and no counts.

import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Client } from 'elasticsearch-7'
import kafka, { type Kafka, type KafkaMessage } from 'kafkajs'
import { documentId, type RawStock, readStock, type StockRow } from '../../pipelines/stocks/rows.ts'

/** Quotes are few: a line without one is cut at its commas. */
function cellsOf(line: string): readonly string[] {
  if (!line.includes('"')) return line.split(',')
  const cells = line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)
  return Array.from(cells, ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '')
}

/** Rows of the file, normalised by the product's own function: so that both send the same bytes. */
async function* rowsOf(path: string): AsyncGenerator<StockRow> {
  let names: readonly string[] | undefined
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const cells = cellsOf(line)
    if (names === undefined) {
      names = cells
      continue
    }
    const raw: RawStock = Object.fromEntries(names.map((name, i) => [name, cells[i] ?? '']))
    const row = readStock(raw)
    if ('fault' in row) throw new Error(`the generated history holds a bad row: ${row.fault}`)
    yield row
  }
}

export interface BareReplay {
  readonly path: string
  readonly topic: string
  /** Rows a send. */
  readonly batch: number
  /** The header that the product's messages carry, so that both send the same. */
  readonly header: Readonly<Record<string, string>>
}

/** @returns how many rows it sent */
export async function replayBare(client: Kafka, { path, topic, batch, header }: BareReplay): Promise<number> {
  const admin = client.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 3, replicationFactor: 3 }] })
  await admin.disconnect()
  const producer = client.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafka.Partitioners.DefaultPartitioner,
  })
  await producer.connect()
  let sent = 0
  let messages: { key: string; value: string; headers: Record<string, string> }[] = []
  const send = async () => {
    await producer.send({ topic, messages, acks: -1 })
    sent += messages.length
    messages = []
  }
  for await (const row of rowsOf(path)) {
    messages.push({ key: row.Code, value: JSON.stringify(row), headers: { ...header } })
    if (messages.length === batch) await send()
  }
  if (messages.length > 0) await send()
  await producer.disconnect()
  return sent
}

export interface BareIndexing {
  readonly topic: string
  readonly index: string
  /** Documents a bulk. */
  readonly batch: number
  /** When so many are in the index, it is done. */
  readonly rows: number
}

type StockDocument = StockRow & { readonly Replay: string }

async function put(elastic: Client, index: string, documents: readonly StockDocument[]): Promise<void> {
  const body = documents.flatMap((document) => [{ index: { _id: documentId(document) } }, document])
  const answer = await elastic.bulk<{ errors: boolean }>({ index, body })
  if (answer.body.errors) throw new Error('Elasticsearch refused a document')
}

function documentOf({ value, headers }: KafkaMessage): StockDocument {
  // What this test has sent itself.
  const row = JSON.parse(String(value)) as StockRow
  return { ...row, Replay: String(headers?.['replay']) }
}

/**
 * kafkajs's consumer group into bulks of the Elasticsearch client, offsets committed behind each. The index is there already.
 * @returns seconds from the first message to the refreshed index: joining the group, which takes kafkajs long, is not counted
 */
export async function indexBare(
  client: Kafka,
  elastic: Client,
  { topic, index, batch, rows }: BareIndexing,
): Promise<number> {
  const consumer = client.consumer({ groupId: `bare-${topic}-${index}` })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  let began = 0
  let indexed = 0
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
    const running = consumer.run({
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch: { messages }, resolveOffset, commitOffsetsIfNecessary }) => {
        if (began === 0) began = performance.now()
        for (let from = 0; from < messages.length; from += batch) {
          const some = messages.slice(from, from + batch)
          await put(elastic, index, some.map(documentOf))
          resolveOffset(some.at(-1)?.offset ?? '')
          await commitOffsetsIfNecessary()
          indexed += some.length
        }
        if (indexed >= rows) resolve()
      },
    })
    running.catch(reject)
  })
  await elastic.indices.refresh({ index })
  const seconds = (performance.now() - began) / 1_000
  await consumer.disconnect()
  return seconds
}
