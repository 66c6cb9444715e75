// Worlds of kill tests: what a work needs is made once, and each kill point gets a copy.

import { createHash } from 'node:crypto'
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openDocumentIndex, UnknownIndexError } from '../../operators/document-index/index.ts'
import {
  deadLetterTopic,
  type EventLog,
  type LogMessage,
  openEventLog,
  UnknownTopicError,
} from '../../operators/event-log/index.ts'
import { type LakeFile, uploadToLake } from '../../operators/lake/hdfs-upload.ts'
import { nameOf } from '../../operators/lake/paths.ts'
import { type WrittenFile, writeParquet } from '../../operators/parquet/write.ts'
import { generateCar } from '../../pipelines/cars/generate.ts'
import type { BestRow } from '../../pipelines/gmarket/columns.ts'
import { type GeneratedRecord, generateOrder } from '../../pipelines/orders/generate.ts'
import { REPLAY_HEADER, type ReplayedStocks } from '../../pipelines/stocks/replay.ts'
import { type ConnectionResult, type RunInfo, runInScope } from '../../sdk/context.ts'
import { connectionOf } from '../services/postgres-connection.ts'
import { runSql } from '../support/launch-postgres.ts'
import { temporaryFolder } from '../support/operator-context.ts'
import type { TestPostgres } from '../support/postgres.ts'
import { filesBelow, type Units } from './kill-everywhere.ts'
import { BATCH, contextOf, type Given, indexOf, NUMBERS, numbers, ROWS, toldOf, type World, work } from './works.ts'

const SOURCE = 'stocks_default'
const DATABASE = 'embedded_postgres'
/** The history a replay reads: below the root, so that each world has its own. */
const HISTORY = 'in/history.csv'
const historyOf = (root: string): ConnectionResult => ({
  id: SOURCE,
  type: 'file',
  extra: JSON.stringify({ path: join(root, HISTORY) }),
})

export const databaseOf = (url: string): ConnectionResult => ({ ...connectionOf(url), id: DATABASE })

export async function emptyWorld(more: Partial<World> = {}): Promise<World> {
  const root = await temporaryFolder()
  await mkdir(join(root, 'in'))
  return { root, name: 'sink', connections: [historyOf(root)], given: {}, ...more }
}

export interface Original {
  readonly world: World
  /** Of the world's database, where it has one. */
  readonly database?: { readonly server: TestPostgres; readonly url: string }
}

/** A copy of the folder and of the database. */
export async function copyOf({ world, database }: Original): Promise<World> {
  const root = await temporaryFolder()
  await cp(world.root, root, { recursive: true })
  const connections = [historyOf(root), ...world.connections.filter(({ id }) => id !== SOURCE && id !== DATABASE)]
  if (database !== undefined) connections.push(databaseOf(await database.server.copyDatabase(database.url)))
  return { ...world, root, connections }
}

/** Of the world's own database. */
export function urlOf({ connections }: World, server: TestPostgres): string {
  const name = connections.find(({ id }) => id === DATABASE)?.schema ?? ''
  return server.url.replace('@/baram?', `@/${name}?`)
}

export async function forget(world: World, { database }: Original): Promise<void> {
  await rm(world.root, { recursive: true, force: true })
  if (database !== undefined) await database.server.dropDatabase(urlOf(world, database.server))
}

/** A file into the lake, as an earlier task would have put it. */
export async function putFile(
  world: World,
  target: string,
  write: (path: string) => Promise<WrittenFile>,
): Promise<LakeFile> {
  const path = join(world.root, 'put', nameOf(target))
  await mkdir(join(world.root, 'put'), { recursive: true })
  const source = { file_name: nameOf(target), local_file_path: path, ...(await write(path)) }
  return runInScope(contextOf(world), () => uploadToLake(source, { target }))
}

export const putRows = (world: World, target: string, version: string): Promise<LakeFile> =>
  putFile(world, target, (path) => writeParquet({ path, columns: NUMBERS, rows: numbers(version), sortBy: ['n'] }))

/** Several chunks of a stream. */
const BYTES = 200_000

