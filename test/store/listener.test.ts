// The listening connection: nothing of it is left, whenever it is stopped.

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Connection, type Database, openDatabase } from '../../store/database.ts'
import { Listener } from '../../store/listener.ts'
import { quietLog } from '../support/engine.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'

let postgres: TestPostgres
let database: Database

beforeAll(async () => {
  postgres = await startTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  const url = await postgres.createDatabase()
  database = openDatabase({ url, poolSize: 1, log: quietLog, application: 'listener' })
})
afterEach(() => database.close())

/** A listener, and its connections in the order they were made. `onConnect`: once one is there, before it listens. */
function makeListener(onConnect: (listener: Listener, client: Connection) => Promise<void>) {
  const clients: Connection[] = []
  const connect = async (kind: 'listen' | 'writer') => {
    const client = await database.connect(kind)
    clients.push(client)
    await onConnect(listener, client)
    return client
  }
  const listener: Listener = new Listener({
    database: { ...database, connect },
    channels: ['work'],
    log: quietLog,
    onNotify: () => undefined,
    onCatchUp: () => undefined,
  })
  return { listener, clients }
}

const isUsable = (client: Connection) =>
  client.query('select 1').then(
    () => true,
    () => false,
  )

test('stopped while it connects, it keeps no session', async () => {
  const { listener, clients } = makeListener((own) => own.stop())
  await listener.start()
  expect(clients).toHaveLength(1)
  expect(await Promise.all(clients.map(isUsable))).toEqual([false])
  expect(() => listener.sql).toThrow('the listening connection is down')
})

test('a connection that cannot listen is ended, and its start says so', async () => {
  const { listener, clients } = makeListener((_, client) =>
    client.query('begin; select 1/0').then(
      () => undefined,
      () => undefined,
    ),
  )
  await expect(listener.start()).rejects.toThrow('current transaction is aborted')
  expect(await Promise.all(clients.map(isUsable))).toEqual([false])
})
