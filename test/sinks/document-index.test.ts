// The document index in Postgres: each document once and whole, each unusable message in the dead letters once.

import { afterAll, beforeAll, describe, test } from 'vitest'
import { removeTemporaryFoldersAfterwards } from '../support/operator-context.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { killEverywhere } from './kill-everywhere.ts'
import {
  allFiles,
  copyOf,
  databaseOf,
  documentsIn,
  emptyWorld,
  forget,
  groupsIn,
  recordsIn,
  withHistory,
  withReplayed,
} from './worlds.ts'

removeTemporaryFoldersAfterwards()
let server: TestPostgres
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())

describe('the topic into the index, killed at any step and tried again,', () => {
  test('makes each document once', async () => {
    const url = await server.createDatabase()
    const world = await emptyWorld({ connections: [databaseOf(url)] })
    const original = { world: await withReplayed(await withHistory(world)), database: { server, url } }
    await killEverywhere('document index', {
      work: 'index',
      guards: ['index', 'eventLog', 'postgres', 'network'],
      prepare: () => copyOf(original),
      units: documentsIn,
      contents: async (one) => [
        await documentsIn(one),
        await recordsIn(one),
        await groupsIn(one),
        Object.keys(await allFiles(one)),
      ],
      forget: (one) => forget(one, original),
    })
  })
})
