// A deployment as a customer would have it: seven DAGs with their history, errors, variables, connections, a live log.

import { setConnection } from '../../engine/admin/connections.ts'
import { setVariable } from '../../engine/admin/variables.ts'
import { recordImportError } from '../../engine/dags/sync.ts'
import {
  makeDag,
  makeTask,
  type SeededRun,
  seedEffect,
  seedEvent,
  seedFailedCallback,
  seedLog,
  seedReport,
  seedRun,
  seedStream,
  seedXCom,
  storeDag,
  unpause,
} from '../webserver/seed.ts'
import type { TestWeb } from '../webserver/start-web.ts'
import { type Catalog, seedCatalog } from './demo-catalog.ts'

const HOUR = 3_600_000

export interface Demo {
  readonly failed: SeededRun
  readonly running: SeededRun
  readonly logPath: string
  readonly catalog: Catalog
}

const SOURCE = `import { Dag, cron } from 'baram'

const dag = new Dag('gmarket_hourly', {
  schedule: cron('0 * * * *', { timezone: 'Asia/Seoul', interval: true }),
  tags: ['gmarket'],
})

const listCategories = dag.task('list_categories', async () => [1, 2, 3])
const collect = dag.taskGroup('collect')
`

const WEATHER = `// weather_hourly\n${SOURCE.replaceAll('gmarket', 'weather')}dag.task('publish', () => 1)()\n`

const GMARKET = [
  'list_categories',
  'collect_page',
  'merge_csv',
  'to_hdfs',
  'keep_raw_csv',
  'load_to_hive',
  'check_rows',
  'report',
] as const

async function history(
  web: TestWeb,
  dagId: string,
  end: number,
  count: number,
  step: number,
  seconds: number,
  bad: readonly number[] = [],
  task = 'fetch',
): Promise<void> {
  for (let i = count; i >= 1; i--) {
    const isBad = bad.includes(i)
    await seedRun(web, dagId, end - i * step, {
      state: isBad ? 'failed' : 'success',
      seconds: seconds * (0.8 + ((i * 7 + dagId.length * 5) % 11) / 20),
      ...(isBad ? { tasks: { [task]: 'failed' as const }, rest: 'upstream_failed' as const } : {}),
    })
  }
}

async function gmarket(web: TestWeb, now: number): Promise<Omit<Demo, 'logPath' | 'catalog'>> {
  const at = Math.floor(now / HOUR) * HOUR
  const ok = (n: number) => Object.fromEntries(GMARKET.slice(0, n).map((task) => [task, 'success' as const]))
  for (let i = 35; i >= 2; i--) {
    const when = at - i * HOUR
    const seconds = 40 + ((i * 37) % 23)
    if (i === 14 || i === 15)
      await seedRun(web, 'gmarket_hourly', when, {
        state: 'failed',
        seconds: 66,
        tasks: { ...ok(1), collect_page: 'failed' },
        rest: 'upstream_failed',
      })
    else if (i === 24)
      await seedRun(web, 'gmarket_hourly', when, { state: 'success', seconds: 6, tasks: { ...ok(1) }, rest: 'skipped' })
    else
      await seedRun(web, 'gmarket_hourly', when, {
        state: 'success',
        seconds: i === 30 ? 88 : seconds,
        type: i === 7 ? 'manual' : 'scheduled',
      })
  }
  const failed = await seedRun(web, 'gmarket_hourly', at - HOUR, {
    state: 'failed',
    seconds: 74,
    tasks: { ...ok(1), collect_page: 'failed' },
    rest: 'upstream_failed',
  })
  await seedEvent(web, failed, 'collect_page', {
    from: 'queued',
    to: 'running',
    because: { code: 'started', worker: 'seoul-1' },
    at: at - HOUR + 2000,
  })
  await seedEvent(web, failed, 'collect_page', {
    from: 'running',
    to: 'failed',
    because: { code: 'failed', message: 'www.gmarket.co.kr answered HTTP 403', triesLeft: 0 },
    at: at - HOUR + 74_000,
  })
  await seedEvent(web, failed, 'merge_csv', {
    from: null,
    to: 'upstream_failed',
    because: { code: 'rule_impossible', rule: 'all_success' },
    at: at - HOUR + 74_100,
  })
  const running = await seedRun(web, 'gmarket_hourly', at, {
    state: 'running',
    seconds: 80,
    tasks: { ...ok(2), merge_csv: 'running', to_hdfs: null, keep_raw_csv: 'queued' },
    rest: null,
  })
  await web.database.query("update dag_run set start_date = now() - interval '45 seconds' where id = $1", [running.id])
  await web.database.query(
    "update task_instance set max_tries = 3, start_date = now() - interval '21 seconds', try_number = 2 where dag_run_id = $1 and task_id = 'merge_csv'",
    [running.id],
  )
  await web.database.query(
    `insert into task_instance_history (dag_run_id, task_instance_id, task_id, dag_id, run_id, map_index, try_number, state,
       max_tries, start_date, end_date, duration, hostname, pid, pool, pool_slots, queue, priority_weight, operator)
     select dag_run_id, gen_random_uuid(), task_id, dag_id, run_id, map_index, 1, 'failed',
       3, now() - interval '40 seconds', now() - interval '36 seconds', 4.1, 'seoul-1', 48200, pool, pool_slots, queue,
       priority_weight, operator from task_instance where dag_run_id = $1 and task_id = 'merge_csv'`,
    [running.id],
  )
  await seedEvent(web, running, 'merge_csv', {
    from: 'running',
    to: 'up_for_retry',
    because: { code: 'failed', message: 'nn1.lake answered 503 Service Unavailable', triesLeft: 2 },
    tryNumber: 1,
    at: now - 36_000,
  })
  await seedEvent(web, running, 'merge_csv', {
    from: 'queued',
    to: 'running',
    because: { code: 'started', worker: 'seoul-1' },
    tryNumber: 2,
    at: now - 21_000,
  })
  return { failed, running }
}

