// Streams: a window beside what its parts take alone, in the same run. With `--kafka host:port` also Kafka beside bare kafkajs.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { consumeWindow, openEventLog } from '../dist/operators/event-log/index.js'
import { lakeSink, postgresSink } from '../dist/operators/window-sinks/index.js'
import { collectCars, parseCar } from '../dist/pipelines/cars/consume.js'
import { generateCar } from '../dist/pipelines/cars/generate.js'
import { CAR_COLUMNS, CAR_TABLE, carParquetRow, carTableRow } from '../dist/pipelines/cars/schema.js'
import { collectOrders } from '../dist/pipelines/orders/consume.js'
import { generateOrder } from '../dist/pipelines/orders/generate.js'
import { runInScope } from '../dist/sdk/context.js'

const WINDOW = 10_000
const WINDOWS = 6
const START = Date.parse('2024-03-18T00:00:00+09:00')
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** What an attempt would have; nothing of it is measured. */
function contextOf(embeddedRoot, connections) {
  const ignore = async () => undefined
  const get = async (id) => connections.find((one) => one.id === id) ?? null
  return {
    dagId: 'bench',
    taskId: 'stream',
    runId: `bench-${process.pid}`,
    tryNumber: 1,
    mapIndex: -1,
    signal: new AbortController().signal,
    embeddedRoot,
    triedAt: new Date(),
    firstTriedAt: new Date(),
    rescheduleCount: 0,
    run: { fence: `bench-${process.pid}` },
    log: quiet,
    client: { getConnection: get, getConnectionOrThrow: get },
    record: ignore,
    publish: ignore,
  }
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]
async function timed(work) {
  const began = performance.now()
  const value = await work()
  return { seconds: (performance.now() - began) / 1_000, value }
}
const rssMb = () => process.memoryUsage.rss() / 1e6

async function fill(op, topic, count, record) {
  const log = await openEventLog(op)
  await log.ensureTopic(topic, { partitions: 3, retentionMs: -1 })
  const producer = await log.producer()
  for (let from = 0; from < count; from += 5_000)
    await producer.send(
      topic,
      Array.from({ length: Math.min(5_000, count - from) }, (_, i) => record(from + i)),
    )
  await producer.close()
  await log.close()
}

const carRecord = (n) => {
  const { key, value } = generateCar({ seed: 1, cars: 200, perSecond: 100, start: START }, n)
  return { key, value }
}
const orderRecord = (n) => {
  const { key, value, timestamp } = generateOrder({ seed: 1, perDay: 200_000, start: START }, n)
  return { key, value, timestamp }
}

const until = { records: WINDOW, seconds: 0 }
const taken = { name: 'nowhere', put: async (_, { records }) => ({ written: records.length }) }

/** Seconds of each window. */
async function drain(op, consume) {
  const seconds = []
  for (;;) {
    const window = await timed(() => runInScope(op, consume))
    if (window.value.rowsRead === 0) return seconds
    if (window.value.rowsRead === WINDOW) seconds.push(window.seconds)
  }
}

/** The same rows by COPY and one upsert, in one transaction, and nothing else. */
async function bareUpserts(url) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const columns = Object.keys(CAR_TABLE)
  await client.query(
    `create table bare_cars (${Object.entries(CAR_TABLE)
      .map(([name, type]) => `${name} ${type}`)
      .join(', ')}, primary key (data_id))`,
  )
  const seconds = []
  for (let window = 0; window < WINDOWS; window += 1) {
    const points = Array.from({ length: WINDOW }, (_, i) => carRecord(window * WINDOW + i))
      .map(({ value }) => parseCar({ value: Buffer.from(value) }))
      .flatMap((read) => ('value' in read ? [read.value] : []))
    const byId = new Map(points.map((point) => [point.dataId, carTableRow(point)]))
    const text = [...byId.values()].map((row) => `${row.map((cell) => cell ?? '\\N').join('\t')}\n`).join('')
    const took = await timed(async () => {
      await client.query('begin')
      await client.query('create temporary table staging (like bare_cars) on commit drop')
      const stream = client.query(copyFrom('copy staging from stdin'))
      await new Promise((resolve, reject) => stream.on('finish', resolve).on('error', reject).end(text))
      await client.query(
        `insert into bare_cars select * from staging on conflict (data_id) do update set ${columns.map((name) => `${name} = excluded.${name}`).join(', ')}`,
      )
      await client.query('commit')
    })
    seconds.push(took.seconds)
  }
  await client.end()
  return seconds
}

const rate = (seconds) => Math.round(WINDOW / median(seconds)).toLocaleString('en')

