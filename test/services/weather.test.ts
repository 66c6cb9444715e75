// The weather pipeline on the embedded index: each hour one document, whatever is asked again.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openDocumentIndex } from '../../operators/document-index/index.ts'
import {
  type CollectedWeather,
  type CollectWeather,
  collectDailyWeather,
  collectWeather,
  DAILY_WEATHER_INDEX,
  WEATHER_INDEX,
} from '../../pipelines/weather/collect.ts'
import { publishDailyWeather } from '../../pipelines/weather/daily-reports.ts'
import { publishWeather } from '../../pipelines/weather/reports.ts'
import { runInScope } from '../../sdk/context.ts'
import type { ConnectionResult, RunInfo } from '../../sdk/index.ts'
import { gatewayError, gatewayJsonError, serviceError } from '../../services/simulated/open-data/answers.ts'
import { generatedSource } from '../../services/simulated/weather/generated.ts'
import { HOUR, type ObservationSource } from '../../services/simulated/weather/observation.ts'
import { replaySource } from '../../services/simulated/weather/replay.ts'
import { startWeather, type WeatherOptions } from '../../services/simulated/weather/server.ts'
import { FakeClock } from '../support/clock.ts'
import {
  type MadeUp,
  madeUpContext,
  removeTemporaryFoldersAfterwards,
  runOf,
  temporaryFolder,
} from '../support/operator-context.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { describeRecorded } from '../support/recorded.ts'
import { recordedHalfYear } from '../support/recorded-weather.ts'
import { connectionOf } from './postgres-connection.ts'