/** What the last full hour read and wrote, and its reports. */
async function seedData(web: TestWeb, run: SeededRun, now: number): Promise<void> {
  const rows = { rowsRead: 1200, rowsWritten: 1200 }
  const file = '/gmarket/dt=2026-01-05/hour=09/gmarket.csv'
  await seedEffect(web, run, 'collect_page', { kind: 'source', target: 'https://www.gmarket.co.kr/n/best', ...rows })
  await seedEffect(web, run, 'merge_csv', {
    kind: 'file',
    target: '20260105T090000.csv',
    rowsRead: 1200,
    rowsWritten: 1187,
    rowsRejected: 13,
    bytes: 418_220,
    checksum: `sha256:${'5be1c7a0'.repeat(8)}`,
  })
  await seedEffect(web, run, 'to_hdfs', {
    kind: 'lake',
    target: file,
    rowsRead: 1187,
    rowsWritten: 1187,
    bytes: 418_220,
  })
  await seedEffect(web, run, 'load_to_hive', {
    kind: 'warehouse',
    target: 'gmarket.best dt=2026-01-05/hour=09',
    rowsRead: 1187,
    rowsWritten: 1186,
  })
  await seedStream(web, 'gmarket_hourly', 'best100 (group mart)', { lag: 48_213, age: 4, freshness: 2.3, rejected: 13 })
  await seedStream(web, 'weather_hourly', 'observations (group index)', { lag: 120, age: 700, freshness: 731 })
  await seedFailedCallback(web, 'gmarket_hourly', 'load_to_hive', 'https://hooks.example.com/T01/B02 answered 500')
  const minutes = Array.from({ length: 240 }, (_, i) => now - (240 - i) * 60_000)
  const price = (i: number) => Math.round(142_000_000 + 900_000 * Math.sin(i / 23) + 300_000 * Math.sin(i / 5))
  await seedReport(web, run, 'report', 'candle_price', {
    title: 'KRW-BTC, last four hours',
    columns: [
      { name: 'minute', type: 'instant' },
      { name: 'close', type: 'number', unit: 'KRW' },
      { name: 'forecast', type: 'number', unit: 'KRW' },
      { name: 'volume', type: 'number', unit: 'BTC' },
    ],
    rows: minutes.map((at, i) => [
      at,
      i > 210 ? null : price(i),
      i < 180 ? null : price(i) + 110_000,
      1 + (i % 17) / 4,
    ]),
    charts: [
      { kind: 'line', x: 'minute', y: ['close', 'forecast'] },
      { kind: 'bar', x: 'minute', y: ['volume'] },
    ],
  })
  await seedReport(web, run, 'report', 'best_by_category', {
    title: 'Mean price of the best 100 by category',
    columns: [
      { name: 'category', type: 'text' },
      { name: 'price', type: 'number', unit: 'KRW' },
    ],
    rows: ['패션의류', '신발/잡화', '식품', '가구/침구', '컴퓨터/전자', '도서/음반'].map((name, i) => [
      name,
      12_900 * (i + 2),
    ]),
    charts: [{ kind: 'bar', x: 'category', y: ['price'] }],
  })
}

