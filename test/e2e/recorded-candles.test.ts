// The first pipeline on real input: dags/min_candle.ts over a range of the recorded minutes of 2018 and the pages of 2020,
// run twice, and once with kill -9 of the worker in the middle of its upload.

import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, type FSWatcher, mkdirSync, readdirSync, readFileSync, rmSync, statSync, watch } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { triggerRun } from '../../engine/runs/create.ts'
import { RunCache } from '../../engine/transaction/run-cache.ts'
import { queryWarehouse } from '../../operators/warehouse/index.ts'
import { makeLogger } from '../../runtime/logger.ts'
import type { UpbitCandle } from '../../services/simulated/upbit/candle.ts'
import { type Exchange, startExchange } from '../../services/simulated/upbit/exchange.ts'
import { replaySource } from '../../services/simulated/upbit/replay.ts'
import { type Database, openDatabase } from '../../store/database.ts'
import { eventually, startBaram, type TestBaram } from '../support/baram.ts'
import { describeRecorded } from '../support/recorded.ts'
import { recordedMinutes2018, recordedPages } from '../support/recorded-candles.ts'
import { vaultOf } from '../support/vault.ts'

const HOUR = 3_600_000
/** Six hours of 2018 around midnight in Seoul, and the hours that the pages of 2020 cover. */
const FROM_2018 = Date.parse('2018-01-30T12:00:00Z')

const minuteOf = (candle: UpbitCandle) => Date.parse(`${candle.candle_date_time_utc}Z`)

const LOST_UPLOADS = `select 1 from ti_event e
  join task_instance t on t.id = e.ti_id and t.dag_run_id = e.dag_run_id
  where t.run_id = $1 and t.task_id = 'to_hdfs' and e.because ->> 'code' = 'lost'`

/** Every file below a folder with its sha256. */
function checksums(folder: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(folder, name)
    if (statSync(path).isFile()) found[name] = createHash('sha256').update(readFileSync(path)).digest('hex')
  }
  return found
}

