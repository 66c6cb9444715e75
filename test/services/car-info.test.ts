// The vehicles' stream on the embedded backends: the same ids in Postgres and in the lake, and the garbage in the dead letters.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openDuckDb, sqlText } from '../../operators/duckdb/session.ts'
import { deadLetterTopic, type EventLog, openEventLog } from '../../operators/event-log/index.ts'
import { openPostgres } from '../../operators/postgres/hook.ts'
import { upsertRows } from '../../operators/postgres/upsert.ts'
import { CAR_TOPIC, collectCars } from '../../pipelines/cars/consume.ts'
import { type CarPlan, countCars } from '../../pipelines/cars/generate.ts'
import { produceCars } from '../../pipelines/cars/produce.ts'
import { CarsDifferError, reconcileCars } from '../../pipelines/cars/reconcile.ts'
import { CAR_TABLE, carTableRow } from '../../pipelines/cars/schema.ts'
import { runInScope } from '../../sdk/context.ts'
import type { ConnectionResult } from '../../sdk/index.ts'
import { carPoint } from '../support/car-points.ts'
import { runSql } from '../support/launch-postgres.ts'
import {
  type MadeUp,
  madeUpContext,
  removeTemporaryFoldersAfterwards,
  runOf,
  temporaryFolder,
} from '../support/operator-context.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { sized } from '../support/real-servers.ts'
import { connectionOf } from './postgres-connection.ts'

removeTemporaryFoldersAfterwards()
let server: TestPostgres
let url: string
let embedded: ConnectionResult
let embeddedRoot: string
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())
beforeEach(async () => {
  url = await server.createDatabase()
  embedded = { ...connectionOf(url), id: 'embedded_postgres' }
  embeddedRoot = await temporaryFolder()
})

const START = new Date('2024-03-17T22:30:00Z')
/** From 07:30 in Seoul on for 5,000 seconds; what is late came from 06:00 on. */
const HOURS = ['06', '07', '08']
const PLAN: CarPlan = { seed: 1, cars: 50, perSecond: 1, start: START.getTime() }
const opOf = (more: Partial<MadeUp> = {}) => {
  const run = runOf(START, new Date(START.getTime() + 60_000))
  return madeUpContext({ embeddedRoot, connections: [embedded], run, ...more })
}
const produce = (points: number) => runInScope(opOf(), () => produceCars({ points }))
const until = { records: sized({ small: 1_000, full: 10_000 }), seconds: 0 }
/** Lines of the log behind which a run is stopped: one sink has the window, the other may not. */
const STAGES = ['window upserted', 'window is in the lake', 'an earlier try had begun this window: repeating it']
async function collect(more: Partial<MadeUp> = {}) {
  const op = opOf(more)
  return { op, window: await runInScope(op, () => collectCars({ until, idleSeconds: 0 })) }
}
/** A run that is stopped when its log says so. */
function collectUntil(stage: string) {
  const abort = new AbortController()
  const op = opOf({ signal: abort.signal })
  const { info } = op.log
  op.log.info = (...line: [object | string, string?]) => {
    Reflect.apply(info, op.log, line)
    if (line.includes(stage)) abort.abort(new Error('stopped'))
  }
  return runInScope(op, () => collectCars({ until, idleSeconds: 0 })).then((window) => {
    // It may have got so far that nothing was left to stop.
    abort.signal.throwIfAborted()
    return window
  })
}
async function collectAll() {
  const windows = []
  for (;;) {
    const { window } = await collect()
    if (window.rowsRead === 0) return windows
    windows.push(window)
  }
}
async function reconcile() {
  const op = opOf()
  return { op, result: await runInScope(op, () => reconcileCars()) }
}

const lakeFiles = async () => {
  const names = await readdir(join(embeddedRoot, 'lake'), { recursive: true }).catch(() => [])
  return names.filter((name) => name.endsWith('.parquet')).sort()
}
async function idsInLake(): Promise<readonly string[]> {
  const session = await openDuckDb({ threads: 1 })
  try {
    const files = (await lakeFiles()).map((name) => sqlText(join(embeddedRoot, 'lake', name)))
    const { rows } = await session.query(
      `select distinct dataId as id from read_parquet([${files.join(', ')}]) order by 1`,
    )
    return rows.map(({ id }) => String(id))
  } finally {
    session.close()
  }
}
const idsInTable = async () =>
  (await runSql(url, 'select data_id as id from car_info_table order by data_id collate "C"')).map(({ id }) =>
    String(id),
  )
async function withLog<T>(use: (log: EventLog) => Promise<T>): Promise<T> {
  const log = await openEventLog(opOf())
  try {
    return await use(log)
  } finally {
    await log.close()
  }
}
const deadLetters = () =>
  withLog(async (log) => {
    const reasons: string[] = []
    for await (const batch of log.readRange(deadLetterTopic(CAR_TOPIC), 0, 0, Number.MAX_SAFE_INTEGER))
      reasons.push(...batch.map(({ headers }) => String(headers['dlq.reason'])))
    return reasons
  })

