// GET /metrics: what stands in it, who may read it, and what one part that fails does to the others.

import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Effect } from '../../core/effects.ts'
import { metricNames } from '../../core/metrics.ts'
import { putEffect } from '../../store/postgres/effects.ts'
import { putPool } from '../../store/postgres/pools.ts'
import { Scrape } from '../../webserver/metrics/scrape.ts'
import { makeDag, type SeededRun, seedRun, storeDag, unpause } from './seed.ts'
import { startWeb, type TestWeb } from './start-web.ts'

let web: TestWeb
let run: SeededRun
beforeAll(async () => {
  web = await startWeb()
  await storeDag(web, makeDag('cars', { tasks: ['consume', 'other'] }))
  await unpause(web, 'cars')
  run = await seedRun(web, 'cars', Date.UTC(2026, 0, 5), { state: 'running', tasks: { consume: 'running' } })
})
afterAll(() => web.stop())

/** Looks at the database now: the server's own answer may be a second old. */
const scrape = (database = web.database, parallelism = 32) =>
  new Scrape({ database, parallelism, log: { warn: () => undefined } as never }).text()

/** The value of one series, as `name{labels}` writes it. */
const numberOf = (text: string, series: string): number | undefined => {
  const line = text.split('\n').find((line) => line.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

async function settle(effect: Partial<Effect> & Pick<Effect, 'stream'>, taskId = 'consume'): Promise<void> {
  const { rows } = await web.database.query<{ id: string; epoch: number }>(
    'select id, epoch from task_instance where dag_run_id = $1 and task_id = $2',
    [run.id, taskId],
  )
  const [row] = rows
  if (row === undefined) throw new Error(`no instance of ${taskId}`)
  const told = {
    kind: 'event_log',
    target: 'car_info (group cars)',
    rowsRead: 10,
    rowsWritten: 9,
    rowsRejected: 1,
    ...effect,
  }
  const at = { dagRunId: run.id, tiId: row.id, epoch: row.epoch }
  expect(await putEffect(web.database, at, told as Effect)).toBe(true)
}
const nextTry = () =>
  web.database.query('update task_instance set try_number = try_number + 1 where dag_run_id = $1', [run.id])

const STREAM = '{dag_id="cars",task_id="consume",target="car_info (group cars)"}'

describe('what stands in it', () => {
  test('each family is one of the defined metrics, with its help, its kind and numbers', async () => {
    const text = (await web.call('GET', '/metrics', { role: null })).text
    const families = [...text.matchAll(/^# TYPE (\S+) (counter|gauge|histogram)$/gm)].map(([, name]) => name ?? '')
    expect(families.length).toBeGreaterThan(30)
    expect(families.filter((name) => !metricNames.includes(name as never))).toEqual([])
    const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    expect(samples.filter((line) => !/^[a-z_]+(\{[a-z_]+=".*"\})? -?\d+(\.\d+)?(e[+-]?\d+)?$/.test(line))).toEqual([])
    expect(numberOf(text, 'baram_database_up')).toBe(1)
    expect(numberOf(text, 'baram_scrape_failed_parts')).toBe(0)
    expect(numberOf(text, 'airflow_dagbag_size')).toBe(1)
    expect(numberOf(text, 'baram_processes{service="webserver"}')).toBe(1)
    expect(numberOf(text, 'baram_processes{service="scheduler"}')).toBe(0)
  })

  test('a stream is its last window, with rows of all windows; what the same try tells again counts once', async () => {
    await settle({ stream: { lag: 7, rowsPerSecond: 2.5, freshness: 3 } })
    await settle({ rowsRead: 20, rowsWritten: 18, rowsRejected: 2, stream: { lag: 5, rowsPerSecond: 4, freshness: 3 } })
    await nextTry()
    await settle({
      rowsRead: 0,
      rowsWritten: 0,
      rowsRejected: 0,
      stream: { lag: 6, rowsPerSecond: 0, freshness: null },
    })
    await web.database.query(
      "update stream set settled_at = settled_at - interval '50 s', newest_at = newest_at - interval '60 s'",
    )
    const text = await scrape()
    expect(numberOf(text, `baram_stream_lag_records${STREAM}`)).toBe(6)
    expect(numberOf(text, `baram_stream_rows_per_second${STREAM}`)).toBe(0)
    expect(numberOf(text, `baram_stream_read_rows_total${STREAM}`)).toBe(20)
    expect(numberOf(text, `baram_stream_written_rows_total${STREAM}`)).toBe(18)
    expect(numberOf(text, `baram_stream_rejected_rows_total${STREAM}`)).toBe(2)
    expect(numberOf(text, `baram_stream_freshness_seconds${STREAM}`)).toBeGreaterThanOrEqual(63)
    expect(numberOf(text, `baram_stream_window_age_seconds${STREAM}`)).toBeGreaterThanOrEqual(50)
  })

  test('an effect that is no window of a stream makes no stream', async () => {
    await settle({ target: 'lake', kind: 'lake', stream: undefined as never })
    expect(await scrape()).not.toContain('target="lake"')
  })

  test('streams of a paused DAG are not told: nobody runs them', async () => {
    await settle({ stream: { lag: 0, rowsPerSecond: 0, freshness: 0 } })
    await web.database.query("update dag set is_paused = true where dag_id = 'cars'")
    expect(await scrape()).not.toContain('baram_stream_lag_records{')
    await web.database.query("update dag set is_paused = false where dag_id = 'cars'")
    expect(await scrape()).toContain('baram_stream_lag_records{')
  })

  test('what is under way fills pools and stages', async () => {
    await putPool(web.database, { pool: 'cars', slots: 3, description: null, includeDeferred: true })
    const put = (n: number, stage: string, because: object | null = null) =>
      web.database.query(
        `insert into task_queue (dag_run_id, ti_id, stage, dag_id, task_id, map_index, queue, pool, pool_slots, priority_weight, epoch,
           worker_id, because)
         select $1, gen_random_uuid(), $2, 'cars', 'x', i, 'slow', 'cars', 1, 1, 0, case when $2 = 'running' then 1 end, $4::jsonb
         from generate_series(1, $3::int) i`,
        [run.id, stage, n, because === null ? null : JSON.stringify(because)],
      )
    await put(2, 'running')
    await put(1, 'deferred')
    await put(4, 'throttled', { code: 'waits_for_pool', pool: 'cars', slots: 3, used: 3 })
    await put(1, 'throttled', { code: 'waits_for_dag_limit' })
    const text = await scrape()
    await web.database.query("delete from task_queue where pool = 'cars'")
    expect(numberOf(text, 'airflow_pool_open_slots{pool="cars"}')).toBe(0)
    expect(numberOf(text, 'airflow_pool_running_slots{pool="cars"}')).toBe(2)
    expect(numberOf(text, 'airflow_pool_scheduled_slots{pool="cars"}')).toBe(5)
    expect(numberOf(text, 'airflow_pool_starving_tasks{pool="cars"}')).toBe(4)
    expect(numberOf(text, 'baram_task_queue_depth{stage="throttled",queue="slow"}')).toBe(5)
    expect(numberOf(text, 'baram_task_queue_depth{stage="queued",queue="slow"}')).toBe(0)
    expect(numberOf(text, 'airflow_executor_open_slots')).toBe(30)
    expect(await scrape(web.database, 0)).not.toContain('airflow_executor_open_slots ')
  })

  test('a hundred of each are listed, and how many are left out', async () => {
    for (let i = 0; i < 120; i += 1)
      await putPool(web.database, { pool: `many "${i}"\n`, slots: 1, description: null, includeDeferred: false })
    const text = await scrape()
    await web.database.query("delete from slot_pool where pool like 'many%'")
    expect(text.match(/^baram_pool_slots\{/gm)).toHaveLength(100)
    expect(numberOf(text, 'baram_series_left_out{of="pools"}')).toBe(22)
    expect(text).toContain('baram_pool_slots{pool="many \\"0\\"\\n"} 1')
  })

  test('a part that cannot be read is missing and counted, and the others are there', async () => {
    await web.database.query('alter table deadline rename to deadline_away')
    const text = await scrape()
    await web.database.query('alter table deadline_away rename to deadline')
    expect(numberOf(text, 'baram_scrape_failed_parts')).toBe(1)
    expect(text).not.toMatch(/^baram_deadlines_watched /m)
    expect(text).toContain('baram_stream_lag_records{')
    expect(numberOf(text, 'baram_database_up')).toBe(1)
  })

  test('without a database the answer says so, and nothing else', async () => {
    const away = { query: () => Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })) }
    const text = await scrape(away as never)
    expect(text.split('\n').filter((line) => !line.startsWith('#') && line !== '')).toEqual(['baram_database_up 0'])
  })

  test('what processes counted is told of those that run, each by its own labels; what is no sample is left out', async () => {
    const insert = async (state: string, samples: unknown) => {
      const { rows } = await web.database.query<{ id: number }>(
        `with j as (insert into job (job_type, state, hostname, pid, boot_id) values ('WorkerJob', $1, 'seoul-1', 7, 'b') returning id)
         insert into job_metrics (job_id, samples) select id, $2::jsonb from j returning job_id as id`,
        [state, JSON.stringify(samples)],
      )
      return rows[0]?.id
    }
    const samples = {
      airflow_ti_successes: [[{}, 3]],
      baram_worker_report_seconds: [
        [{ le: 5 }, 2, '_bucket'],
        [{}, 0.5, '_sum'],
        [{}, 2, '_count'],
      ],
      baram_worker_attempts: ['no sample', [{}, null], [null, 1]],
      of_another_version: [[{}, 1]],
      airflow_scheduler_loop_exceptions: [[{}, 1]],
    }
    const [first, second] = [await insert('running', samples), await insert('running', samples)]
    const dead = await insert('failed', samples)
    const odd = await insert('running', 'no samples')
    const text = await scrape()
    const labels = (id: number | undefined) => `{service="worker",host="seoul-1",job_id="${id}"}`
    for (const id of [first, second]) {
      expect(numberOf(text, `airflow_ti_successes${labels(id)}`)).toBe(3)
      expect(numberOf(text, `baram_worker_report_seconds_count${labels(id)}`)).toBe(2)
    }
    expect(text).toContain(
      `baram_worker_report_seconds_bucket{le="5",service="worker",host="seoul-1",job_id="${first}"} 2`,
    )
    for (const id of [dead, odd]) expect(text).not.toContain(`job_id="${id}"`)
    for (const name of ['of_another_version', 'baram_worker_attempts{', 'airflow_scheduler_loop_exceptions{'])
      expect(text).not.toContain(name)
    expect(numberOf(text, 'baram_scrape_failed_parts')).toBe(0)
    await web.database.query("delete from job where hostname = 'seoul-1'")
  })

  test('who asks again within a second is given the same answer', async () => {
    let statements = 0
    const counted = {
      query(...args: [string]) {
        statements += 1
        return web.database.query(...args)
      },
    }
    const shared = new Scrape({ database: counted as never, parallelism: 1, log: console as never })
    const [first, second] = await Promise.all([shared.text(), shared.text()])
    expect(second).toBe(first)
    expect(await shared.text()).toBe(first)
    expect(statements).toBeLessThanOrEqual(12)
  })
})

describe('who may read it', () => {
  const get = (url: string, headers: Record<string, string>) =>
    new Promise<number | undefined>((resolve, reject) => {
      request(`${url}/metrics`, { headers }, (res) => res.resume().on('end', () => resolve(res.statusCode)))
        .on('error', reject)
        .end()
    })

  test('whoever is on this host, but not through a proxy on it, nor by another name for it', async () => {
    expect(await get(web.url, {})).toBe(200)
    expect(await get(web.url, { 'x-forwarded-for': '203.0.113.7' })).toBe(401)
    expect(await get(web.url, { host: 'baram.example.com' })).toBe(401)
  })

  test('from elsewhere who is signed in; the answer to others says what to do', async () => {
    const elsewhere = { 'x-forwarded-for': '203.0.113.7' }
    expect((await web.call('GET', '/metrics', { role: 'viewer', headers: elsewhere })).status).toBe(200)
    const refused = await web.call('GET', '/metrics', { role: null, headers: elsewhere })
    expect(refused.status).toBe(401)
    expect(JSON.stringify(refused.body)).toContain('BARAM__METRICS__TOKEN')
  })

  test('from elsewhere with the token of the settings; everybody once the settings say so', async () => {
    const elsewhere = { 'x-forwarded-for': '203.0.113.7' }
    const tokened = await startWeb({ BARAM__METRICS__TOKEN: 'for-prometheus' })
    expect(await get(tokened.url, { ...elsewhere, authorization: 'Bearer for-prometheus' })).toBe(200)
    expect(await get(tokened.url, { ...elsewhere, authorization: 'Bearer for-others' })).toBe(401)
    await tokened.stop()
    const open = await startWeb({ BARAM__METRICS__ALLOW_ANONYMOUS: 'True' })
    expect(await get(open.url, elsewhere)).toBe(200)
    await open.stop()
  })
})