describeRecorded('upbit', 'min_candle on recorded candles', () => {
  let baram: TestBaram
  let exchange: Exchange
  let database: Database
  let worker: ChildProcess
  const runCache = new RunCache()
  const candles = [...recordedMinutes2018(), ...recordedPages('page_1m_')]
  const pages = recordedPages('page_1m_').map(minuteOf)
  const from2020 = Math.floor(Math.min(...pages) / HOUR) * HOUR
  const to2020 = Math.ceil((Math.max(...pages) + 1) / HOUR) * HOUR
  const slots: { start: number; end: number }[] = []
  for (let start = FROM_2018; start < FROM_2018 + 6 * HOUR; start += HOUR) slots.push({ start, end: start + HOUR })
  for (let start = from2020; start < to2020; start += HOUR) slots.push({ start, end: start + HOUR })
  const lake = () => join(baram.home, 'lake')

  beforeAll(async () => {
    exchange = await startExchange({
      now: () => Date.now(),
      source: replaySource(candles),
      limits: { requestsPerSecond: 1000 },
    })
    baram = await startBaram()
    database = openDatabase({
      url: baram.databaseUrl,
      poolSize: 2,
      log: makeLogger('test', 'silent'),
      application: 'test',
    })
    await baram.dagctl(
      'connections',
      'add',
      'upbit_default',
      '--conn-json',
      JSON.stringify({ conn_type: 'http', host: exchange.url, extra: { requests_per_second: 500 } }),
    )
    await baram.dagctl('variables', 'set', 'upbit_markets', '["KRW-BTC"]')
    // The example itself, with a shorter pause before a retry and without its schedule.
    const source = readFileSync(new URL('../../dags/min_candle.ts', import.meta.url), 'utf8')
    baram.writeDag(
      'min_candle.ts',
      source.replace('retryDelay: 30', 'retryDelay: 0.1').replace(/^ {2}schedule: .*$/m, "  timezone: 'Asia/Seoul',"),
    )
    await baram.start('scheduler')
    worker = await baram.start('worker')
    await eventually(
      'the DAG',
      async () => (await baram.query("select 1 from dag where dag_id = 'min_candle'")).length === 1,
    )
  })
  afterAll(async () => {
    await database.close()
    await baram.stop()
    await exchange.close()
  })

  async function trigger(slot: { start: number; end: number }): Promise<string> {
    const run = await triggerRun(
      { database, runCache, vault: vaultOf({ database }) },
      { dagId: 'min_candle', dataInterval: slot },
      { name: 'test', via: 'rest_api' },
    )
    return run.runId
  }
  async function ended(runId: string): Promise<string> {
    return eventually(`run ${runId}`, async () => {
      const [row] = await baram.query<{ state: string }>(
        "select state from dag_run where run_id = $1 and state in ('success', 'failed')",
        [runId],
      )
      return row?.state
    })
  }
  async function runAll(): Promise<void> {
    for (const slot of slots) expect(await ended(await trigger(slot))).toBe('success')
  }

  /** Every recorded minute of the range, once: a row the recording has twice is one minute. */
  function expected(): Map<string, UpbitCandle> {
    const inRange = candles.filter((candle) =>
      slots.some(({ start, end }) => minuteOf(candle) >= start && minuteOf(candle) < end),
    )
    return new Map(inRange.map((candle) => [candle.candle_date_time_utc, candle]))
  }

  async function expectEveryMinuteOnce(): Promise<void> {
    const { rows } = await queryWarehouse(baram.home, 'select * from upbit_lake.candle order by candle_date_time_utc')
    const source = expected()
    expect(rows.map((row) => row['candle_date_time_utc'])).toEqual([...source.keys()].sort())
    for (const row of rows) {
      const candle = source.get(String(row['candle_date_time_utc']))
      expect(row['market']).toBe('KRW-BTC')
      expect(row['timestamp']).toBe(String(candle?.timestamp))
      for (const field of [
        'opening_price',
        'high_price',
        'low_price',
        'trade_price',
        'candle_acc_trade_price',
        'candle_acc_trade_volume',
      ] as const) {
        expect(Number(row[field])).toBe(candle?.[field])
      }
      expect(String(row['dt'])).toBe(String(candle?.candle_date_time_kst).slice(0, 10))
    }
  }

  let first: Record<string, string> = {}

  it('a first pass stores every recorded minute exactly once, in the right Korean day', async () => {
    await runAll()
    await expectEveryMinuteOnce()
    first = checksums(lake())
    expect(Object.keys(first)).toHaveLength(slots.length)
  })

  it('a second pass over the same slots changes no byte', async () => {
    await runAll()
    await expectEveryMinuteOnce()
    expect(checksums(lake())).toEqual(first)
  })

  it('kill -9 of the worker in the middle of to_hdfs leaves the same rows and the same files', async () => {
    rmSync(join(lake(), 'candle'), { recursive: true })
    let kills = 0
    for (const slot of slots) {
      const victim = worker
      const killed = new Promise<void>((resolve) => {
        if (kills > 0) return
        // The upload's staging folder is where its middle begins.
        const watchers = watchTree(lake(), (name) => {
          if (!name.includes('_tmp')) return
          victim.kill('SIGKILL')
          for (const watcher of watchers) watcher.close()
          resolve()
        })
      })
      const runId = await trigger(slot)
      await Promise.race([killed, ended(runId)])
      if (victim.killed) worker = await baram.start('worker')
      expect(await ended(runId)).toBe('success')
      kills += (await baram.query(LOST_UPLOADS, [runId])).length
    }
    expect(kills).toBeGreaterThan(0)
    await expectEveryMinuteOnce()
    expect(checksums(lake())).toEqual(first)
  })
})

/** Watches a folder and those below it, as they are now. */
function watchTree(folder: string, onName: (name: string) => void): FSWatcher[] {
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true })
  const folders = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isDirectory())
  return [folder, ...folders].map((path) => watch(path, (_event, name) => onName(join(path, name ?? ''))))
}
