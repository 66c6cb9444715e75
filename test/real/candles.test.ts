// Pipeline A, "accept when": the DAG files unchanged, through the real scheduler and worker, on real HDFS and Hive.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { CANDLE_COLUMNS } from '../../pipelines/upbit/candle.ts'
import { type Exchange, startExchange } from '../../services/simulated/upbit/exchange.ts'
import { replaySource } from '../../services/simulated/upbit/replay.ts'
import { eventually } from '../support/baram.ts'
import { realLake } from '../support/real-lake.ts'
import { type Pipelines, startPipelines } from '../support/real-pipelines.ts'
import { onRealServers, sized } from '../support/real-servers.ts'
import { recordedNames } from '../support/recorded.ts'
import { recordedMinutes2018 } from '../support/recorded-candles.ts'

const HOUR = 3_600_000
/** Small: two hours on either side of midnight in Seoul. Full: a day and two hours. All recorded, without a missing minute. */
const FIRST = Date.parse('2018-01-30T13:00:00Z')
const HOURS = sized({ small: 4, full: 26 })
const slots = Array.from({ length: HOURS }, (_, i) => [
  new Date(FIRST + i * HOUR).toISOString(),
  new Date(FIRST + (i + 1) * HOUR).toISOString(),
]) as readonly (readonly [string, string])[]

const isRecorded = recordedNames('upbit').length > 0

await onRealServers(['hdfs', 'hive'], (servers) => {
  const lake = realLake(servers)
  let exchange: Exchange
  let pipelines: Pipelines
  beforeAll(async () => {
    exchange = await startExchange({
      now: () => Date.now(),
      limits: { requestsPerSecond: 1_000 },
      ...(isRecorded ? { source: replaySource(recordedMinutes2018()) } : {}),
    })
    await lake.clean(['upbit_lake'], ['/candle', '/candle_daily'])
    const { hostname, port } = new URL(exchange.url)
    const upbit = {
      id: 'upbit_default',
      type: 'http',
      host: hostname,
      port: Number(port),
      schema: 'http',
      extra: { requests_per_second: 500 },
    }
    const files = ['min_candle.ts', 'candle_daily.ts', 'candle_forecast.ts']
    pipelines = await startPipelines(files, [...lake.connections, upbit], { upbit_markets: 'KRW-BTC' })
  })
  afterAll(async () => {
    await pipelines?.stop()
    await exchange?.close()
  })

  const all = () => lake.query("select * from upbit_lake.candle where market = 'KRW-BTC' order by candle_date_time_utc")
  const checksums = async () => {
    const rows = await pipelines.baram.query<{ target: string; checksum: string }>(
      "select distinct target, checksum from effect where dag_id = 'min_candle' and kind = 'lake' order by target, checksum",
    )
    return rows
  }

  test('every recorded minute is in the table once, in its day of Seoul, and a second replay changes neither row nor checksum', async () => {
    for (const interval of slots)
      expect(await pipelines.run('min_candle', { interval })).toMatchObject({ state: 'success' })
    const rows = await all()
    const minutes = rows.map((row) => String(row['candle_date_time_utc']))
    const expected = Array.from({ length: HOURS * 60 }, (_, i) =>
      new Date(FIRST + i * 60_000).toISOString().slice(0, 19),
    )
    expect(minutes).toEqual(expected)
    const days = await lake.query('select dt, count(*) as n from upbit_lake.candle group by dt order by dt')
    const first = 2 * 60
    expect(days.slice(0, 2)).toEqual([
      { dt: '2018-01-30', n: String(first) },
      { dt: '2018-01-31', n: String(Math.min(HOURS * 60 - first, 1_440)) },
    ])
    const day = await lake.query('select * from upbit_lake.candle_180131')
    expect([day.length, Object.keys(day[0] ?? {})]).toEqual([Number(days[1]?.['n']), Object.keys(CANDLE_COLUMNS)])
    const before = await checksums()
    for (const interval of slots.slice(0, 4)) await pipelines.run('min_candle', { interval })
    expect(await all()).toEqual(rows)
    expect(await checksums()).toEqual(before)
    expect(await lake.files('/candle')).toHaveLength(HOURS)
    console.log('pipeline A:', { slots: HOURS, minutes: rows.length, files: HOURS, days: days.length })
  }, 900_000)

  test('a worker killed at any task of a slot leaves the same rows after its retry, and no staging', async () => {
    const rows = await all()
    const [interval] = slots
    for (const task of ['min_candle', 'to_hdfs', 'load_to_hive']) {
      const run = await pipelines.begin('min_candle', { ...(interval !== undefined && { interval }) })
      await eventually(`${task} to run`, async () => {
        const [row] = await pipelines.baram.query<{ state: string | null }>(
          'select state from task_instance where run_id = $1 and task_id = $2',
          [run.runId, task],
        )
        return row?.state === 'running' || row?.state === 'success'
      })
      pipelines.worker.kill('SIGKILL')
      pipelines.worker = await pipelines.baram.start('worker')
      expect([task, await pipelines.end(run)]).toEqual([task, 'success'])
    }
    expect(await all()).toEqual(rows)
    const files = await lake.files('/candle')
    expect(files.map((file) => file.path).filter((path) => /\._tmp|\.part/.test(path))).toEqual([])
    expect(files).toHaveLength(HOURS)
  }, 300_000)

  test('the day becomes one file with the same rows, and the forecast shows price, volume and prediction', async () => {
    const rows = await all()
    const day = ['2018-01-29T15:00:00Z', '2018-01-30T15:00:00Z'] as const
    expect(await pipelines.run('candle_daily', { interval: day })).toMatchObject({ state: 'success' })
    expect(await all()).toEqual(rows)
    expect(await lake.files('/candle_daily')).toHaveLength(1)
    const last = slots.at(-1)?.[1] ?? ''
    const interval = [new Date(Date.parse(last) - 600_000).toISOString(), last] as const
    expect(await pipelines.run('candle_forecast', { interval })).toMatchObject({ state: 'success' })
    const [report] = await pipelines.baram.query<{ title: string; n: number }>(
      "select body ->> 'title' as title, json_array_length(body -> 'rows') as n from report where name = 'forecast_KRW-BTC'",
    )
    console.log('pipeline A, forecast:', report)
    expect(report?.n).toBe(Math.min(HOURS, 24) * 60 + 30)
    expect(report?.title).toMatch(/mean error \d/)
  }, 300_000)
})
