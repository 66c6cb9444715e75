// Pipeline C on the embedded event log and the embedded index: every row once, whatever is killed in between.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openDocumentIndex } from '../../operators/document-index/index.ts'
import { openEventLog } from '../../operators/event-log/index.ts'
import { indexStocks } from '../../pipelines/stocks/index-stocks.ts'
import { type ReplayStocks, replayStocks } from '../../pipelines/stocks/replay.ts'
import { searchStocks } from '../../pipelines/stocks/search.ts'
import { runInScope } from '../../sdk/context.ts'
import type { ConnectionResult } from '../../sdk/index.ts'
import { type HistoryServer, startHistory } from '../../services/simulated/stocks/server.ts'
import { eventually } from '../support/baram.ts'
import {
  type MadeUp,
  madeUpContext,
  removeTemporaryFoldersAfterwards,
  temporaryFolder,
} from '../support/operator-context.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { describeRecorded, recordedPath } from '../support/recorded.ts'
import { connectionOf } from './postgres-connection.ts'

removeTemporaryFoldersAfterwards()
let server: TestPostgres
let history: HistoryServer
let embedded: ConnectionResult
let embeddedRoot: string
beforeAll(async () => {
  server = await startTestPostgres()
  history = await startHistory()
})
afterAll(async () => {
  await history.close()
  await server.stop()
})
beforeEach(async () => {
  embedded = { ...connectionOf(await server.createDatabase()), id: 'embedded_postgres' }
  embeddedRoot = await temporaryFolder()
})

const opOf = (more: Partial<MadeUp> = {}) =>
  madeUpContext({
    embeddedRoot,
    variables: new Map([['stocks_simulated_url', history.url]]),
    ...more,
    connections: [embedded, ...(more.connections ?? [])],
  })
/** The history is a file of this test. */
const fileSource = (path: string): ConnectionResult => ({
  id: 'stocks_default',
  type: 'file',
  extra: JSON.stringify({ path }),
})

async function replay(more: Partial<MadeUp> = {}, options: ReplayStocks = {}) {
  const op = opOf({ taskId: 'stock_replay', ...more })
  const replayed = await runInScope(op, () => replayStocks(options))
  return { op, replayed }
}
async function index(replayed: Awaited<ReturnType<typeof replay>>['replayed']) {
  const op = opOf({ taskId: 'index_stocks' })
  return { op, indexed: await runInScope(op, () => indexStocks(replayed)) }
}
async function topicCount(topic: string): Promise<number> {
  const log = await openEventLog(opOf())
  const offsets = await log.offsets(topic)
  let n = 0
  for (const { partition, earliest, end } of offsets)
    for await (const batch of log.readRange(topic, partition, earliest, end)) n += batch.length
  await log.close()
  return n
}

const HEAD = 'Code,Name,Close,Marcap,Rank,Date,Dept'
const rowsOf = (n: number) =>
  Array.from({ length: n }, (_, i) => `${String(i).padStart(6, '0')},이름 ${i},${i}.0,${i}000.0,1,2020-01-02,`)
async function writeHistory(lines: readonly string[]): Promise<string> {
  const path = join(await temporaryFolder(), 'history.csv')
  await writeFile(path, `${[HEAD, ...lines].join('\n')}\n`)
  return path
}

// 128,878 rows twice over: a loaded machine takes its time.
describe('the replay', { timeout: 240_000 }, () => {
  test('of the generated history: 128,878 rows at source, topic, index and report', async () => {
    const { op, replayed } = await replay()
    expect(replayed).toMatchObject({
      rows: 128_878,
      accepted: 128_878,
      rejected: 0,
      firstDay: '1995-05-02',
      lastDay: '2020-12-30',
    })
    expect(replayed.closedDays).toBeGreaterThan(100)
    expect(op.effects.map((effect) => [effect.kind, effect.rowsRead, effect.rowsWritten])).toEqual([
      ['source', 128_878, 128_878],
      ['event_log', 128_878, 128_878],
    ])
    expect(await topicCount('Stock_Data')).toBe(128_878)
    const { op: second, indexed } = await index(replayed)
    expect(indexed.documents).toBe(128_878)
    expect(
      second.reports
        .get('counts')
        ?.rows.slice(0, 4)
        .map((row) => row[1]),
    ).toEqual([128_878, 128_878, 0, 128_878])
    expect(second.reports.get('top20')?.rows).toHaveLength(20)
    expect(second.reports.get('by_year')?.rows.reduce((sum, row) => sum + Number(row[1]), 0)).toBe(128_878)
  })

  test('run again appends nothing to the topic and nothing to the index', async () => {
    const connections = [fileSource(await writeHistory(rowsOf(2_500)))]
    const first = await replay({ connections }, { batch: 1_000 })
    await index(first.replayed)
    const again = await replay({ connections }, { batch: 1_000 })
    expect(again.replayed).toEqual(first.replayed)
    expect(await topicCount('Stock_Data')).toBe(2_500)
    expect((await index(again.replayed)).indexed.documents).toBe(2_500)
  })

  test('stopped in the middle goes on behind the last batch that is in the log', async () => {
    const connections = [fileSource(await writeHistory(rowsOf(3_000)))]
    const stop = new AbortController()
    const broken = replay({ connections, signal: stop.signal }, { batch: 500, perSecond: 2_000 })
    broken.catch(() => undefined)
    await eventually('rows in the topic', async () => (await topicCount('Stock_Data').catch(() => 0)) > 0)
    stop.abort(new Error('killed'))
    await expect(broken).rejects.toThrow(/killed/)
    const sofar = await topicCount('Stock_Data')
    expect([sofar > 0, sofar < 3_000, sofar % 500]).toEqual([true, true, 0])
    const { op, replayed } = await replay({ connections }, { batch: 500, perSecond: 2_000 })
    expect(replayed).toMatchObject({ rows: 3_000, accepted: 3_000 })
    expect(op.lines.some((line) => line.message.includes('going on behind them'))).toBe(true)
    expect(await topicCount('Stock_Data')).toBe(3_000)
    expect((await index(replayed)).indexed.documents).toBe(3_000)
  })

  test('puts what is no row into the dead letters, with the reason, once', async () => {
    const bad = ['00593,short code,1,1,1,2020-01-02,', '005930,no day,1,1,1,2020-13-02,', '005930,,1,1,1,2020-01-02,']
    const connections = [fileSource(await writeHistory([...rowsOf(10), ...bad]))]
    const { op, replayed } = await replay({ connections })
    await replay({ connections })
    expect(replayed).toMatchObject({ rows: 13, accepted: 10, rejected: 3 })
    expect(op.effects.at(-1)).toMatchObject({ rowsRead: 13, rowsWritten: 10, rowsRejected: 3 })
    expect(await topicCount('Stock_Data.dlq')).toBe(3)
    expect((await index(replayed)).indexed.documents).toBe(10)
  })

  test('of a file without the columns, or without rows, says what is missing', async () => {
    const path = join(await temporaryFolder(), 'other.csv')
    await writeFile(path, 'a,b\n1,2\n')
    await expect(replay({ connections: [fileSource(path)] })).rejects.toThrow(
      /lacks the columns Code, Name, Close, Marcap, Rank, Date; it has a, b/,
    )
    await expect(replay({ connections: [fileSource(await writeHistory([]))] })).rejects.toThrow(
      /has no row of rank 1 to 20/,
    )
    await expect(replay({ connections: [fileSource('/nowhere/x.csv')] })).rejects.toThrow(/does not exist on this host/)
  })
})

