// Tables that several tasks create at once, on a real server.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPostgres, type PostgresHook } from '../../operators/postgres/hook.ts'
import { createTables, upsertRows } from '../../operators/postgres/index.ts'
import { readPositions } from '../../operators/window-sinks/positions.ts'
import { createShopTables } from '../../pipelines/orders/tables.ts'
import type { ConnectionResult } from '../../sdk/index.ts'
import { madeUpContext } from '../support/operator-context.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { connectionOf } from './postgres-connection.ts'

const TASKS = 8
const ROUNDS = 5

let server: TestPostgres
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())

const open = (connection: ConnectionResult) =>
  openPostgres(madeUpContext({ embeddedRoot: '/nowhere', connections: [connection] }))

/** Of a new database, by all tasks at once. */
async function createAtOnce(create: (postgres: PostgresHook, task: number) => Promise<unknown>): Promise<void> {
  const connection = connectionOf(await server.createDatabase())
  const hooks = await Promise.all(Array.from({ length: TASKS }, () => open(connection)))
  try {
    await Promise.all(hooks.map(create))
  } finally {
    for (const hook of hooks) await hook.close()
  }
}

describe('tables that tasks create at once', () => {
  const kinds: Readonly<Record<string, (postgres: PostgresHook, task: number) => Promise<unknown>>> = {
    'of one statement': (postgres) =>
      createTables(postgres, ['t'], 'create table if not exists t (id int primary key)'),
    'of a group’s positions': (postgres) => readPositions(postgres, 'topic', 'group'),
    'of upserted rows': (postgres, task) =>
      upsertRows(postgres, {
        table: 'rows',
        columns: { id: 'int', text: 'text' },
        key: ['id'],
        watermark: { name: 'w', value: String(task) },
        rows: [[task, 'a']],
      }),
    'of the shop': createShopTables,
  }
  test.each(Object.entries(kinds))('%s are created once, and no task fails', async (_name, create) => {
    for (let round = 0; round < ROUNDS; round += 1) await createAtOnce(create)
  })

  test('are not created anew where they are, so a role that may not create them can use them', async () => {
    const url = await server.createDatabase()
    const owner = await open(connectionOf(url))
    await createTables(owner, ['t'], 'create table if not exists t (id int primary key)')
    await owner.run(
      'revoke create on schema public from public; drop role if exists reader; create role reader; set role reader',
    )
    await createTables(owner, ['t'], 'create table if not exists t (id int primary key)')
    await expect(createTables(owner, ['t', 'u'], 'create table if not exists u (id int)')).rejects.toThrow(
      /permission denied/,
    )
    await owner.close()
  })
})