export async function seedDemo(web: TestWeb): Promise<Demo> {
  const now = Date.now()
  await storeDag(
    web,
    makeDag('gmarket_hourly', {
      tasks: GMARKET.map((id) =>
        makeTask(
          id,
          id === 'merge_csv'
            ? { retries: 3 }
            : { operator: id.includes('hdfs') ? 'HdfsUpload' : id.includes('hive') ? 'HiveLoad' : 'TypeScriptTask' },
        ),
      ),
      edges: [
        ['list_categories', 'collect_page'],
        ['collect_page', 'merge_csv'],
        ['merge_csv', 'to_hdfs'],
        ['merge_csv', 'keep_raw_csv'],
        ['to_hdfs', 'load_to_hive'],
        ['keep_raw_csv', 'check_rows'],
        ['load_to_hive', 'report'],
        ['check_rows', 'report'],
      ],
      groups: [
        { groupId: 'collect', members: ['collect_page', 'merge_csv'] },
        { groupId: 'land', members: ['to_hdfs', 'load_to_hive', 'keep_raw_csv', 'check_rows'] },
      ],
      cron: '0 * * * *',
      zone: 'Asia/Seoul',
      tags: ['gmarket'],
      description: 'The best 100 of 12 categories, hourly, into HDFS and Hive.',
    }),
    SOURCE,
  )
  const others = [
    ['min_candle', 'Upbit 1-minute candles to HDFS and Hive', ['upbit'], '*/2 * * * *', 120_000, 21, [7]],
    ['candle_daily', 'Daily compaction of the candles', ['upbit'], '0 13 * * *', 24 * HOUR, 48, []],
    ['weather_hourly', 'KMA ASOS, three stations', ['weather'], '0 * * * *', HOUR, 2.2, []],
    ['stock_replay', 'KRX top 20 replayed to Kafka and Elasticsearch', ['krx'], null, 7 * HOUR, 61, [1]],
    ['candle_forecast', 'Predicts candles from the lake', ['upbit', 'ml'], '30 6 * * *', 24 * HOUR, 130, [5]],
  ] as const
  for (const [id, description, tags, cron, step, seconds, bad] of others) {
    await storeDag(
      web,
      makeDag(id, { tasks: ['fetch', 'check', 'store'], description, tags, cron, zone: 'Asia/Seoul' }),
    )
    await history(web, id, Math.floor(now / HOUR) * HOUR, id === 'stock_replay' ? 9 : 24, step, seconds, bad)
    if (id !== 'stock_replay') await unpause(web, id)
  }
  // Two of its hours have no run.
  await web.database.query(
    "delete from dag_run where dag_id = 'weather_hourly' and id in (select id from dag_run where dag_id = 'weather_hourly' order by id desc offset 6 limit 2)",
  )
  // A second version, which nothing has run yet.
  const weather = ['fetch', makeTask('check', { retries: 2 }), 'store', 'publish']
  const fields = { description: others[2][1], tags: others[2][2], cron: others[2][3], zone: 'Asia/Seoul' }
  await storeDag(web, makeDag('weather_hourly', { tasks: weather, ...fields }), WEATHER)
  await storeDag(
    web,
    makeDag('gmarket_mart', { tasks: ['fill'], description: 'On-demand mart to Postgres or CSV', tags: ['gmarket'] }),
  )
  await unpause(web, 'gmarket_mart')
  await unpause(web, 'gmarket_hourly')
  const { failed, running } = await gmarket(web, now)
  await seedData(web, failed, now)
  await seedXCom(web, running, 'collect_page', 'return_value', {
    pages: 12,
    rows: 1200,
    categories: ['식품', '생활/주방', '컴퓨터/전자'],
  })
  // No scheduler runs beside the tests: the next dates are set by hand.
  await web.database.query(
    `update dag set next_dagrun_create_after = case dag_id
       when 'min_candle' then date_bin('2 minutes', now(), timestamptz '2026-01-01 00:00Z') + interval '2 minutes'
       when 'gmarket_hourly' then date_trunc('hour', now()) + interval '1 hour'
       when 'weather_hourly' then date_trunc('hour', now()) + interval '1 hour 40 minutes'
       when 'candle_daily' then (date_trunc('day', now() at time zone 'Asia/Seoul') + interval '1 day 13 hours') at time zone 'Asia/Seoul'
       else (date_trunc('day', now() at time zone 'Asia/Seoul') + interval '1 day 6 hours 30 minutes') at time zone 'Asia/Seoul' end where has_schedule`,
  )
  const lines = [
    ['info', 'Rendered fields: connId=hdfs_default target=/gmarket/dt=2026-01-05/10.csv'],
    ['info', 'nn1.lake:9870 standby'],
    ['info', 'nn2.lake:9870 active, 3 ms'],
    ['warning', 'the order in connection hdfs_default is nn1, nn2; nn2 is active now'],
    ['info', 'read 12 pages, 1,200 rows from collect_page'],
    ['debug', 'category food: 100 rows, kitchen: 100 rows'],
    [
      'error',
      'HdfsUnavailable: nn1.lake:9870 answered 503\n  at WebHdfsLake.put (operators/hdfs/webhdfs.ts:118:11)\n  at merge (dags/gmarket_hourly.ts:19:24)',
    ],
    ['info', 'PUT /webhdfs/v1/gmarket/dt=2026-01-05/._tmp/10.csv'],
    ['info', ' 25 %  11.4 kB of 45.6 kB'],
    ['info', ' 50 %  22.8 kB of 45.6 kB'],
    ['info', ' 75 %  34.2 kB of 45.6 kB'],
  ] as const
  const logPath = await seedLog(
    web,
    { dagId: 'gmarket_hourly', runId: running.runId, taskId: 'merge_csv', tryNumber: 2 },
    lines.map(([level, event], i) => ({ level, event, at: now - 20_000 + i * 700 })),
  )
  await recordImportError(
    web.database,
    'car_info.ts',
    "car_info.ts:41:13: Type 'string' is not assignable to type 'number'.\n\n  deadline expects seconds",
    {
      file: 'car_info.ts',
      line: 41,
      column: 13,
      frame:
        "  39 |   connId: 'kafka_default',\n  40 |   topic: 'car_info',\n> 41 |   deadline: '5 minutes',\n     " +
        '|             ^^^^^^^^^^^ expected number, in seconds\n  42 |   schema: CarInfo,\n  43 | })',
      errors: [],
    },
  )
  for (const [key, value, description] of [
    ['asos_stations', '[108, 133, 159]', 'Seoul, Daejeon, Busan'],
    ['gmarket_pace_ms', '1200', 'pause between two pages'],
    ['kma_service_key', 'never-on-a-page-1', null],
    ['lake_root', '/candle', null],
    ['slack_token', 'never-on-a-page-2', 'alerts channel'],
  ] as const)
    await setVariable(web, { key, value, description }, { name: 'admin', via: 'cli' })
  await setConnection(
    web,
    {
      connId: 'hdfs_default',
      connType: 'webhdfs',
      description: 'the lake, HA',
      host: 'nn1.lake',
      schema: null,
      login: 'hdfs',
      password: 'never-on-a-page-3',
      port: 9870,
      extra: '{"token":"never-on-a-page-4","timeout":10}',
    },
    { name: 'admin', via: 'cli' },
  )
  await setConnection(
    web,
    {
      connId: 'gmarket',
      connType: 'http',
      description: null,
      host: 'www.gmarket.co.kr',
      schema: 'https',
      login: null,
      password: null,
      port: null,
      extra: null,
    },
    { name: 'admin', via: 'cli' },
  )
  return { failed, running, logPath, catalog: await seedCatalog(web, now) }
}