describe('the index', () => {
  test('gets what others put into the topic: bad messages go to the dead letters, the rest is counted', async () => {
    const connections = [fileSource(await writeHistory(rowsOf(100)))]
    const { replayed } = await replay({ connections })
    const log = await openEventLog(opOf())
    const producer = await log.producer()
    await producer.send('Stock_Data', [{ value: '{not json' }, { value: '[1]' }, { value: '{"Code":"1"}' }])
    await producer.close()
    const ends = (await log.offsets('Stock_Data')).map(({ end }) => end)
    await log.close()
    const { op, indexed } = await index({ ...replayed, ends })
    expect(indexed.documents).toBe(100)
    expect(op.effects[0]).toMatchObject({ rowsRead: 103, rowsWritten: 100, rowsRejected: 3 })
    expect(await topicCount('Stock_Data.dlq')).toBe(3)
    await index({ ...replayed, ends })
    expect(await topicCount('Stock_Data.dlq')).toBe(3)
  })

  test('that was deleted is filled again from the topic', async () => {
    const { replayed } = await replay({ connections: [fileSource(await writeHistory(rowsOf(300)))] })
    await index(replayed)
    const documents = await openDocumentIndex(opOf())
    await documents.deleteIndex('stock-replay')
    await documents.close()
    expect((await index(replayed)).indexed.documents).toBe(300)
  })

  test('that lost a document fails with the numbers', async () => {
    const { replayed } = await replay({ connections: [fileSource(await writeHistory(rowsOf(50)))] })
    await expect(index({ ...replayed, accepted: 51 })).rejects.toThrow(
      /51 rows read, but 50 written and 0 rejected: 1 missing/,
    )
  })

  test('is searched by conditions, and exported beyond what a page shows', async () => {
    const { replayed } = await replay({ connections: [fileSource(await writeHistory(rowsOf(1_500)))] })
    await index(replayed)
    const asked = {
      code: '',
      name: '',
      from: '2020-01-01',
      to: '2020-01-02',
      minMarcapTrillion: 0,
      mostRank: 20,
      csv: true,
    }
    const op = opOf({ taskId: 'search' })
    const all = await runInScope(op, () => searchStocks(asked))
    expect([all.total, all.shown, op.effects.at(-1)?.rowsWritten]).toEqual([1_500, 1_000, 1_500])
    const one = await runInScope(opOf(), () => searchStocks({ ...asked, code: '000007', csv: false }))
    expect([one.total, one.csv]).toEqual([1, null])
  })

  test('that nobody filled says which DAG does', async () => {
    const asked = { code: '', name: '', from: '', to: '', minMarcapTrillion: 0, mostRank: 20, csv: false }
    await expect(runInScope(opOf(), () => searchStocks(asked))).rejects.toThrow(/run/)
  })
})

describeRecorded('marcap', 'the recorded years', () => {
  test('2021, 2023 and 2025: 1,760 real rows at source, topic, index and report', async () => {
    const paths = ['top20_2021.csv', 'top20_2023.csv', 'top20_2025.csv']
    let rows = 0
    for (const name of paths) {
      const { replayed } = await replay({ connections: [fileSource(recordedPath('marcap', name))] })
      const { indexed } = await index(replayed)
      expect([name, indexed.documents]).toEqual([name, replayed.rows])
      rows += indexed.documents
    }
    expect([rows, await topicCount('Stock_Data')]).toEqual([1_760, 1_760])
    const documents = await openDocumentIndex(opOf())
    expect(await documents.count('stock-replay')).toBe(1_760)
    const samsung = await documents.get('stock-replay', '2021-01-04:005930')
    expect(samsung).toMatchObject({ Name: '삼성전자', Marcap: 495_491_951_650_000, Dept: null })
    await documents.close()
  })
})
