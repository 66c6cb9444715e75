// The postgres operator and its hook on a real server: exact values, hostile values, and what is left after each kind of end.

import { connect as connectSocket, createServer, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openPostgres, type PostgresHook } from '../../operators/postgres/hook.ts'
import { type PostgresOptions, postgres } from '../../operators/postgres/postgres.ts'
import type { ConnectionResult } from '../../sdk/index.ts'
import { type MadeUp, type MadeUpContext, madeUpContext } from '../support/operator-context.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { connectionOf } from './postgres-connection.ts'

let server: TestPostgres
let connection: ConnectionResult
const closing: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())
beforeEach(async () => {
  connection = connectionOf(await server.createDatabase())
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const contextOf = (world: Partial<MadeUp> = {}): MadeUpContext =>
  madeUpContext({ embeddedRoot: '/nowhere', connections: [connection], ...world })

async function open(world: Partial<MadeUp> = {}, options = {}): Promise<PostgresHook> {
  const hook = await openPostgres(contextOf(world), 'postgres_default', options)
  closing.push(() => hook.close())
  return hook
}

const run = async (options: PostgresOptions, world: Partial<MadeUp> = {}) =>
  postgres(options).execute(contextOf(world), {})

/** Runs what a test wants to see from outside. */
async function seen(sql: string): Promise<readonly object[]> {
  const hook = await open()
  return hook.query(sql)
}

/** Statements of tests that run now, whoever runs them. */
const others = `select count(*) as n from pg_stat_activity where datname = current_database()
  and query like '%pg_sleep%' and pid <> pg_backend_pid() and state = 'active'`

async function startedSleeping(): Promise<void> {
  const hook = await open()
  await expect.poll(async () => (await hook.query<{ n: number }>(others))[0]?.n, { timeout: 10_000 }).toBe(1)
}

describe('a text that is split', () => {
  test('keeps functions with a body of SQL, rules and named parameters in slices whole', async () => {
    const sql = `create table t (a int[]);
      create function grade(n int) returns text begin atomic select case when n > 1 then 'b;' else case n when 1 then 'a' end end; end;
      create function twice(n int) returns int language sql begin atomic select n; select n * 2; end;
      create rule r as on delete to t do also (select 1; select 2);
      insert into t values (array[1,2,3]);
      select grade(1) as grade, twice(:n) as twice, a[1:2] as some, a[:n:3] as most, :이름::text as name from t`
    expect(await run({ sql, split: true, parameters: { n: 2, 이름: '김' } })).toEqual([
      { grade: 'a', twice: 4, some: [1, 2], most: [2, 3], name: '김' },
    ])
  })
})

describe('values', () => {
  test('come exactly', async () => {
    const hook = await open()
    const [row] = await hook.query(`select
      9007199254740991::bigint as safe, 9007199254740993::bigint as big, -9007199254740993::bigint as low,
      12::numeric as whole, 12.50::numeric(10,2) as exact, 0.1::float8 as float, 'NaN'::float8 as nan, 'infinity'::float8 as inf,
      true as yes, null as nothing, '한글'::text as text, 'x'::"char" as ch, date '2024-03-18' as day, time '09:00:00.5' as hour,
      timestamp '2024-03-18 09:00:00.123456' as local, timestamptz '2024-03-18 09:00:00.123456+09' as at,
      timestamptz '2024-03-18 09:00:00+05:45' as nepal, timestamptz 'infinity' as ever,
      timestamptz '0044-03-15 00:00:00+00 BC' as ides, interval '1 day 2 hours' as span,
      '{"a":[1,null]}'::jsonb as json, array[1,null,3] as list, array[array['a,"\\'],array[null]] as nested,
      array[9007199254740993]::bigint[] as bigs, array['2024-03-18 00:00+00'::timestamptz] as instants,
      '10.0.0.1/8'::inet as address, int4range(1, 5) as span2`)
    expect(row).toEqual({
      ...{ safe: 9007199254740991, big: '9007199254740993', low: '-9007199254740993', whole: 12, exact: '12.50' },
      ...{
        float: 0.1,
        nan: 'NaN',
        inf: 'Infinity',
        yes: true,
        nothing: null,
        text: '한글',
        ch: 'x',
        day: '2024-03-18',
      },
      ...{ hour: '09:00:00.5', local: '2024-03-18T09:00:00.123456', at: '2024-03-18T00:00:00.123456Z' },
      ...{ nepal: '2024-03-18T03:15:00Z', ever: 'infinity', ides: '0044-03-15 00:00:00+00 BC', span: '1 day 02:00:00' },
      ...{ json: { a: [1, null] }, list: [1, null, 3], nested: [['a,"\\'], [null]], bigs: ['9007199254740993'] },
      ...{ instants: ['2024-03-18T00:00:00Z'], address: '10.0.0.1/8', span2: '[1,5)' },
    })
  })

  test('of JSON keep their integers beyond 2^53 too, as text', async () => {
    const digits = '12345678901234567890'
    expect(
      await seen(`select '{"id": ${digits}}'::jsonb as b, '[${digits}, 1]'::json as j, ${digits}::numeric as n`),
    ).toEqual([{ b: { id: digits }, j: [digits, 1], n: digits }])
  })

  test('come the same whatever the database prefers', async () => {
    const hook = await open()
    await hook.run(`alter database "${connection.schema}" set datestyle = 'German'`)
    await hook.run(`alter database "${connection.schema}" set timezone = 'America/New_York'`)
    expect(await seen(`select timestamptz '2024-03-18 00:00+00' as at, date '2024-03-18' as day`)).toEqual([
      { at: '2024-03-18T00:00:00Z', day: '2024-03-18' },
    ])
  })

  test('of type bytea are refused with what to do', async () => {
    const hook = await open()
    await expect(hook.query(`select 'x'::bytea`)).rejects.toThrow(/bytea holds bytes.*encode/)
    expect(await hook.query('select 1 as one')).toEqual([{ one: 1 }])
  })

  test('of two columns with one name are refused', async () => {
    await expect(seen('select 1 as a, 2 as a')).rejects.toThrow(/two columns of the result are named a/)
  })
})

describe('parameters', () => {
  const hostile = `'; drop table t; -- \\ " $1 :name {{ds}} \n 한글`

  test('are values whatever they hold', async () => {
    const hook = await open()
    await hook.run('create table t (a text, b text)')
    await run({ sql: 'insert into t values ($1, $2)', parameters: [hostile, null] })
    await run({ sql: 'insert into t values (:text, :text)', parameters: { text: hostile } })
    expect(await hook.query('select * from t')).toEqual([
      { a: hostile, b: null },
      { a: hostile, b: hostile },
    ])
  })

  test('may be lists, objects, dates, big numbers', async () => {
    const hook = await open()
    const [row] = await hook.query(
      'select $1::text[] as list, $2::jsonb as json, $3::timestamptz as at, $4::bigint as big, $5::int[] as ints, $6::bool as flag',
      [
        ['a,b', '"', '\\', 'NULL', null, ''],
        { a: hostile },
        new Date(0),
        9007199254740993n,
        [
          [1, 2],
          [3, 4],
        ],
        true,
      ],
    )
    expect(row).toEqual({
      list: ['a,b', '"', '\\', 'NULL', null, ''],
      json: { a: hostile },
      at: '1970-01-01T00:00:00Z',
      big: '9007199254740993',
      ints: [
        [1, 2],
        [3, 4],
      ],
      flag: true,
    })
  })

  test('that Postgres cannot hold are refused before they are sent', async () => {
    const hook = await open()
    await expect(hook.query('select $1::text', ['a\0b'])).rejects.toThrow(/NUL character/)
    await expect(hook.query('select $1::text', [undefined])).rejects.toThrow(/type undefined/)
  })

  test('come from the rendered options', async () => {
    const operator = postgres<{ day: string }>({ sql: 'select :day as day', parameters: { day: '{{args.day}}' } })
    expect(operator.templateFields).toEqual(['sql', 'parameters'])
    const rendered = { ...operator.options, parameters: { day: hostile } }
    expect(await operator.execute(contextOf(), { day: hostile }, rendered)).toEqual([{ day: hostile }])
  })
})

describe('a task', () => {
  beforeEach(async () => {
    await seen('create table t (n int primary key)')
  })

  test('gives the rows of its statement, the first one, or none', async () => {
    const sql = 'select generate_series(1, 3) as n'
    expect(await run({ sql })).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
    expect(await run({ sql, handler: 'one' })).toEqual({ n: 1 })
    expect(await run({ sql: `${sql} limit 0`, handler: 'one' })).toBeNull()
    expect(await run({ sql, handler: 'none' })).toBeUndefined()
    expect(await run({ sql: 'insert into t values (1)' })).toBeNull()
  })

  test('gives a list for a list of statements, the last for a text of several', async () => {
    const [one, two] = ['select 1 as n', 'select 2 as n']
    expect(await run({ sql: [one, two] })).toEqual([[{ n: 1 }], [{ n: 2 }]])
    expect(await run({ sql: `${one}; ${two}` })).toEqual([{ n: 2 }])
    expect(await run({ sql: `${one}; ${two};`, split: true })).toEqual([{ n: 2 }])
  })

  test('is all or nothing', async () => {
    await expect(run({ sql: ['insert into t values (1)', 'insert into t values (1)'] })).rejects.toMatchObject({
      code: '23505',
    })
    expect(await seen('select * from t')).toEqual([])
  })

  test('with autocommit keeps what was done, and may do what no transaction may', async () => {
    const sql = ['insert into t values (1)', 'insert into t values (1)']
    await expect(run({ sql, autocommit: true })).rejects.toMatchObject({ code: '23505' })
    expect(await seen('select * from t')).toEqual([{ n: 1 }])
    await run({ sql: 'vacuum t', autocommit: true })
    await expect(run({ sql: 'vacuum t' })).rejects.toThrow(/set autocommit: true/)
  })

  test('takes parameters for several statements once they are split', async () => {
    const options = { sql: 'insert into t values (:n); select n from t where n = :n', parameters: { n: 5 } }
    await expect(run(options)).rejects.toThrow(/unless split is true/)
    expect(await run({ ...options, split: true })).toEqual([{ n: 5 }])
  })

  test('whose rows are too large for an XCom fails, and writes nothing', async () => {
    const sql = ['insert into t values (1)', `select repeat('x', 1000) from generate_series(1, 1000000)`]
    await expect(run({ sql })).rejects.toThrow(/larger than an XCom may be.*openPostgres/)
    expect(await seen('select * from t')).toEqual([])
    const huge = `select repeat('x', 1000) as x from generate_series(1, 5000)`
    expect(await run({ sql: huge, handler: 'one' })).toEqual({ x: 'x'.repeat(1000) })
  })

  test('tells what it ran, and the server’s notices', async () => {
    const op = contextOf()
    await postgres({ sql: `do $$ begin raise notice '안녕'; end $$` }).execute(op, {})
    expect(op.lines.map(({ message }) => message)).toEqual(['running', '안녕', 'done'])
  })

  test('says where a statement is wrong', async () => {
    await expect(run({ sql: 'select nothing from t' })).rejects.toThrow(
      /"nothing" does not exist \(SQLSTATE 42703; at character 8\)/,
    )
  })
})

describe('a statement that runs too long', () => {
  test('is cancelled by its time limit', async () => {
    await expect(run({ sql: 'select pg_sleep(60)', timeout: 0.05 })).rejects.toThrow(
      /statement timeout \(SQLSTATE 57014/,
    )
  })

  test('is cancelled with the attempt, and its transaction rolled back', async () => {
    await seen('create table t (n int)')
    const abort = new AbortController()
    const running = run({ sql: ['insert into t values (1)', 'select pg_sleep(60)'] }, { signal: abort.signal })
    const ended = expect(running).rejects.toThrow('its time limit')
    await startedSleeping()
    abort.abort(new Error('Task aborted by its time limit'))
    await ended
    expect(await seen(others)).toEqual([{ n: 0 }])
    expect(await seen('select * from t')).toEqual([])
  })
})

describe('a connection', () => {
  test('that the server ends fails the statement, and can still be closed', async () => {
    const hook = await open()
    const running = hook.query('select pg_sleep(60)')
    const ended = expect(running).rejects.toThrow(/terminating connection|Connection terminated/)
    await startedSleeping()
    await seen(
      `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and query like '%pg_sleep%' and pid <> pg_backend_pid()`,
    )
    await ended
    await expect(hook.query('select 1')).rejects.toThrow()
    await hook.close()
  })

  test('that breaks in the middle fails the statement, and the next ones', async () => {
    const sockets: Socket[] = []
    const { host, port } = connection
    const target = host?.startsWith('/')
      ? { path: `${host}/.s.PGSQL.${port}` }
      : { host: host ?? '', port: port ?? 5432 }
    const proxy = createServer((from) => {
      const to = connectSocket(target)
      for (const socket of [from, to]) socket.on('error', () => undefined)
      sockets.push(from)
      from.pipe(to).pipe(from)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    closing.push(() => new Promise((resolve) => proxy.close(resolve)))
    const address = proxy.address()
    const proxied = typeof address === 'object' && address !== null ? address.port : 0
    connection = { ...connection, host: '127.0.0.1', port: proxied }
    const op = contextOf()
    const hook = await openPostgres(op)
    closing.push(() => hook.close())
    const failing = expect(hook.transaction(() => hook.query('select pg_sleep(60)'))).rejects.toThrow(
      /connection to Postgres failed/,
    )
    await expect.poll(async () => sockets.length).toBeGreaterThan(0)
    for (const socket of sockets) socket.destroy()
    await failing
  })

  test.each([
    [{ type: 'http' }, /must be of type postgres/],
    [{ host: null }, /needs a host and a login/],
    [{ extra: '{"sslmode":"sometimes"}' }, /sslmode must be one of/],
    [{ extra: '{"sslrootcert":"/nowhere.pem"}', host: '127.0.0.1' }, /cannot be read/],
  ])('%o is refused with a reason', async (more, reason) => {
    connection = { ...connection, ...more }
    await expect(run({ sql: 'select 1' })).rejects.toThrow(reason)
  })

  test('that is missing is told; one that refuses says why', async () => {
    await expect(run({ sql: 'select 1', postgresConnId: 'lake' })).rejects.toThrow(
      /connection lake: there is none: add it/,
    )
    connection = { ...connection, schema: 'no_such_database' }
    await expect(run({ sql: 'select 1' })).rejects.toThrow(/no_such_database.*3D000/)
  })
})

describe('a transaction', () => {
  test('is committed with what it gives back, and rolled back with its error', async () => {
    const hook = await open()
    await hook.run('create table t (n int)')
    expect(await hook.transaction(async (tx) => (await tx.query('insert into t values (1) returning n'))[0])).toEqual({
      n: 1,
    })
    const failing = hook.transaction(async (tx) => {
      await tx.query('insert into t values (2)')
      throw new Error('thought better of it')
    })
    await expect(failing).rejects.toThrow('thought better of it')
    expect(await hook.query('select * from t')).toEqual([{ n: 1 }])
  })

  test('in which an error was swallowed does not pass for committed', async () => {
    const hook = await open()
    await hook.run('create table t (n int primary key)')
    const swallowing = hook.transaction(async (tx) => {
      await tx.query('insert into t values (1)')
      await tx.query('insert into t values (1)').catch(() => undefined)
    })
    await expect(swallowing).rejects.toThrow(/all of it was rolled back/)
    expect(await hook.query('select * from t')).toEqual([])
  })

  test('does not nest', async () => {
    const hook = await open()
    await expect(hook.transaction((tx) => tx.transaction(() => Promise.resolve(1)))).rejects.toThrow(/do not nest/)
    expect(await hook.query('select 1 as n')).toEqual([{ n: 1 }])
  })
})

test('options that cannot be are told while the DAG is read', () => {
  expect(() => postgres({ sql: [' '] })).toThrow(/sql is empty/)
  expect(() => postgres({ sql: 'select 1', timeout: 0 })).toThrow(/timeout must be above 0/)
})
