// A window of the vehicles' stream, killed at any step of any sink: the same points in Postgres and in the lake, the garbage in the
// dead letters once, and the offset behind exactly the window that was begun.

import { afterAll, beforeAll, describe, test } from 'vitest'
import { runSql } from '../support/launch-postgres.ts'
import { removeTemporaryFoldersAfterwards } from '../support/operator-context.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { killEverywhere, type Sink, type Units } from './kill-everywhere.ts'
import type { WorkName, World } from './works.ts'
import {
  allFiles,
  copyOf,
  databaseOf,
  emptyWorld,
  forget,
  type Original,
  rowsIn,
  streamIn,
  urlOf,
  visibleFiles,
  withCars,
} from './worlds.ts'

removeTemporaryFoldersAfterwards()
let server: TestPostgres
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())

async function original(): Promise<Original> {
  const url = await server.createDatabase()
  return { world: await withCars(await emptyWorld({ connections: [databaseOf(url)] })), database: { server, url } }
}

interface Stream {
  readonly work: WorkName
  readonly guards: Sink['guards']
  readonly group: string
  readonly table: string
  readonly key: string
}

const sinkOf = (from: Original, { work, guards, group, table, key }: Stream): Sink => {
  const units = async (world: World): Promise<Units> => ({
    ...(await rowsIn(urlOf(world, server), table, key)),
    ...(await visibleFiles(world)),
  })
  return {
    work,
    guards,
    prepare: () => copyOf(from),
    units,
    contents: async (world) => [
      await units(world),
      await streamIn(world, group),
      await runSql(
        urlOf(world, server),
        "select relname from pg_class where relnamespace = 'public'::regnamespace order by 1",
      ),
      Object.keys(await allFiles(world)),
    ],
    forget: (world) => forget(world, from),
  }
}

describe('a window of the vehicles’ stream, killed at any step and tried again,', () => {
  const cars = { work: 'cars', group: 'car_info', table: 'car_info_table', key: 'data_id' } as const

  test('is once in Postgres, in the lake and in the dead letters', async () => {
    const guards = ['eventLog', 'lake', 'postgres', 'network'] as const
    await killEverywhere('stream into Postgres and lake', sinkOf(await original(), { ...cars, guards }))
  })

  test('is so also where a file is half written', async () => {
    await killEverywhere(
      'stream into Postgres and lake (files)',
      sinkOf(await original(), { ...cars, guards: ['files'] }),
    )
  })
})

test('a window whose positions Postgres keeps, killed at any step and tried again, is there once', async () => {
  const stream = { work: 'keep', group: 'keep', table: 'kept', key: 'key' } as const
  const guards = ['eventLog', 'postgres', 'network'] as const
  await killEverywhere('stream whose positions Postgres keeps', sinkOf(await original(), { ...stream, guards }))
})