/** A scratch file for `upload`. */
export async function withBytes(world: World, version: string): Promise<World> {
  const bytes = Buffer.alloc(BYTES, `${version} bytes `)
  const name = 'data.bin'
  await mkdir(join(world.root, 'in'), { recursive: true })
  await writeFile(join(world.root, 'in', name), bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const file = { file_name: name, local_file_path: join('in', name), rows: 1, bytes: bytes.length, sha256 }
  return { ...world, given: { files: [file] } }
}

/** Uploads it. */
export const putBytes = (world: World): Promise<unknown> => work('upload', world, 1)

export const withGiven = (world: World, given: Given): World => ({ ...world, given })

/** Rows of a best list; a newer version has others, and one less. */
export function bestRows(run: RunInfo, category: string, version: string): readonly BestRow[] {
  const count = version === 'old' ? ROWS + 1 : ROWS
  return Array.from({ length: count }, (_, i) => ({
    slot: run.local.ts,
    category_code: category,
    category: `category ${category}`,
    rank: i + 1,
    title: i % 2 === 0 ? 'the same' : `${version} ${i}`,
    price: BigInt(i),
    list_price: null,
    discount_percent: null,
    goods_code: String(i),
    url: '',
    img: '',
  }))
}

/** All files of the world; but a killed contender for the event log's lock, whose name is random, is swept by the next writer. */
export async function allFiles({ root }: World): Promise<Readonly<Record<string, string>>> {
  const files = Object.entries(await filesBelow(root))
  return Object.fromEntries(files.filter(([name]) => !/^event-log\/lock\.[0-9a-f]{18}$/.test(name)))
}

/** What a reader of the embedded lake sees: hidden names are staging. */
export async function visibleFiles({ root }: World): Promise<Units> {
  const files = Object.entries(await filesBelow(join(root, 'lake')))
  return Object.fromEntries(files.filter(([name]) => !/(^|\/)[._]/.test(name) && !name.endsWith('/')))
}

const GOOD = 100
const BAD = 2

/** Rows of a source, the last ones unusable: two batches. */
export async function withHistory(world: World): Promise<World> {
  const good = Array.from({ length: GOOD }, (_, i) => `${String(i).padStart(6, '0')},name ${i},${i},${i},1,2020-01-02`)
  const bad = Array.from({ length: BAD }, (_, i) => `0000,bad ${i},1,1,1,2020-01-02`)
  const lines = ['Code,Name,Close,Marcap,Rank,Date', ...good, ...bad]
  await writeFile(join(world.root, HISTORY), `${lines.join('\n')}\n`)
  return { ...world, connections: [historyOf(world.root), ...world.connections.filter(({ id }) => id !== SOURCE)] }
}

async function withLog<T>(world: World, use: (log: EventLog) => Promise<T>): Promise<T> {
  const log = await openEventLog(contextOf(world))
  try {
    return await use(log)
  } finally {
    await log.close()
  }
}

async function messagesIn(log: EventLog, topic: string): Promise<readonly LogMessage[]> {
  const messages: LogMessage[] = []
  const offsets = await log.offsets(topic).catch((error: unknown) => {
    if (error instanceof UnknownTopicError) return []
    throw error
  })
  for (const { partition, earliest, end } of offsets)
    for await (const batch of log.readRange(topic, partition, earliest, end)) messages.push(...batch)
  return messages
}

/** The history is in the topic, with two messages of somebody else that are no rows. */
export async function withReplayed(world: World): Promise<World> {
  // What a replay told, as an XCom.
  const replayed = (await work('replay', world, 1)) as ReplayedStocks
  return withLog(world, async (log) => {
    const producer = await log.producer()
    await producer.send(world.name, [
      { value: '{not json', key: 'a' },
      { value: '[1]', key: 'b' },
    ])
    await producer.close()
    const ends = (await log.offsets(world.name)).map(({ end }) => end)
    return { ...world, given: { replayed: { ...replayed, ends } } }
  })
}

/**
 * The records of topic and dead letters. Offsets on Kafka have holes: what counts is the order, and among dead letters, which come of
 * several partitions, not even that.
 */
export const recordsIn = (world: World): Promise<unknown> =>
  withLog(world, async (log) => {
    const topics: Record<string, unknown> = {}
    for (const topic of [world.name, deadLetterTopic(world.name)]) {
      const records = (await messagesIn(log, topic)).map(({ partition, key, value, headers }) => [
        partition,
        key?.toString('utf8') ?? null,
        value?.toString('utf8') ?? null,
        Object.entries(headers).map(([name, bytes]) => `${name}=${bytes.toString('utf8')}`),
      ])
      topics[topic] = topic === world.name ? records : records.map((record) => JSON.stringify(record)).sort()
    }
    return topics
  })

/** Rows of the replay by batch, in which they come together or not at all. */
export const batchesIn = (world: World): Promise<Units> =>
  withLog(world, async (log) => {
    const batches: Record<string, string[]> = {}
    for (const { value, headers } of await messagesIn(log, world.name)) {
      if (headers[REPLAY_HEADER] === undefined) continue
      const row: unknown = JSON.parse(value?.toString('utf8') ?? '')
      const code = typeof row === 'object' && row !== null && 'Code' in row ? String(row.Code) : ''
      const batch = `batch ${Math.floor(Number(code) / BATCH)}`
      batches[batch] = [...(batches[batch] ?? []), code].sort()
    }
    const bad = (await messagesIn(log, deadLetterTopic(world.name))).length
    return bad === 0 ? batches : { ...batches, 'dead letters': bad }
  })

/** What the group of the index has stored, by partition. */
export const groupsIn = (world: World): Promise<unknown> =>
  withLog(world, (log) => log.storedOffsets(`index_stocks.${indexOf(world)}`, world.name))

/** Documents by id. */
export async function documentsIn(world: World): Promise<Units> {
  const index = await openDocumentIndex(contextOf(world))
  const documents: Record<string, unknown> = {}
  try {
    await index.refresh(indexOf(world))
    for await (const batch of index.export(indexOf(world))) for (const { id, source } of batch) documents[id] = source
    return documents
  } catch (error) {
    if (error instanceof UnknownIndexError) return {}
    throw error
  } finally {
    await index.close()
  }
}

/** Points of vehicles in the topic, of two hours: more than a window, with a late one, an id twice, and garbage. */
export async function withCars(world: World, points = 80): Promise<World> {
  await withLog(world, async (log) => {
    await log.ensureTopic(world.name, { partitions: 3 })
    // Each hour is a file, and each step of a file a point at which the test kills: two are enough.
    const plan = { seed: 1, cars: 5, perSecond: 1, start: Date.parse('2024-03-18T00:30:00Z') }
    const late = generateCar({ ...plan, seed: 2, start: plan.start - 3_600_000 }, 0)
    const records = [late, ...Array.from({ length: points }, (_, n) => generateCar(plan, n))]
    const producer = await log.producer()
    const [first, second] = [records.slice(0, 10), records.slice(10)]
    // What a window of 60 reads has all of it, whatever partitions it takes turns with.
    const garbage = ['{not json', '[1]', '{"dataId":"a"}'].map((value, i) => ({ key: `g${i}`, value }))
    await producer.send(world.name, [...first, ...first.slice(0, 3), ...garbage])
    await producer.send(world.name, second)
    await producer.close()
  })
  return world
}

/** Rows of a table, by key; none when it is not there. */
export async function rowsIn(url: string, table: string, key: string): Promise<Units> {
  const [there] = await runSql(url, `select to_regclass('${table}') is not null as there`)
  if (there?.['there'] !== true) return {}
  const rows = await runSql(url, `select ${key} as key, md5(t::text) as row from ${table} t`)
  return Object.fromEntries(rows.map((row) => [String(row['key']), row['row']]))
}

/** Dead letters, and where a group stands with its plan. */
export const streamIn = (world: World, group: string): Promise<unknown> =>
  withLog(world, async (log) => {
    const dead = (await messagesIn(log, deadLetterTopic(world.name))).map(({ value, headers }) => [
      value?.toString('utf8'),
      String(headers['dlq.reason']),
    ])
    const stored = []
    for (const name of ['', '.window-start', '.window-end', '.dead-letters'])
      stored.push(await log.storedOffsets(`${group}${name}`, world.name))
    return { dead, stored }
  })

/** Orders of two hours in the topic: more than a window, with one twice and garbage. */
export async function withOrders(world: World, orders = 80): Promise<World> {
  await withLog(world, async (log) => {
    await log.ensureTopic(world.name, { partitions: 3 })
    const plan = { seed: 1, perDay: 20_000, start: Date.parse('2024-03-18T00:00:00+09:00') }
    const records = Array.from({ length: orders }, (_, n) => generateOrder(plan, n * 8)).map(sentOf)
    const garbage = { key: 'g', value: '{not json', timestamp: plan.start }
    const producer = await log.producer()
    await producer.send(world.name, [...records.slice(0, 10), ...records.slice(0, 2), garbage])
    await producer.send(world.name, records.slice(10))
    await producer.close()
  })
  return world
}

const sentOf = ({ key, value, timestamp }: GeneratedRecord) => ({ key, value, timestamp })

/** Results in their topic, by key: each once. */
export const resultsIn = (world: World): Promise<Units> =>
  withLog(world, async (log) => {
    const told: Record<string, readonly string[]> = {}
    const messages = await messagesIn(log, toldOf(world)).catch(() => [])
    for (const { key, value } of messages) told[String(key)] = [...(told[String(key)] ?? []), String(value)]
    return told
  })
