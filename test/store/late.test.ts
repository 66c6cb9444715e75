// Late is not lost (docs/reliability.md rule 22): what was sent before a connection broke may come into force a minute later.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../store/database.ts'
import { quietLog } from '../support/engine.ts'
import { type LateProxy, startLateProxy } from '../support/late-proxy.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'

let postgres: TestPostgres
let proxy: LateProxy
let database: Database
/** Straight to the server. */
let direct: Database

beforeAll(async () => {
  postgres = await startTestPostgres()
})
afterAll(() => postgres.stop())

async function open(isPooler = false): Promise<void> {
  const url = await postgres.createDatabase()
  proxy = await startLateProxy(url, isPooler)
  database = openDatabase({ url: proxy.url, poolSize: 4, log: quietLog, application: 'late' })
  direct = openDatabase({ url, poolSize: 1, log: quietLog, application: 'direct' })
  await direct.query('create schema if not exists baram')
  await direct.query('create table baram.t (id int primary key, v text)')
}
afterEach(async () => {
  await database.close()
  await direct.close()
  await proxy.close()
})

const values = async (sql: Database) => (await sql.query<{ v: string }>('select v from baram.t order by id')).rows

describe('a COMMIT that arrives after its client has given up', () => {
  test.each([
    ['', false],
    [', also behind a pooler that shows pids of its own', true],
  ])('finds no session: what was read afterwards stays true%s', async (_, isPooler) => {
    await open(isPooler)
    const held = proxy.holdBack('commit')
    const lost = database.transaction((tx) => tx.query("insert into baram.t values (1, 'late')"))
    const outcome = lost.then(
      () => null,
      (error: unknown) => error,
    )
    const late = await held
    expect(await outcome).toMatchObject({ code: 'DATABASE_UNAVAILABLE', details: { fate: 'unknown' } })
    // The first statement after it waits until the server's side is gone.
    expect(await values(database)).toEqual([])
    await late.letThrough()
    expect(await values(direct)).toEqual([])
    const { rows } = await direct.query(
      "select 1 from pg_stat_activity where application_name like 'late%' and state like 'idle in%'",
    )
    expect(rows).toEqual([])
  })

  test('that did arrive counts: its row is there for the first statement after it', async () => {
    await open()
    await database.transaction((tx) => tx.query("insert into baram.t values (1, 'stored')"))
    const held = proxy.holdBack('select 1')
    const reading = database.query('select 1').catch((error: unknown) => error)
    await held
    expect(await reading).toBeInstanceOf(Error)
    expect(await values(database)).toEqual([{ v: 'stored' }])
  })

  test.each([
    ['', false],
    [', also behind a pooler', true],
  ])('of a writer: the next writer opens when it is settled%s', async (_, isPooler) => {
    await open(isPooler)
    const writer = await database.connect('writer')
    await writer.query('begin')
    await writer.query("insert into baram.t values (1, 'late')")
    const held = proxy.holdBack('commit')
    const committing = writer.query('commit').catch((error: unknown) => error)
    const late = await held
    expect(await committing).toBeInstanceOf(Error)
    database.abandon(writer)
    const next = await database.connect('writer')
    // Its lock is gone with it: nobody waits for a row that a broken connection holds.
    await next.query("insert into baram.t values (1, 'next')")
    await late.letThrough()
    expect(await values(direct)).toEqual([{ v: 'next' }])
    await next.end()
  })
})

describe('a client whose statement timed out', () => {
  test('is destroyed: the next statement has another session', async () => {
    await open()
    const pidOf = async () => (await database.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid
    const before = await pidOf()
    proxy.silence(true)
    const hung = database.query('select 1').catch((error: unknown) => error)
    proxy.silence(false)
    void hung
    expect(await pidOf()).not.toBe(before)
  })
})