describe('the vehicles’ stream', () => {
  test('stopped three times, has the same ids in Postgres and lake, and the garbage in the dead letters with its reason', async () => {
    const points = sized({ small: 5_000, full: 1_000_000 })
    await produce(points)
    for (const stage of STAGES) await expect(collectUntil(stage)).rejects.toThrow('stopped')
    const windows = await collectAll()
    expect(windows.reduce((sum, { rowsRead }) => sum + rowsRead, 0)).toBe(points)
    expect(windows.every(({ rowsRead }) => rowsRead === until.records)).toBe(true)
    expect(windows[0]).toMatchObject({ repeated: true })
    expect(windows.at(-1)).toMatchObject({ lag: 0 })
    const { distinctIds, garbage } = countCars(PLAN, points)
    const ids = await idsInTable()
    expect(ids).toHaveLength(distinctIds)
    expect(await idsInLake()).toEqual(ids)
    const reasons = await deadLetters()
    expect(reasons).toHaveLength(garbage)
    expect(reasons.every((reason) => /^(the value|dataId|vhcleLot|gpsUtcTime) /.test(reason))).toBe(true)
  })

  test('run again appends nothing to the topic, and an empty stream writes nothing', async () => {
    await produce(1_000)
    await produce(1_000)
    await collectAll()
    const files = await lakeFiles()
    const { op, window } = await collect()
    expect(window).toMatchObject({ rowsRead: 0, rowsWritten: 0, freshness: null })
    expect(op.effects.map(({ kind }) => kind)).toEqual(['event_log'])
    expect(await lakeFiles()).toEqual(files)
  })

  test('puts each record into the hour of its own time in Seoul, late ones too, in a bounded number of files', async () => {
    await produce(5_000)
    const windows = await collectAll()
    const byHour = new Map<string, number>()
    for (const name of await lakeFiles()) {
      const hour = name.slice(0, name.lastIndexOf('/'))
      byHour.set(hour, (byHour.get(hour) ?? 0) + 1)
    }
    expect([...byHour.keys()]).toEqual(HOURS.map((hh) => `car_info/dt=2024-03-18/hh=${hh}`))
    for (const count of byHour.values()) expect(count).toBeLessThanOrEqual(windows.length)
  })

  test('a window that is repeated, here because its group was set back, replaces its own files and rows', async () => {
    await produce(3_000)
    await collectAll()
    const [files, rows] = [await lakeFiles(), await runSql(url, 'select * from car_info_table order by 1')]
    await withLog(async (log) => {
      const consumer = await log.consumer({ group: 'car_info', topics: [CAR_TOPIC] })
      await consumer.commit([0, 1, 2].map((partition) => ({ topic: CAR_TOPIC, partition, offset: 0 })))
    })
    await collectAll()
    expect(await lakeFiles()).toEqual(files)
    expect(await runSql(url, 'select * from car_info_table order by 1')).toEqual(rows)
  })

  test('tells what each sink took', async () => {
    await produce(1_000)
    const { op, window } = await collect()
    const sums = new Map<string, number>()
    for (const { kind, rowsWritten } of op.effects) sums.set(kind, (sums.get(kind) ?? 0) + rowsWritten)
    expect(Object.fromEntries(sums)).toEqual({
      table: window.rowsWritten,
      lake: window.rowsWritten,
      event_log: window.rowsWritten,
    })
  })

  test('without Postgres writes nothing to the dead letters and moves no offset', async () => {
    await produce(1_000)
    await expect(collect({ connections: [] })).rejects.toThrow(/postgres_default/)
    expect(await deadLetters()).toEqual([])
    expect((await collect()).window).toMatchObject({ rowsRead: 1_000, repeated: true })
  })
})

describe('the comparison of the sinks', () => {
  test('of an empty deployment finds nothing to compare', async () => {
    expect((await reconcile()).result).toEqual({ hours: 0, postgres: 0, lake: 0, different: [] })
  })

  test('counts the same ids in each hour', async () => {
    await produce(5_000)
    await collectAll()
    const { op, result } = await reconcile()
    const { distinctIds } = countCars(PLAN, 5_000)
    expect(result).toEqual({ hours: HOURS.length, postgres: distinctIds, lake: distinctIds, different: [] })
    expect(op.reports.get('hours')?.rows.map((row) => [row[0], row[3]])).toEqual(
      HOURS.map((hh) => [`2024-03-18T${hh}:00:00+09:00`, 0]),
    )
  })

  test('fails with the hour that differs', async () => {
    await produce(2_000)
    await collectAll()
    await runSql(url, 'delete from car_info_table where data_id in (select max(data_id) from car_info_table)')
    const comparing = reconcile()
    await expect(comparing).rejects.toThrow(CarsDifferError)
    await expect(comparing).rejects.toThrow(/in 1 of \d+ hours, first 2024-03-18 0/)
  })
})

test('every point comes out of Postgres as it was read', async () => {
  const postgres = await openPostgres(opOf())
  try {
    const property = fc.asyncProperty(
      fc.uniqueArray(carPoint, { selector: ({ dataId }) => dataId, maxLength: 20 }),
      async (points) => {
        const rows = points.map(carTableRow)
        await postgres.run('drop table if exists points')
        await upsertRows(postgres, { table: 'points', columns: CAR_TABLE, key: ['data_id'], rows })
        const read = await postgres.query('select * from points')
        const byId = (a: readonly unknown[], b: readonly unknown[]) => (String(a[0]) < String(b[0]) ? -1 : 1)
        expect(read.map((row) => Object.values(row)).sort(byId)).toEqual([...rows].sort(byId))
      },
    )
    await fc.assert(property, { numRuns: 20 })
  } finally {
    await postgres.close()
  }
})