async function measureEmbedded(url, add) {
  const root = mkdtempSync(join(tmpdir(), 'baram-bench-streams-'))
  const { host, port, user, password, database } = new pg.Client({ connectionString: url })
  const connection = { id: 'postgres_default', type: 'postgres', host, port, login: user, password, schema: database }
  const op = contextOf(root, [connection])
  try {
    await fill(op, 'car_info', WINDOW * WINDOWS, carRecord)
    await fill(op, 'orders', WINDOW * WINDOWS, orderRecord)
    const read = await drain(op, () =>
      consumeWindow({ topic: 'car_info', group: 'read', until, idleSeconds: 0, parse: parseCar, sinks: [taken] }),
    )
    add('window of 10,000, embedded log to nowhere', `${median(read).toFixed(2)} s`, '–', `${rate(read)} rows/s`)
    const bare = await bareUpserts(url)
    const alone = async (name, sink) => {
      const options = { topic: 'car_info', group: name, until, idleSeconds: 0, parse: parseCar, sinks: [sink] }
      return drain(op, () => consumeWindow(options))
    }
    const table = { table: 'only_cars', columns: CAR_TABLE, key: ['data_id'], row: carTableRow }
    const toTable = await alone('table', postgresSink(table))
    add(
      'window of 10,000 cars → Postgres by key',
      `${median(toTable).toFixed(2)} s, ${rate(toTable)} rows/s`,
      '15,000/s',
      `bare COPY + upsert ${rate(bare)} rows/s`,
    )
    const files = { folder: '/only', columns: CAR_COLUMNS, row: carParquetRow, time: (car) => car.gpsUtcTime }
    const toLake = await alone('lake', lakeSink(files))
    add('window of 10,000 cars → Parquet by hour', `${median(toLake).toFixed(2)} s, ${rate(toLake)} rows/s`, '–', '')
    const before = rssMb()
    const cars = await drain(op, () => collectCars({ until, idleSeconds: 0 }))
    add(
      'window of 10,000 cars → Postgres + Parquet',
      `${median(cars).toFixed(2)} s, ${rate(cars)} rows/s`,
      '1 s',
      '20 fields, both sinks at once',
    )
    const orders = await drain(op, () => collectOrders({ until, idleSeconds: 0 }))
    add(
      'window of 10,000 orders → state + Parquet',
      `${median(orders).toFixed(2)} s, ${rate(orders)} rows/s`,
      '1 s',
      '',
    )
    add(
      'memory of the windows, MB',
      `${Math.round(rssMb() - before)} after ${(2 * WINDOW * WINDOWS).toLocaleString('en')} records`,
      '–',
      `whole process ${Math.round(rssMb())}`,
    )
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

/** kafkajs alone: its consumer reads, and nothing is parsed, checked or stored. Rows/s after its first batch, which joining delays. */
async function bareKafka(brokers, topic, count) {
  const client = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING })
  const consumer = client.consumer({ groupId: `bare-${Date.now()}` })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  let first
  let seen = 0
  const last = await new Promise((resolve) => {
    void consumer.run({
      eachBatch: async ({ batch }) => {
        seen += batch.messages.length
        first ??= { at: performance.now(), seen }
        if (seen >= count) resolve(performance.now())
      },
    })
  })
  await consumer.disconnect()
  return ((count - first.seen) * 1_000) / (last - first.at)
}

async function measureKafka(servers, add) {
  const extra = JSON.stringify({ 'bootstrap.servers': servers })
  const op = contextOf('/nowhere', [{ id: 'kafka_default', type: 'kafka', extra }])
  const topic = `bench-${Date.now()}`
  const count = WINDOW * WINDOWS
  await fill(op, topic, count, carRecord)
  const bare = await bareKafka(servers.split(','), topic, count)
  const seconds = await drain(op, () =>
    consumeWindow({
      ...{ topic, group: topic, until: { records: WINDOW, seconds: 1 }, idleSeconds: 0 },
      ...{ parse: ({ value }) => ({ value }), sinks: [taken] },
    }),
  )
  const ours = WINDOW / median(seconds)
  add(
    'consumeWindow from Kafka, rows/s',
    `${Math.round(ours).toLocaleString('en')}, ${Math.round((100 * ours) / bare)} %`,
    '70 %',
    `kafkajs alone ${Math.round(bare).toLocaleString('en')}`,
  )
}

/** @param url of a Postgres with rights to make tables */
export async function measureStreams({ url, kafka, add }) {
  await measureEmbedded(url, add)
  if (kafka === undefined)
    console.log('Kafka was not measured: start one (npm run services -- up kafka), and name it by --kafka host:port')
  else await measureKafka(kafka, add)
}
