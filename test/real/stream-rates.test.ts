// How fast the adapters are beside the bare clients, in the same run. What the pipeline makes of them: stock-rates.test.ts.

import { Client } from 'elasticsearch-7'
import kafka from 'kafkajs'
import { expect, test } from 'vitest'
import { openDocumentIndex } from '../../operators/document-index/open.ts'
import { openEventLog } from '../../operators/event-log/open.ts'
import { madeUpContext } from '../support/operator-context.ts'
import { compareRates, timed } from '../support/rates.ts'
import { onRealServers, sized } from '../support/real-servers.ts'

const BATCH = 1_000
const BATCHES = sized({ small: 20, full: 120 })
const ROUNDS = sized({ small: 3, full: 5 })
/** What the adapters' care may cost. */
const LEAST = 0.7

/** Rows like those of the stock pipeline. */
const rowOf = (i: number) => ({
  Code: String(i % 2_000).padStart(6, '0'),
  Name: `종목 ${i % 2_000}`,
  Market: 'KOSPI',
  Close: 50_000 + (i % 977),
  Marcap: 483_552_417_000_000 + i,
  Volume: i * 7,
  Date: '2020-12-30',
})
const rows = Array.from({ length: BATCH }, (_, i) => rowOf(i))

/** All batches, one after another. */
const inBatches = (put: (batch: number) => Promise<unknown>) =>
  timed(async () => {
    for (let batch = 0; batch < BATCHES; batch += 1) await put(batch)
  })
const comparison = { rows: BATCH * BATCHES, rounds: ROUNDS }

await onRealServers(['kafka3'], ({ kafka3 }) => {
  test('sending to Kafka costs little beside kafkajs alone', async () => {
    const servers = kafka3.endpoints['kafka'] ?? ''
    const extra = JSON.stringify({ 'bootstrap.servers': servers })
    const log = await openEventLog(
      madeUpContext({ embeddedRoot: '/nowhere', connections: [{ id: 'kafka_default', type: 'kafka', extra }] }),
    )
    const topic = `rates-${Date.now()}`
    await log.ensureTopic(topic, { partitions: 3, replicas: 3 })
    const records = rows.map((row) => ({ key: row.Code, value: JSON.stringify(row) }))

    const client = new kafka.Kafka({ brokers: servers.split(','), logLevel: kafka.logLevel.NOTHING })
    const bare = client.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: kafka.Partitioners.DefaultPartitioner,
    })
    await bare.connect()
    const producer = await log.producer()
    const ratio = await compareRates('Kafka', comparison, [
      ['kafkajs', inBatches(() => bare.send({ topic, messages: records, acks: -1 }))],
      ['the adapter', inBatches(() => producer.send(topic, records))],
    ])
    await bare.disconnect()
    await log.close()
    expect(ratio.get('the adapter')).toBeGreaterThan(LEAST)
  }, 300_000)
})

await onRealServers(['elasticsearch'], ({ elasticsearch }) => {
  test('putting documents into Elasticsearch costs little beside its client alone', async () => {
    const node = elasticsearch.endpoints['elasticsearch'] ?? ''
    const { hostname, port } = new URL(node)
    const connection = { id: 'elasticsearch_default', type: 'elasticsearch', host: hostname, port: Number(port) }
    const index = await openDocumentIndex(madeUpContext({ embeddedRoot: '/nowhere', connections: [connection] }))
    const fields = {
      Code: 'keyword',
      Name: 'text',
      Market: 'keyword',
      Close: 'long',
      Marcap: 'long',
      Volume: 'long',
      Date: 'date',
    } as const
    const names = [`rates-bare-${Date.now()}`, `rates-ours-${Date.now()}`] as const
    for (const name of names) await index.ensureIndex(name, { fields })

    const bare = new Client({ node })
    const idOf = (batch: number, i: number) => `${batch}:${i}`
    const ratio = await compareRates('Elasticsearch', comparison, [
      [
        'its client',
        inBatches(async (batch) => {
          const body = rows.flatMap((row, i) => [{ index: { _id: idOf(batch, i) } }, row])
          const answer = await bare.bulk<{ errors: boolean }>({ index: names[0], body })
          expect(answer.body.errors).toBe(false)
        }),
      ],
      [
        'the adapter',
        inBatches((batch) =>
          index.bulk(
            names[1],
            rows.map((source, i) => ({ id: idOf(batch, i), source })),
          ),
        ),
      ],
    ])
    for (const name of names) {
      await index.refresh(name)
      expect(await index.count(name)).toBe(BATCHES * BATCH)
      await index.deleteIndex(name)
    }
    await bare.close()
    await index.close()
    expect(ratio.get('the adapter')).toBeGreaterThan(LEAST)
  }, 300_000)
})
