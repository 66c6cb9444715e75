// The orders' stream, killed at any step: counted once in Postgres, and what changed told once to the topic and the index.

import { afterAll, beforeAll, describe, test } from 'vitest'
import { runSql } from '../support/launch-postgres.ts'
import { removeTemporaryFoldersAfterwards } from '../support/operator-context.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { killEverywhere } from './kill-everywhere.ts'
import { type World, work } from './works.ts'
import {
  allFiles,
  copyOf,
  databaseOf,
  documentsIn,
  emptyWorld,
  forget,
  type Original,
  resultsIn,
  rowsIn,
  streamIn,
  urlOf,
  visibleFiles,
  withOrders,
} from './worlds.ts'

removeTemporaryFoldersAfterwards()
let server: TestPostgres
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())

async function original(): Promise<Original> {
  const url = await server.createDatabase()
  return { world: await withOrders(await emptyWorld({ connections: [databaseOf(url)] })), database: { server, url } }
}

describe('a window of orders, killed at any step and tried again,', () => {
  test('counts each order once, and is in the lake once', async () => {
    const from = await original()
    const units = async (world: World) => ({
      ...(await rowsIn(urlOf(world, server), 'order_minute', 'minute')),
      ...(await visibleFiles(world)),
    })
    await killEverywhere('orders into state and lake', {
      work: 'orders',
      guards: ['eventLog', 'lake', 'postgres', 'network'],
      prepare: () => copyOf(from),
      units,
      contents: async (world) => [
        await units(world),
        await streamIn(world, 'order_stats'),
        await rowsIn(urlOf(world, server), 'order_item_total', 'item_code'),
        await rowsIn(urlOf(world, server), 'order_seen', 'id'),
        await runSql(urlOf(world, server), 'select * from shop_revision'),
        Object.keys(await allFiles(world)),
      ],
      forget: (world) => forget(world, from),
    })
  })
})

test('what changed, told while it is killed at any step and told again, is in the topic once and in the index', async () => {
  const from = await original()
  await work('orders', from.world, 1)
  const units = async (world: World) => ({ ...(await documentsIn(world)), ...(await resultsIn(world)) })
  await killEverywhere('results into topic and index', {
    work: 'tell',
    guards: ['eventLog', 'index', 'postgres', 'network'],
    prepare: () => copyOf(from),
    units: resultsIn,
    contents: units,
    forget: (world) => forget(world, from),
  })
})
