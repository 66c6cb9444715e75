// The SQL sensor on a real server: Airflow's rules of its SqlSensor.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openPostgres } from '../../operators/postgres/hook.ts'
import { type SqlSensorOptions, sqlSensor } from '../../operators/postgres/sql-sensor.ts'
import type { ConnectionResult } from '../../sdk/index.ts'
import { TaskDeferred, TaskRescheduled } from '../../sdk/signals.ts'
import { madeUpContext } from '../support/operator-context.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { connectionOf } from './postgres-connection.ts'

let server: TestPostgres
let connection: ConnectionResult

beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())
beforeEach(async () => {
  connection = connectionOf(await server.createDatabase())
})

// The try begins now: a sensor's time limit counts from there.
const contextOf = () => madeUpContext({ embeddedRoot: '/nowhere', connections: [connection], triedAt: new Date() })
const BASE = { connId: 'postgres_default', mode: 'reschedule', pokeInterval: 30 } as const
const look = async (sql: string, options: Partial<SqlSensorOptions> = {}) =>
  sqlSensor({ ...BASE, sql, ...options }).execute(contextOf(), {})
const waits = (sql: string, options: Partial<SqlSensorOptions> = {}) =>
  expect(look(sql, options)).rejects.toThrow(TaskRescheduled)
const isThere = (sql: string, options: Partial<SqlSensorOptions> = {}) =>
  expect(look(sql, options)).resolves.toBeUndefined()

describe('a query', () => {
  test.each([
    'select 1 where false',
    'select null',
    'select 0',
    "select '0'",
    "select ''",
    'select false',
    'select 0::bigint',
    'select 0.00::numeric(5,2)',
    'select count(*) from pg_class where false',
  ])('%s means not yet', async (sql) => {
    await waits(sql)
  })

  test.each(['select 1', 'select 0.01::numeric', "select 'a'", 'select true', "select date '2024-03-18'"])(
    '%s means it is there',
    async (sql) => {
      await isThere(sql)
    },
  )

  test('is judged by the first column as it stands, and the first row', async () => {
    await waits('select 0 as b, 1 as "1"')
    await isThere('select 1 as b, 0 as "1"')
    await isThere('select 1 union all select 0')
    await waits('select x from (values (0), (1)) as t (x) order by x')
  })

  test('takes parameters as data', async () => {
    const hostile = `'; drop table t; --`
    await isThere('select :text::text = $a$' + hostile + '$a$', { parameters: { text: hostile } })
    await isThere('select $1::int > 5', { parameters: [6] })
  })

  test('with failOnEmpty fails when it gives no row, and not when its cell is empty', async () => {
    await expect(look('select 1 where false', { failOnEmpty: true })).rejects.toThrow(/gave no row.*failOnEmpty/)
    await waits('select null', { failOnEmpty: true })
  })

  test('that is wrong fails the try with what Postgres says', async () => {
    await expect(look('select * from missing')).rejects.toThrow(/relation "missing" does not exist/)
  })
})

describe('criteria', () => {
  test('failure is asked before success', async () => {
    const both = { failure: (n: unknown) => n === 5, success: (n: unknown) => n === 5 }
    await expect(look('select 5', both)).rejects.toMatchObject({ name: 'SqlSensorError' })
    await expect(look('select 5', { ...both, softFail: true })).rejects.toMatchObject({ name: 'SqlSensorError' })
  })

  test('success alone decides, whatever the cell', async () => {
    await isThere('select 0', { success: (n) => n === 0 })
    await waits('select 1', { success: (n) => Number(n) > 1 })
    await isThere('select null', { success: (n) => n === null })
  })

  test('without success what does not fail is judged by the cell', async () => {
    const failure = (n: unknown) => n === -1
    await expect(look('select -1', { failure })).rejects.toThrow('answered what failure is for: -1')
    await waits('select 0', { failure })
    await isThere('select 1', { failure })
  })

  test('see what selector takes of the row', async () => {
    const selector = ({ state, n }: { readonly [name: string]: unknown }) => `${String(state)}:${String(n)}`
    await isThere("select 0 as n, 'done' as state", { selector, success: (value) => value === 'done:0' })
    await waits('select 1 as a, 0 as b', { selector: (row) => row['b'] ?? null })
  })
})

describe('waiting', () => {
  test('in a slot looks until it is there', async () => {
    const hook = await openPostgres(contextOf(), 'postgres_default')
    await hook.run('create table seen (n int)')
    await hook.close()
    // Each look leaves a row: the third one finds three.
    const sql = 'insert into seen values (1) returning (select count(*) from seen)'
    await isThere(sql, { mode: 'poke', pokeInterval: 0, success: (n) => Number(n) >= 2 })
  })

  test('without a slot asks to be looked at again after the interval', async () => {
    await expect(look('select 0')).rejects.toMatchObject({ after: 30 })
  })

  test('in the triggerer takes along what the query is', async () => {
    const deferred = look('select $1::int', { parameters: [0], mode: 'defer' })
    await expect(deferred).rejects.toThrow(TaskDeferred)
    await expect(deferred).rejects.toMatchObject({
      wait: { args: { args: { connId: 'postgres_default', sql: 'select $1::int', parameters: [0] } } },
    })
  })

  test('leaves no connection behind', async () => {
    await waits('select 0')
    const hook = await openPostgres(contextOf(), 'postgres_default')
    try {
      const others = `select count(*)::int as n from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`
      await expect.poll(async () => hook.query(others), { timeout: 10_000 }).toEqual([{ n: 0 }])
    } finally {
      await hook.close()
    }
  })
})
