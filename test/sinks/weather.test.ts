// The weather in the document index: each hour of the day once, as it was or as it is now.

import { afterAll, beforeAll, describe, test } from 'vitest'
import type { ConnectionResult } from '../../sdk/index.ts'
import { type SimulatedWeather, startWeather } from '../../services/simulated/weather/server.ts'
import { removeTemporaryFoldersAfterwards } from '../support/operator-context.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { killEverywhere } from './kill-everywhere.ts'
import { work } from './works.ts'
import { copyOf, databaseOf, documentsIn, emptyWorld, forget } from './worlds.ts'

const KEY = 'a/key+of=='
removeTemporaryFoldersAfterwards()
let server: TestPostgres
let before: SimulatedWeather
let now: SimulatedWeather
beforeAll(async () => {
  server = await startTestPostgres()
  // Three pages of a day, so that there is a middle.
  const options = { now: () => Date.now(), key: KEY, mostRows: 10, callsPerDay: 1_000_000 }
  before = await startWeather({ ...options, seed: 1 })
  now = await startWeather({ ...options, seed: 2 })
})
afterAll(async () => {
  await before?.close()
  await now?.close()
  await server?.stop()
})

function connectionTo({ url }: SimulatedWeather): ConnectionResult {
  const { hostname: host, port } = new URL(url)
  return { id: 'open_data_kr_default', type: 'http', schema: 'http', host, port: Number(port), password: KEY }
}

describe('a day of a station into the index, killed at any step and tried again,', () => {
  test('makes each hour a document once', async () => {
    const url = await server.createDatabase()
    const world = await emptyWorld({ connections: [databaseOf(url), connectionTo(before)] })
    // Documents of an earlier run, which this one replaces.
    await work('weather', world, 1)
    const original = { world: { ...world, connections: [connectionTo(now)] }, database: { server, url } }
    await killEverywhere('weather', {
      work: 'weather',
      guards: ['index', 'postgres', 'files', 'network'],
      prepare: () => copyOf(original),
      units: documentsIn,
      contents: documentsIn,
      forget: (one) => forget(one, original),
    })
  })
})
