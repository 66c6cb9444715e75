// The mart in Postgres: an hour is there as it was or as it is now, and its watermark with it.

import { afterAll, beforeAll, describe, test } from 'vitest'
import { writeParquet } from '../../operators/parquet/write.ts'
import { hiveExternalTable } from '../../operators/warehouse/hive-external-table.ts'
import { BEST_COLUMNS } from '../../pipelines/gmarket/columns.ts'
import { runSql } from '../support/launch-postgres.ts'
import { removeTemporaryFoldersAfterwards } from '../support/operator-context.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { killEverywhere, type Sink, type Units } from './kill-everywhere.ts'
import { contextOf, HOUR, hourAfter, type World, work } from './works.ts'
import { bestRows, copyOf, databaseOf, emptyWorld, forget, type Original, putFile, urlOf } from './worlds.ts'

removeTemporaryFoldersAfterwards()
let server: TestPostgres
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())

const load = hiveExternalTable({
  database: 'gmarket',
  table: 'best',
  columns: BEST_COLUMNS,
  partitionedBy: ['dt', 'hour'],
})

/** Two hours of the table that the mart reads. */
async function putHours(world: World, version: string): Promise<void> {
  for (const run of [HOUR, hourAfter(HOUR)]) {
    const hour = run.local.ts.slice(11, 13)
    const target = `/gmarket/best/dt=${run.local.ds}/hour=${hour}/best.parquet`
    const location = await putFile(world, target, (path) =>
      writeParquet({ path, columns: BEST_COLUMNS, rows: bestRows(run, '1', version), sortBy: ['rank'] }),
    )
    await load.execute(contextOf(world), { location })
  }
}

async function hoursIn(world: World): Promise<Units> {
  const [there] = await runSql(urlOf(world, server), "select to_regclass('dm_sinks') is not null as there")
  if (there?.['there'] !== true) return {}
  const rows = await runSql(
    urlOf(world, server),
    'select slot::text as slot, md5(string_agg(d::text, chr(10) order by rank)) as rows from dm_sinks d group by slot',
  )
  return Object.fromEntries(rows.map((row) => [String(row['slot']), row['rows']]))
}

const sinkOf = (original: Original): Sink => ({
  work: 'mart',
  guards: ['postgres', 'network'],
  prepare: () => copyOf(original),
  units: hoursIn,
  contents: async (world) => {
    const url = urlOf(world, server)
    const tables = await runSql(
      url,
      "select relname from pg_class where relnamespace = 'public'::regnamespace order by 1",
    )
    return [await hoursIn(world), tables, await runSql(url, 'select name, value from baram_watermark')]
  },
  forget: (world) => forget(world, original),
})

describe('the mart, killed at any step and filled again,', () => {
  test('has each row of its hours once', async () => {
    const url = await server.createDatabase()
    const world = await emptyWorld({ connections: [databaseOf(url)] })
    await putHours(world, 'new')
    await killEverywhere('Postgres mart (new table)', sinkOf({ world, database: { server, url } }))
  })

  test('changes, adds and removes the rows of an hour at once', async () => {
    const url = await server.createDatabase()
    const world = await emptyWorld({ connections: [databaseOf(url)] })
    await putHours(world, 'old')
    await work('mart', world, 1)
    await putHours(world, 'new')
    await killEverywhere('Postgres mart (older rows)', sinkOf({ world, database: { server, url } }))
  })
})
