// car_info as a user runs it, on Kafka, HDFS and Postgres: its worker is killed amid a window, and then the Postgres it writes to. What
// it leaves is what a run that nobody disturbs leaves: each id once, in both sinks.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { collectCars } from '../../pipelines/cars/consume.ts'
import { type CarPlan, countCars } from '../../pipelines/cars/generate.ts'
import { produceCars } from '../../pipelines/cars/produce.ts'
import { reconcileCars } from '../../pipelines/cars/reconcile.ts'
import { runInScope } from '../../sdk/context.ts'
import { eventually } from '../support/baram.ts'
import { runSql } from '../support/launch-postgres.ts'
import { madeUpContext, removeTemporaryFoldersAfterwards, runOf, temporaryFolder } from '../support/operator-context.ts'
import { realLake } from '../support/real-lake.ts'
import { type Pipelines, type RealConnection, startPipelines } from '../support/real-pipelines.ts'
import { onRealServers } from '../support/real-servers.ts'

removeTemporaryFoldersAfterwards()
/** 00:00 in Seoul. */
const START = new Date('2024-03-17T15:00:00Z')
const POINTS = 60_000
const PLAN: CarPlan = { seed: 1, cars: 50, perSecond: 10, start: START.getTime() }

await onRealServers(['kafka', 'hdfs', 'hive', 'postgres'], ({ kafka, hdfs, hive, postgres }) => {
  const lake = realLake({ hdfs, hive })
  const url = postgres.endpoints['url'] ?? ''
  const { hostname, port, username, password, pathname } = new URL(url)
  const connections: readonly RealConnection[] = [
    ...lake.connections,
    {
      ...{ id: 'postgres_default', type: 'postgres', host: hostname, port: Number(port), schema: pathname.slice(1) },
      ...{ login: username, password },
    },
    { id: 'kafka_default', type: 'kafka', extra: { 'bootstrap.servers': kafka.endpoints['kafka'] } },
  ]
  let pipelines: Pipelines
  let scratch: string
  beforeAll(async () => {
    scratch = await temporaryFolder()
    await lake.clean(['cars'], ['/car_info'])
    await inTask(() => produceCars({ points: POINTS, perSecond: PLAN.perSecond }))
    pipelines = await startPipelines(['car_info.ts'], connections)
  })
  afterAll(() => pipelines?.stop())

  const inTask = <T>(act: () => Promise<T>) =>
    runInScope(
      madeUpContext({
        embeddedRoot: scratch,
        connections: connections.map(({ extra, ...rest }) => ({ ...rest, extra: JSON.stringify(extra ?? {}) })),
        run: runOf(START, new Date(START.getTime() + 60_000)),
      }),
      act,
    )
  const count = async (sql: string) => Number((await pipelines.baram.query<{ n: number }>(sql))[0]?.n ?? 0)
  const settled = () => count("select count(*)::int as n from effect where kind = 'event_log' and rows_read > 0")
  const running = () => count("select count(*)::int as n from task_instance where state = 'running'")
  /** While a window is under way, and so many at least are settled. */
  const amid = (windows: number) =>
    eventually(
      `a window after ${windows} others`,
      async () => (await settled()) >= windows && (await running()) > 0,
      120_000,
    )

  test('the worker of car_info, and the Postgres it writes to, are killed amid a window: each id is in both sinks once', async () => {
    const { baram } = pipelines
    expect(await baram.dagctl('dags', 'unpause', 'car_info')).toMatchObject({ code: 0 })
    await amid(1)
    pipelines.worker.kill('SIGKILL')
    pipelines.worker = await baram.start('worker')
    await amid(2)
    await postgres.kill('postgres')
    await postgres.restart('postgres')
    await eventually(
      'the end of the stream',
      async () =>
        (await count("select coalesce(sum(rows_read), 0)::int as n from effect where kind = 'event_log'")) >= POINTS,
      180_000,
    )
    expect(await baram.dagctl('dags', 'pause', 'car_info')).toMatchObject({ code: 0 })
    // What killed tries have begun is settled by the next window: now there is none left.
    expect(await inTask(() => collectCars({ idleSeconds: 0 }))).toMatchObject({ rowsRead: 0, lag: 0 })
    const { distinctIds } = countCars(PLAN, POINTS)
    const compared = await inTask(() => reconcileCars({ days: 3 }))
    expect(compared).toMatchObject({ postgres: distinctIds, lake: distinctIds, different: [] })
    expect(await count("select count(*)::int as n from ti_event where because ->> 'code' = 'lost'")).toBeGreaterThan(0)
    const [table] = await runSql(
      url,
      'select count(*)::int as rows, count(distinct data_id)::int as ids from car_info_table',
    )
    expect(table).toEqual({ rows: distinctIds, ids: distinctIds })
  }, 300_000)
})
