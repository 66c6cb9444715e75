// Pipeline C, "accept when": the DAG file unchanged, through the real scheduler and worker, on Kafka ×3 and Elasticsearch.

import kafka from 'kafkajs'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type HistoryServer, startHistory } from '../../services/simulated/stocks/server.ts'
import { eventually } from '../support/baram.ts'
import { type Pipelines, type RealConnection, startPipelines } from '../support/real-pipelines.ts'
import { onRealServers, sized } from '../support/real-servers.ts'
import { recordedNames, recordedPath } from '../support/recorded.ts'

const ROWS = 128_878
const INDEX = 'stock-replay'

await onRealServers(['kafka3', 'elasticsearch'], ({ kafka3, elasticsearch }) => {
  const servers = kafka3.endpoints['kafka'] ?? ''
  const node = elasticsearch.endpoints['elasticsearch'] ?? ''
  const { hostname, port } = new URL(node)
  const connections: RealConnection[] = [
    { id: 'kafka_default', type: 'kafka', extra: { 'bootstrap.servers': servers } },
    { id: 'elasticsearch_default', type: 'elasticsearch', host: hostname, port: Number(port) },
  ]
  const client = new kafka.Kafka({ brokers: servers.split(','), logLevel: kafka.logLevel.NOTHING })
  let history: HistoryServer
  const open: Pipelines[] = []
  beforeAll(async () => {
    history = await startHistory()
  })
  afterEach(async () => {
    for (const pipelines of open.splice(0)) await pipelines.stop()
  })
  afterAll(() => history.close())

  async function start(source: RealConnection | null): Promise<Pipelines> {
    await forget()
    const variables = source === null ? { stocks_simulated_url: history.url } : {}
    const more = source === null ? [] : [source]
    const pipelines = await startPipelines(['stock_replay.ts'], [...connections, ...more], variables)
    open.push(pipelines)
    return pipelines
  }

  /** Topic, groups and index of an earlier test. */
  async function forget(): Promise<void> {
    const admin = client.admin()
    await admin.connect()
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith('Stock_Data'))
    if (topics.length > 0) await admin.deleteTopics({ topics })
    await eventually(
      'the topics to go',
      async () => !(await admin.listTopics()).some((topic) => topic.startsWith('Stock_Data')),
    )
    const groups = (await admin.listGroups()).groups.map(({ groupId }) => groupId)
    await admin.deleteGroups(groups.filter((id) => id.includes('stock')))
    await admin.disconnect()
    await fetch(`${node}/${INDEX}`, { method: 'DELETE' })
  }

  /** Counted by kafkajs's own consumer, which shares nothing with our reader. */
  async function countTopic(expected: number): Promise<number> {
    const consumer = client.consumer({ groupId: `count-stock-${Date.now()}` })
    await consumer.connect()
    try {
      await consumer.subscribe({ topic: 'Stock_Data', fromBeginning: true })
      const seen = new Set<string>()
      let doubled = 0
      await consumer.run({
        eachBatch: async ({ batch }) => {
          for (const { value } of batch.messages) {
            const { Date: day, Code } = JSON.parse(String(value)) as { Date: string; Code: string }
            if (seen.has(`${day}:${Code}`)) doubled += 1
            seen.add(`${day}:${Code}`)
          }
        },
      })
      await expect.poll(() => seen.size, { timeout: 120_000, interval: 250 }).toBeGreaterThanOrEqual(expected)
      expect(doubled).toBe(0)
      return seen.size
    } finally {
      await consumer.disconnect()
    }
  }
  async function countIndex(): Promise<number> {
    await fetch(`${node}/${INDEX}/_refresh`, { method: 'POST' })
    const answer = (await (await fetch(`${node}/${INDEX}/_count`)).json()) as { count: number }
    return answer.count
  }
  async function countReport({ baram }: Pipelines): Promise<readonly unknown[]> {
    const [row] = await baram.query<{ rows: unknown[][] }>(
      "select body -> 'rows' as rows from report where name = 'counts' order by dag_run_id desc",
    )
    return (row?.rows ?? []).slice(0, 4).map((cells) => cells[1])
  }

  test.skipIf(recordedNames('marcap').length === 0)(
    'the 1,760 real rows of 2021, 2023 and 2025 are at source, topic, index and report',
    async () => {
      const extra = { path: recordedPath('marcap', 'top20_2021.csv') }
      const pipelines = await start({ id: 'stocks_default', type: 'file', extra })
      let sum = 0
      for (const name of ['top20_2021.csv', 'top20_2023.csv', 'top20_2025.csv']) {
        await pipelines.baram.dagctl('connections', 'delete', 'stocks_default')
        const added = await pipelines.baram.dagctl(
          ...['connections', 'add', 'stocks_default', '--conn-type', 'file'],
          ...['--conn-extra', JSON.stringify({ path: recordedPath('marcap', name) })],
        )
        expect(added).toMatchObject({ code: 0 })
        expect(await pipelines.run('stock_replay')).toMatchObject({ state: 'success' })
        sum += Number((await countReport(pipelines))[3])
      }
      const numbers = { reports: sum, topic: await countTopic(1_760), index: await countIndex() }
      console.log('pipeline C, recorded rows:', numbers)
      expect(numbers).toEqual({ reports: 1_760, topic: 1_760, index: 1_760 })
    },
    300_000,
  )

  test('the generated 128,878 rows are at source, topic, index and report, with the worker killed on the way', async () => {
    const pipelines = await start(null)
    const run = await pipelines.begin('stock_replay')
    const kills = sized({ small: 1, full: 3 })
    for (let i = 0; i < kills; i += 1) {
      const least = ((i + 1) * ROWS) / (kills + 2)
      await eventually('rows in the topic', async () => (await endOffsets(client)) > least, 120_000)
      pipelines.worker.kill('SIGKILL')
      pipelines.worker = await pipelines.baram.start('worker')
    }
    expect(await pipelines.end(run)).toBe('success')
    const [tries] = await pipelines.baram.query<{ n: number }>(
      "select max(try_number)::int as n from task_instance where dag_id = 'stock_replay'",
    )
    const numbers = { report: await countReport(pipelines), topic: await countTopic(ROWS), index: await countIndex() }
    console.log(`pipeline C, generated rows, ${kills} kills, ${tries?.n} tries at most:`, numbers)
    expect(numbers).toEqual({ report: [ROWS, ROWS, 0, ROWS], topic: ROWS, index: ROWS })
    const again = await pipelines.run('stock_replay')
    expect(again.state).toBe('success')
    expect([await countTopic(ROWS), await countIndex()]).toEqual([ROWS, ROWS])
  }, 600_000)
})

/** Records and Kafka's own marks; 0 while there is no topic. */
async function endOffsets(client: kafka.Kafka): Promise<number> {
  const admin = client.admin()
  await admin.connect()
  try {
    const offsets = await admin.fetchTopicOffsets('Stock_Data').catch(() => [])
    return offsets.reduce((sum, { offset }) => sum + Number(offset), 0)
  } finally {
    await admin.disconnect()
  }
}
