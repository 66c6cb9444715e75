// Pipeline B, "accept when": the DAG files unchanged on real HDFS, Hive and Postgres; and an HDFS that loses its NameNode.

import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openLake } from '../../operators/lake/open.ts'
import { GMARKET_CATEGORIES } from '../../pipelines/gmarket/categories.ts'
import { type SimulatedShop, startShop } from '../../services/simulated/gmarket/shop.ts'
import { crawlOne, hourRun, storeHour } from '../support/gmarket-pipeline.ts'
import { madeUpContext, removeTemporaryFoldersAfterwards, temporaryFolder } from '../support/operator-context.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { realLake } from '../support/real-lake.ts'
import { type Pipelines, startPipelines } from '../support/real-pipelines.ts'
import { onRealServers, sized } from '../support/real-servers.ts'

removeTemporaryFoldersAfterwards()
const HOUR = 3_600_000
const FIRST = Date.parse('2021-03-24T19:00:00+09:00')
/** Full: the 19 hours of the reference pipeline, 22,800 rows. */
const HOURS = sized({ small: 2, full: 19 })
const ROWS = HOURS * 1_200
const intervalOf = (i: number) =>
  [new Date(FIRST + i * HOUR).toISOString(), new Date(FIRST + (i + 1) * HOUR).toISOString()] as const

await onRealServers(['hdfs', 'hive'], (servers) => {
  const lake = realLake(servers)
  const broken = new Map<string, { status: number; type: string; body: string }>()
  let shop: SimulatedShop
  let database: TestPostgres
  let mart: Client
  let pipelines: Pipelines
  beforeAll(async () => {
    await lake.clean(['gmarket'], ['/gmarket'])
    shop = await startShop({ now: () => FIRST, broken })
    database = await startTestPostgres()
    const url = await database.createDatabase()
    mart = new Client({ connectionString: url })
    await mart.connect()
    const { host, port, user, password, database: name } = mart
    const postgres = {
      ...{ id: 'postgres_default', type: 'postgres', host, port, schema: name ?? '' },
      ...{ login: user ?? '', password: typeof password === 'string' ? password : '' },
    }
    pipelines = await startPipelines(['gmarket_hourly.ts', 'gmarket_mart.ts'], [...lake.connections, postgres], {
      gmarket_simulated_url: shop.url,
    })
  })
  afterAll(async () => {
    await mart?.end()
    await pipelines?.stop()
    await database?.stop()
    await shop?.close()
  })

  const fill = async () => {
    const conf = { from: '2021-03-24T19:00:00+09:00', hours: HOURS }
    const run = await pipelines.run('gmarket_mart', { conf })
    const { rows } = await mart.query<{ n: number }>('select count(*)::int as n from dm_gmarket')
    const [xid] = (
      await mart.query<{ newest: string }>('select max(xmin::text::bigint)::text as newest from dm_gmarket')
    ).rows
    return { state: run.state, rows: rows[0]?.n, newest: xid?.newest }
  }

  test(`${HOURS} generated hours give exactly ${ROWS} mart rows, and running an hour again changes none`, async () => {
    for (let i = 0; i < HOURS; i += 1)
      expect(await pipelines.run('gmarket_hourly', { interval: intervalOf(i) })).toMatchObject({ state: 'success' })
    const first = await fill()
    expect(first).toMatchObject({ state: 'success', rows: ROWS })
    expect(await lake.query('select count(*) as n from gmarket.best')).toEqual([{ n: String(ROWS) }])
    expect(await pipelines.run('gmarket_hourly', { interval: intervalOf(1) })).toMatchObject({ state: 'success' })
    // No row of the mart was written again: the newest transaction that wrote one is the same.
    expect(await fill()).toEqual(first)
    const files = await lake.files('/gmarket')
    expect(files).toHaveLength(2 * HOURS)
    console.log('pipeline B:', { hours: HOURS, mart: first.rows, hive: ROWS, files: files.length })
  }, 900_000)

  test('one broken category fails alone, and is repaired alone by its own retry', async () => {
    broken.set(GMARKET_CATEGORIES[4].code, { status: 503, type: 'text/html', body: 'busy' })
    const run = await pipelines.begin('gmarket_hourly', { interval: intervalOf(HOURS) })
    const states = () =>
      pipelines.baram.query<{ map_index: number; state: string | null; try_number: number }>(
        "select map_index, state, try_number from task_instance where run_id = $1 and task_id = 'gmarket_hourly' order by 1",
        [run.runId],
      )
    await expect
      .poll(async () => (await states()).filter(({ state }) => state === 'success').length, { timeout: 60_000 })
      .toBe(11)
    broken.clear()
    expect(await pipelines.end(run)).toBe('success')
    const tries = (await states()).map((row) => row.try_number)
    expect(tries.filter((n) => n > 1)).toHaveLength(1)
    expect(tries[4]).toBeGreaterThan(1)
    expect(await lake.query('select count(*) as n from gmarket.best')).toEqual([{ n: String(ROWS + 1_200) }])
  }, 300_000)
})

await onRealServers(['hdfs-ha'], ({ 'hdfs-ha': ha }) => {
  test('the active NameNode killed between and amid the hours loses nothing', async () => {
    const shop = await startShop({ now: () => FIRST })
    const embeddedRoot = await temporaryFolder()
    const connection = { id: 'hdfs_default', type: 'webhdfs', host: ha.endpoints['webhdfs'] ?? '', login: 'hdfs' }
    const world = { embeddedRoot, shopUrl: shop.url, connections: [connection] }
    const lake = await openLake(madeUpContext({ embeddedRoot, connections: [connection] }), 'hdfs_default')
    await lake.delete('/gmarket', { recursive: true })
    const runs = Array.from({ length: 3 }, (_, i) => hourRun(intervalOf(i)[0]))
    const sums: string[] = []
    let killed = ''
    for (const [i, run] of runs.entries()) {
      const pages = []
      for (const category of GMARKET_CATEGORIES) pages.push(await crawlOne(world, run, category))
      const storing = storeHour(world, run, pages)
      // Amid the second hour's upload.
      if (i === 1) killed = await killActive(ha)
      sums.push((await storing).sha256)
    }
    const found = []
    for (const run of runs) {
      const hour = run.local.ts.slice(11, 13)
      for (const name of ['best', 'raw'])
        found.push(...(await lake.list(`/gmarket/${name}/dt=${run.local.ds}/hour=${hour}`)))
    }
    console.log('pipeline B, NameNode failover:', { killed, hours: runs.length, files: found.length })
    expect([found.length, new Set(sums).size]).toEqual([6, 3])
    await ha.restart(killed)
    await shop.close()
  }, 300_000)
})

/** The member whose NameNode says that it is active. */
async function killActive(ha: {
  endpoints: Readonly<Record<string, string>>
  kill(member: string): Promise<void>
}): Promise<string> {
  const addresses = (ha.endpoints['webhdfs'] ?? '').split(',')
  for (const [i, address] of addresses.entries()) {
    const answer = await fetch(`http://${address}/jmx?qry=Hadoop:service=NameNode,name=NameNodeStatus`).catch(
      () => null,
    )
    if (answer === null || !(await answer.text()).includes('"State" : "active"')) continue
    const name = `nn${i + 1}`
    await ha.kill(name)
    return name
  }
  throw new Error('no NameNode says that it is active')
}
