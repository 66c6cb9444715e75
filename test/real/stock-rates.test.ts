// How fast `stock_replay` is, unpaced, beside the bare clients in the same run: what its two tasks call, whole, from opening the
// connections to the last count, with exactly-once, dead letters and reports.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'elasticsearch-7'
import kafka from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { indexStocks } from '../../pipelines/stocks/index-stocks.ts'
import { type ReplayedStocks, replayStocks } from '../../pipelines/stocks/replay.ts'
import { STOCK_FIELDS } from '../../pipelines/stocks/rows.ts'
import { type ConnectionResult, runInScope } from '../../sdk/context.ts'
import { generatedHistory } from '../../services/simulated/stocks/history.ts'
import { indexBare, replayBare } from '../support/bare-stocks.ts'
import { madeUpContext, removeTemporaryFoldersAfterwards, temporaryFolder } from '../support/operator-context.ts'
import { compareRates, timed } from '../support/rates.ts'
import { onRealServers, sized } from '../support/real-servers.ts'

/** Trading days of twenty rows, or a little less; the history has 6,507. */
const DAYS = sized({ small: 1_000, full: 6_507 })
const ROUNDS = sized({ small: 2, full: 5 })
/**
 * The part of the bare client's rate that must be left: 70 % of a whole history. A short one is mostly what a task does once,
 * whatever its size (connections, counts, reports).
 */
const LEAST = sized({ small: 0.5, full: 0.7 })

removeTemporaryFoldersAfterwards()

async function writeHistory(path: string): Promise<number> {
  const days: string[] = []
  for (const day of generatedHistory(1)) if (days.push(day) > DAYS) break
  await writeFile(path, days.join(''))
  return days.join('').split('\n').length - 2
}

await onRealServers(['kafka3', 'elasticsearch'], ({ kafka3, elasticsearch }) => {
  const servers = kafka3.endpoints['kafka'] ?? ''
  const node = elasticsearch.endpoints['elasticsearch'] ?? ''
  const { hostname, port } = new URL(node)
  const client = new kafka.Kafka({ brokers: servers.split(','), logLevel: kafka.logLevel.NOTHING })
  const elastic = new Client({ node })
  const name = `stock-rates-${Date.now()}`
  let root = ''
  let rows = 0
  const pathOf = () => join(root, 'history.csv')

  beforeAll(async () => {
    root = await temporaryFolder()
    rows = await writeHistory(pathOf())
  })
  afterAll(async () => {
    await elastic.indices.delete({ index: `${name}*` })
    await elastic.close()
    const admin = client.admin()
    await admin.connect()
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(name))
    await admin.deleteTopics({ topics })
    await admin.disconnect()
  })

  /** As a worker would run it. */
  function inTask<T>(call: () => Promise<T>): Promise<T> {
    const connections: readonly ConnectionResult[] = [
      { id: 'stocks_default', type: 'file', extra: JSON.stringify({ path: pathOf() }) },
      { id: 'kafka_default', type: 'kafka', extra: JSON.stringify({ 'bootstrap.servers': servers }) },
      { id: 'elasticsearch_default', type: 'elasticsearch', host: hostname, port: Number(port) },
    ]
    return runInScope(madeUpContext({ embeddedRoot: root, connections }), call)
  }

  let replayed: ReplayedStocks

  test('stock_replay puts the history into Kafka at no less than 70 % of the rate of kafkajs alone', async () => {
    const ratio = await compareRates('stock_replay into Kafka', { rows, rounds: ROUNDS }, [
      [
        'kafkajs',
        timed(async (round) => {
          const header = { replay: '0123456789abcdef-20-5000' }
          const sent = await replayBare(client, {
            path: pathOf(),
            topic: `${name}-bare-${round}`,
            batch: 5_000,
            header,
          })
          expect(sent).toBe(rows)
        }),
      ],
      [
        'replayStocks',
        timed(async (round) => {
          replayed = await inTask(() => replayStocks({ topic: `${name}-ours-${round}` }))
          expect(replayed).toMatchObject({ rows, accepted: rows })
        }),
      ],
    ])
    expect(ratio.get('replayStocks')).toBeGreaterThanOrEqual(LEAST)
  }, 600_000)

  test('and from there into Elasticsearch at no less than 70 % of the rate of its client alone', async () => {
    const ratio = await compareRates('stock_replay into Elasticsearch', { rows, rounds: ROUNDS }, [
      [
        'its client',
        async (round) => {
          const index = `${name}-bare-${round}`
          await elastic.indices.create({ index, body: definition })
          const told = await indexBare(client, elastic, { topic: replayed.topic, index, batch: 2_000, rows })
          expect((await elastic.count<{ count: number }>({ index })).body.count).toBe(rows)
          return told
        },
      ],
      [
        'indexStocks',
        timed(async (round) => {
          const { documents } = await inTask(() => indexStocks(replayed, { index: `${name}-ours-${round}` }))
          expect(documents).toBe(rows)
        }),
      ],
    ])
    expect(ratio.get('indexStocks')).toBeGreaterThanOrEqual(LEAST)
  }, 600_000)
})

/** The mapping of the product's index, made by hand. */
const definition = {
  settings: { number_of_shards: 1, number_of_replicas: 0 },
  mappings: {
    dynamic: 'strict',
    properties: Object.fromEntries(Object.entries(STOCK_FIELDS).map(([field, type]) => [field, { type }])),
  },
}
