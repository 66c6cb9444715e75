// COPY through the hook on a real server: every value comes in as it was, and a copy that fails leaves nothing.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openPostgres, type PostgresHook } from '../../operators/postgres/hook.ts'
import type { ConnectionResult } from '../../sdk/index.ts'
import { type MadeUp, madeUpContext } from '../support/operator-context.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { connectionOf } from './postgres-connection.ts'

let server: TestPostgres
let connection: ConnectionResult
const hooks: PostgresHook[] = []

beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())
beforeEach(async () => {
  connection = connectionOf(await server.createDatabase())
})
afterEach(async () => {
  for (const hook of hooks.splice(0)) await hook.close()
})

async function open(world: Partial<MadeUp> = {}): Promise<PostgresHook> {
  const hook = await openPostgres(madeUpContext({ embeddedRoot: '/nowhere', connections: [connection], ...world }))
  hooks.push(hook)
  return hook
}

const seen = async (sql: string) => (await open()).query(sql)

describe('COPY', () => {
  const hostile = [
    ...[
      '',
      'a\tb',
      'a\nb',
      'a\r\nb',
      '\\',
      '\\N',
      '\\.',
      '\\n',
      '"',
      "'",
      ',',
      ' ',
      '한글 🙂',
      'NULL',
      '\b\f\v\u0001\u007f',
      '\\x41',
    ],
    `'); drop table t; --`,
  ]

  test('brings every text in as it was', async () => {
    const hook = await open()
    await hook.run('create schema "My Schema"; create table "My Schema"."t ""quoted""" ("n" int, "odd "" name" text)')
    const rows = hostile.map((text, n) => [n, text])
    const table = { schema: 'My Schema', table: 't "quoted"' }
    expect(await hook.copyFrom(table, ['n', 'odd " name'], rows, { batch: 3 })).toBe(hostile.length)
    const found = await hook.query<{ t: string }>(
      `select "odd "" name" as t from "My Schema"."t ""quoted""" order by n`,
    )
    expect(found.map(({ t }) => t)).toEqual(hostile)
  })

  test('brings every kind of value in', async () => {
    const hook = await open()
    await hook.run('create table t (a bigint, b numeric, c bool, d timestamptz, e jsonb, f text[], g bytea, h text)')
    const row = [
      9007199254740993n,
      '12.50',
      false,
      new Date(0),
      { a: ['\t'] },
      ['a\\', '"', null],
      Buffer.from([0, 255]),
      null,
    ]
    await hook.copyFrom('public.t', ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'], [row])
    expect(await hook.query(`select a, b, c, d, e, f, encode(g, 'hex') as g, h from t`)).toEqual([
      {
        ...{ a: '9007199254740993', b: '12.50', c: false, d: '1970-01-01T00:00:00Z', e: { a: ['\t'] } },
        ...{ f: ['a\\', '"', null], g: '00ff', h: null },
      },
    ])
  })

  test('takes many rows as they come, without holding them', async () => {
    const hook = await open()
    await hook.run('create table t (n int, text text)')
    async function* rows() {
      for (let n = 0; n < 50_000; n += 1) yield [n, `row ${n}`]
    }
    expect(await hook.copyFrom('t', ['n', 'text'], rows())).toBe(50_000)
    expect(await hook.query('select count(*) as n, count(distinct text) as d from t')).toEqual([
      { n: 50_000, d: 50_000 },
    ])
  })

  test('leaves nothing when a row cannot be, the server refuses, or the rows end with an error', async () => {
    const hook = await open()
    await hook.run('create table t (n int primary key, text text)')
    const columns = ['n', 'text']
    await expect(hook.copyFrom('t', columns, [[1, 'a'], [2]])).rejects.toThrow(/row 2 has 1 values for 2 columns/)
    await expect(hook.copyFrom('t', columns, [[1, 'a\0']])).rejects.toThrow(/row 1, column text: a text with a NUL/)
    await expect(
      hook.copyFrom('t', columns, [
        [1, 'a'],
        [1, 'b'],
      ]),
    ).rejects.toMatchObject({ code: '23505' })
    async function* failing() {
      yield [1, 'a']
      throw new Error('the source broke')
    }
    await expect(hook.copyFrom('t', columns, failing())).rejects.toThrow('the source broke')
    expect(await hook.query('select * from t')).toEqual([])
  })

  test('into a table that is not there, or is no single name, fails and leaves the connection usable', async () => {
    const hook = await open()
    await expect(hook.copyFrom('missing', ['n'], [[1]])).rejects.toThrow(/"missing" does not exist/)
    await expect(hook.copyFrom('t (n) from stdin; drop table x; --', ['n'], [[1]])).rejects.toMatchObject({
      code: '42P01',
    })
    expect(await hook.query('select 1 as n')).toEqual([{ n: 1 }])
  })

  test('ends with the attempt', async () => {
    await seen('create table t (n int)')
    const abort = new AbortController()
    const hook = await open({ signal: abort.signal })
    async function* endless() {
      for (let n = 0; ; n += 1) {
        if (n === 10_000) abort.abort(new Error('cleared'))
        yield [n]
      }
    }
    await expect(hook.copyFrom('t', ['n'], endless())).rejects.toThrow('cleared')
    await hook.close()
    expect(await seen('select * from t')).toEqual([])
  })
})