removeTemporaryFoldersAfterwards()
let server: TestPostgres
let embedded: ConnectionResult
let embeddedRoot: string
const closing: (() => Promise<void>)[] = []
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())
beforeEach(async () => {
  embedded = { ...connectionOf(await server.createDatabase()), id: 'embedded_postgres' }
  embeddedRoot = await temporaryFolder()
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const SEOUL = { id: '108', name: '서울' }
const KEY = 'a/key+of=='
const runBetween = (start: string, end: string): RunInfo => runOf(new Date(start), new Date(end))
const ONE_HOUR = runBetween('2026-01-05T13:00:00+09:00', '2026-01-05T14:00:00+09:00')
const ONE_DAY = runBetween('2026-01-04T00:00:00+09:00', '2026-01-05T00:00:00+09:00')
/** Ten past two. */
const NOW = Date.parse('2026-01-05T14:10:00+09:00')

interface World {
  readonly clock: FakeClock
  collect(run?: RunInfo, options?: CollectWeather): Promise<CollectedWeather>
  collectDays(run?: RunInfo): Promise<CollectedWeather>
  readonly op: (more?: Partial<MadeUp>) => ReturnType<typeof madeUpContext>
  readonly ops: ReturnType<typeof madeUpContext>[]
  readonly asked: () => number
}

/** With a connection the service counts as the real one. */
async function worldOf(options: Partial<WeatherOptions> = {}, isLive = false): Promise<World> {
  const clock = new FakeClock(NOW)
  let asked = 0
  const weather = await startWeather({
    now: clock.now,
    ...(isLive && { key: KEY, until: 'yesterday' }),
    ...options,
    fault(query) {
      asked += 1
      return options.fault?.(query) ?? null
    },
  })
  closing.push(() => weather.close())
  const { hostname: host, port } = new URL(weather.url)
  const live = { id: 'open_data_kr_default', type: 'http', schema: 'http', host, port: Number(port) }
  const connections = [embedded, ...(isLive ? [{ ...live, password: encodeURIComponent(KEY) }] : [])]
  const variables = new Map([['weather_simulated_url', weather.url]])
  const op = (more: Partial<MadeUp> = {}) =>
    madeUpContext({ embeddedRoot, connections, variables, run: ONE_HOUR, ...more })
  const ops: ReturnType<typeof madeUpContext>[] = []
  const collect = (run: RunInfo = ONE_HOUR, more: CollectWeather = {}) => {
    const own = op({ run, taskId: 'weather_hourly' })
    ops.push(own)
    return runInScope(own, () => collectWeather(SEOUL, { clock, ...more }))
  }
  const collectDays = (run: RunInfo = ONE_DAY) =>
    runInScope(op({ run, taskId: 'weather_daily' }), () => collectDailyWeather(SEOUL, { clock }))
  return { clock, collect, collectDays, op, ops, asked: () => asked }
}

async function documentsIn({ op }: World, name = WEATHER_INDEX) {
  const index = await openDocumentIndex(op())
  const found: { readonly id: string; readonly source: Readonly<Record<string, unknown>> }[] = []
  for await (const batch of index.export(name)) found.push(...batch)
  await index.close()
  return found
}

const endOf = (work: Promise<unknown>) => work.then(() => null).catch((error: unknown) => error)

describe('an hour', () => {
  test('is a document by station and hour, in Seoul, with what was measured and nothing else', async () => {
    const world = await worldOf()
    expect(await world.collect()).toMatchObject({ station: '108', documents: 1, missing: 0, rejected: 0 })
    const [document] = await documentsIn(world)
    expect(document?.id).toBe('108:2026-01-05T13:00:00+09:00')
    expect(document?.source).toMatchObject({ station: '108', station_name: '서울', tm: '2026-01-05T13:00:00+09:00' })
    expect(typeof document?.source['temperature']).toBe('number')
    expect(document?.source).not.toHaveProperty('taQcflg')
    expect(world.ops[0]?.effects).toMatchObject([
      { kind: 'source', rowsRead: 1, rowsWritten: 1, rowsRejected: 0 },
      { kind: 'index', rowsRead: 1, rowsWritten: 1 },
    ])
  })

  test('that is collected again changes no document', async () => {
    const world = await worldOf()
    await world.collect()
    const before = await documentsIn(world)
    expect(await world.collect()).toMatchObject({ documents: 1 })
    expect(await documentsIn(world)).toEqual(before)
  })

  test('that does not exist yet is asked for again, and then stored', async () => {
    const world = await worldOf()
    world.clock.at = Date.parse('2026-01-05T13:00:20+09:00')
    expect(await endOf(world.collect())).toMatchObject({ name: 'TaskRescheduled', after: 40 })
    world.clock.at += 40_000
    expect(await world.collect()).toMatchObject({ documents: 1 })
  })

  test('of today waits for the end of the day where the service is the real one, and then hour by hour', async () => {
    const world = await worldOf({}, true)
    expect(await endOf(world.collect())).toMatchObject({ name: 'TaskRescheduled', after: 10 * 3_600 })
    world.clock.at = Date.parse('2026-01-06T00:10:00+09:00')
    expect(await world.collect()).toMatchObject({ documents: 1 })
  })

  test('with code 03 is asked for hour by hour, and given up three days after its day, as a failure', async () => {
    const world = await worldOf({ fault: () => serviceError('03', 'NO_DATA') }, true)
    world.clock.at = Date.parse('2026-01-08T23:30:00+09:00')
    expect(await endOf(world.collect())).toMatchObject({ name: 'TaskRescheduled', after: 3_600 })
    world.clock.at = Date.parse('2026-01-09T00:00:00+09:00')
    const error = await endOf(world.collect())
    expect(error).toMatchObject({ name: 'FailTask' })
    expect(String(error)).toContain('station 108 (서울) has no observation')
    expect(await documentsIn(world)).toEqual([])
  })
})

describe('a day', () => {
  test('is a document by station and day, and again changes none', async () => {
    const world = await worldOf()
    expect(await world.collectDays()).toMatchObject({ station: '108', documents: 1, missing: 0, wrongValues: 0 })
    const documents = await documentsIn(world, DAILY_WEATHER_INDEX)
    expect(documents.map(({ id }) => id)).toEqual(['108:2026-01-04'])
    expect(documents[0]?.source).toMatchObject({ day: '2026-01-04', tm: '2026-01-04T00:00:00+09:00' })
    expect(typeof documents[0]?.source['mean_temperature']).toBe('number')
    await world.collectDays()
    expect(await documentsIn(world, DAILY_WEATHER_INDEX)).toEqual(documents)
  })

  test.each([
    ['03', serviceError('03', 'NO_DATA')],
    ['99 of today', serviceError('99', '전날 자료까지 제공됩니다.')],
  ])('with code %s is asked for hour by hour, and given up three days after it', async (_name, fault) => {
    const world = await worldOf({ fault: () => fault }, true)
    expect(await endOf(world.collectDays())).toMatchObject({ name: 'TaskRescheduled', after: 3_600 })
    world.clock.at = Date.parse('2026-01-08T00:00:00+09:00')
    expect(await endOf(world.collectDays())).toMatchObject({ name: 'FailTask' })
    expect(await documentsIn(world, DAILY_WEATHER_INDEX)).toEqual([])
  })

  test('that is not over is not there yet, neither at the real service nor at the simulated one', async () => {
    const today = runBetween('2026-01-05T00:00:00+09:00', '2026-01-06T00:00:00+09:00')
    for (const isLive of [true, false]) {
      const world = await worldOf({}, isLive)
      expect(await endOf(world.collectDays(today))).toMatchObject({ name: 'TaskRescheduled' })
    }
  })

  test('with a key that is refused fails without a retry', async () => {
    const fault = () => gatewayError('30', 'SERVICE_KEY_IS_NOT_REGISTERED_ERROR')
    const world = await worldOf({ fault }, true)
    expect(await endOf(world.collectDays())).toMatchObject({ name: 'FailTask', cause: { name: 'OpenDataKeyError' } })
  })

  test('is in the tables of the day and of the last 30 days', async () => {
    const world = await worldOf()
    const run = runBetween('2026-01-01T00:00:00+09:00', '2026-01-05T00:00:00+09:00')
    const collected = await world.collectDays(run)
    const op = world.op({ taskId: 'publish', run })
    expect(await runInScope(op, () => publishDailyWeather([SEOUL], [collected]))).toEqual({ days: 4 })
    expect(op.reports.get('day')?.rows[0]?.[0]).toBe('서울 (108)')
    const rows = op.reports.get('last_30_days')?.rows ?? []
    expect([rows.length, rows[0]?.[1], rows.at(-1)?.[0]]).toEqual([30, null, '2026-01-04T00:00:00+09:00'])
    expect(rows.slice(-4).every(([, min, mean, max]) => Number(min) < Number(mean) && Number(mean) < Number(max))).toBe(
      true,
    )
    const lost = runInScope(world.op({ run }), () => publishDailyWeather([SEOUL], [{ ...collected, documents: 5 }]))
    await expect(lost).rejects.toThrow(/1 missing/)
  })
})

describe('a longer slot', () => {
  const DAY = runBetween('2026-01-05T00:00:00+09:00', '2026-01-06T00:00:00+09:00')

  test('of which hours are missing stores what is there and asks again', async () => {
    const world = await worldOf()
    expect(await endOf(world.collect(DAY))).toMatchObject({ name: 'TaskRescheduled' })
    expect(await documentsIn(world)).toHaveLength(15)
    world.clock.at = Date.parse('2026-01-06T00:10:00+09:00')
    expect(await world.collect(DAY)).toMatchObject({ documents: 24, missing: 0 })
  })

  test('with a gap that stays is told in the end', async () => {
    const whole = generatedSource(1)
    const source: ObservationSource = {
      name: 'one hour less',
      observations: (query) => whole.observations(query).filter(({ tm }) => tm !== '2026-01-05 07:00'),
    }
    const world = await worldOf({ source }, true)
    world.clock.at = Date.parse('2026-01-10T00:00:00+09:00')
    expect(await world.collect(DAY)).toMatchObject({ documents: 23, missing: 1 })
    expect(world.ops[0]?.lines.find(({ level }) => level === 'warn')?.message).toContain('a gap')
  })
})

describe('what the service sends wrongly', () => {
  const spoiled = (change: (row: Readonly<Record<string, string>>) => object): ObservationSource => {
    const whole = generatedSource(1)
    return {
      name: 'spoiled',
      // Some rows are no observations: that is the test.
      observations: (query) => whole.observations(query).map((row) => ({ ...row, ...change(row) })),
    }
  }

  test('is dropped value by value, and counted: a flag of 1, a text that is no number', async () => {
    const source = spoiled(() => ({
      ta: '-3.5',
      taQcflg: '1',
      hm: '--',
      ws: '0',
      wsQcflg: '0',
      rn: '',
      ts: '5',
      tsQcflg: '9',
    }))
    const world = await worldOf({ source })
    expect(await world.collect()).toMatchObject({ documents: 1, wrongValues: 2 })
    const [document] = await documentsIn(world)
    expect(document?.source).toMatchObject({ wind_speed: 0, wrong_values: 2 })
    for (const name of ['temperature', 'humidity', 'precipitation', 'ground_temperature'])
      expect(document?.source).not.toHaveProperty(name)
  })

  test.each([
    ['another station', { stnId: '109' }],
    ['another hour', { tm: '2026-01-05 12:00' }],
    ['no hour', { tm: '2026-01-05' }],
  ])('is no document and no success: a row of %s', async (_name, change) => {
    const world = await worldOf({ source: spoiled(() => change) })
    expect(await endOf(world.collect())).toMatchObject({ name: 'TaskRescheduled' })
    expect(world.ops[0]?.lines.some(({ message }) => message === 'a row of the service is rejected')).toBe(true)
    expect(await documentsIn(world)).toEqual([])
  })
})

describe('an error of the service ends the task', () => {
  test.each([
    [
      'a parameter, without a retry',
      serviceError('10', 'INVALID_REQUEST_PARAMETER_ERROR'),
      'FailTask',
      'OpenDataParameterError',
    ],
    [
      'a parameter, as XML',
      serviceError('10', 'INVALID_REQUEST_PARAMETER_ERROR', 'XML'),
      'FailTask',
      'OpenDataParameterError',
    ],
    [
      'the key, without a retry',
      gatewayError('30', 'SERVICE_KEY_IS_NOT_REGISTERED_ERROR'),
      'FailTask',
      'OpenDataKeyError',
    ],
    [
      'the key, as JSON with 403',
      gatewayJsonError('30', 'SERVICE_KEY_IS_NOT_REGISTERED_ERROR'),
      'FailTask',
      'OpenDataKeyError',
    ],
    [
      'the calls of the day',
      gatewayError('22', 'LIMITED_NUMBER_OF_SERVICE_REQUESTS_EXCEEDS_ERROR'),
      'RetryTask',
      'OpenDataQuotaError',
    ],
  ])('%s', async (_name, fault, ending, cause) => {
    const world = await worldOf({ fault: () => fault }, true)
    expect(await endOf(world.collect())).toMatchObject({ name: ending, cause: { name: cause } })
  })

  test('unknown, with the retries of the task', async () => {
    const world = await worldOf({ fault: () => serviceError('99', 'UNKNOWN_ERROR') }, true)
    expect(await endOf(world.collect())).toMatchObject({ name: 'OpenDataServerError', code: '99' })
  })

  test('when neither a connection nor a simulated service is there, with what to add', async () => {
    const world = await worldOf()
    const own = world.op({ variables: new Map() })
    await expect(runInScope(own, () => collectWeather(SEOUL))).rejects.toThrow(
      /add the connection open_data_kr_default/,
    )
  })
})

describe('the tables', () => {
  test('show each station now, the last 24 hours, and what is there', async () => {
    const world = await worldOf()
    const run = runBetween('2026-01-05T00:00:00+09:00', '2026-01-05T14:00:00+09:00')
    const collected = await world.collect(run)
    const op = world.op({ taskId: 'publish', run })
    const published = await runInScope(op, () => publishWeather([SEOUL], [collected]))
    expect(published).toEqual({ hours: 14 })
    expect(op.reports.get('now')?.rows.map((row) => row.slice(0, 2))).toEqual([
      ['서울 (108)', '2026-01-05T13:00:00+09:00'],
    ])
    const day = op.reports.get('last_24_hours')
    expect([day?.rows.length, day?.rows.at(-1)?.[0], day?.rows[0]?.[1]]).toEqual([
      24,
      '2026-01-05T13:00:00+09:00',
      null,
    ])
    expect(op.reports.get('stations')?.rows[0]?.slice(0, 5)).toEqual([
      '108',
      '서울',
      14,
      '2026-01-05T00:00:00+09:00',
      '2026-01-05T13:00:00+09:00',
    ])
  })

  test('are refused when the index has lost an hour', async () => {
    const world = await worldOf()
    const collected = await world.collect()
    const op = world.op({ taskId: 'publish' })
    await expect(runInScope(op, () => publishWeather([SEOUL], [{ ...collected, documents: 2 }]))).rejects.toThrow(
      /1 missing/,
    )
  })
})

describeRecorded('kma_asos', 'the recorded half year of station 108', () => {
  const HALF_YEAR = runBetween('2021-01-01T00:00:00+09:00', '2021-07-01T00:00:00+09:00')

  test('is 4,344 documents, with rain absent in 3,890, sun in 1,930, wind in 2 and ground temperature in 5; again it changes none', async () => {
    const world = await worldOf({ source: replaySource(recordedHalfYear()) }, true)
    expect(await world.collect(HALF_YEAR)).toEqual({
      station: '108',
      index: WEATHER_INDEX,
      documents: 4_344,
      missing: 0,
      rejected: 0,
      wrongValues: 0,
    })
    expect(world.asked()).toBe(5)
    const documents = await documentsIn(world)
    const absent = (name: string) => documents.filter(({ source }) => !(name in source)).length
    expect(documents).toHaveLength(4_344)
    expect([absent('precipitation'), absent('sunshine'), absent('wind_speed'), absent('ground_temperature')]).toEqual([
      3_890, 1_930, 2, 5,
    ])
    expect(documents.find(({ id }) => id === '108:2021-01-01T00:00:00+09:00')?.source).toMatchObject({
      temperature: -8.3,
      wind_speed: 1.8,
      humidity: 66,
    })
    const collected = await world.collect(HALF_YEAR)
    expect(await documentsIn(world)).toEqual(documents)
    const op = world.op({ taskId: 'publish', run: HALF_YEAR })
    await runInScope(op, () => publishWeather([SEOUL], [collected]))
    expect(op.reports.get('stations')?.rows[0]?.slice(5)).toEqual([3_890, 0])
    expect(HALF_YEAR.runAfter.getTime() - 4_344 * HOUR).toBe(HALF_YEAR.logicalDate?.getTime())
  })
})
