// The door's table: what each hostile thing is answered, as Airflow would or better, and that it changed nothing.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../store/database.ts'
import { ofDatabase } from '../../webserver/http/database-errors.ts'
import { isDeeperThan } from '../../webserver/http/door.ts'
import { parseDate } from '../../webserver/http/query.ts'
import { quietLog } from '../support/engine.ts'
import { closeAgent, sendRaw } from './hostile/send.ts'
import { makeDag, seedRun, storeDag } from './seed.ts'
import { startWeb, type TestWeb } from './start-web.ts'

let web: TestWeb
let runId = ''
beforeAll(async () => {
  web = await startWeb()
  await storeDag(web, makeDag('d', { tasks: ['t'] }))
  runId = (await seedRun(web, 'd', Date.UTC(2026, 0, 5), { state: 'success' })).runId
})
afterAll(async () => {
  closeAgent()
  await web.stop()
})

const send = async (method: string, path: string, body?: unknown, type = 'application/json') =>
  sendRaw(
    { url: web.url, token: await web.token('admin'), cookie: '', csrf: '' },
    {
      method,
      path,
      isPage: false,
      ...(body !== undefined && {
        body: { type, bytes: Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)) },
      }),
    },
  )
const RUNS = '/api/v2/dags/d/dagRuns'
const CONNECTION = { connection_id: 'c', conn_type: 'http' }

describe('an address', () => {
  test.each([
    ['NUL', 'GET', '/api/v2/dags/a%00b', 400],
    ['NUL on a page', 'GET', '/dags/a%00b', 400],
    ['no UTF-8', 'GET', '/api/v2/dags/%FF', 400],
    ['a half of a surrogate pair', 'GET', '/api/v2/dags/%ED%A0%80', 400],
    ['a broken escape', 'GET', '/api/v2/dags/%zz', 400],
    ['NUL in the query', 'GET', '/api/v2/dags?dag_id_pattern=%00', 400],
    ['no UTF-8 in the query', 'GET', '/api/v2/dags?dag_id_pattern=%C0%AF', 400],
    ['a run named ..', 'DELETE', `${RUNS}/..`, 400],
    ['a run named .., encoded', 'DELETE', `${RUNS}/%2e%2E`, 400],
    ['a run named .', 'DELETE', `${RUNS}/.`, 400],
    ['a connection named ..', 'GET', '/api/v2/connections/..', 400],
    ['an offset beyond int8', 'GET', '/api/v2/dags?offset=9223372036854775808', 422],
    ['a limit beyond int4', 'GET', '/api/v2/dags?limit=2147483648', 422],
    ['a map index beyond int4', 'GET', `${RUNS}/~/taskInstances?map_index=99999999999`, 422],
    ['a map index beyond int8 in the path', 'GET', `${RUNS}/RUN/taskInstances/t/9223372036854775808`, 404],
    ['year 0', 'GET', `${RUNS}?logical_date_gte=0000-01-01`, 400],
    ['year 10000', 'GET', `${RUNS}?logical_date_gte=10000-01-01`, 400],
    ['a year that its offset makes 10000', 'GET', `${RUNS}?logical_date_gte=9999-12-31T23:59:59-00:01`, 400],
    ['an offset as no country has it', 'GET', `${RUNS}?logical_date_gte=2024-01-01T00:00:00%2B17:24`, 200],
    ['an offset of a day', 'GET', `${RUNS}?logical_date_gte=2024-01-01T00:00:00%2B24:00`, 400],
  ])('with %s', async (_what, method, path, status) => {
    const answer = await send(method, path.replace('RUN', encodeURIComponent(runId)))
    expect(answer.status, answer.text).toBe(status)
    expect((await send('GET', `${RUNS}/${encodeURIComponent(runId)}`)).status).toBe(200)
  })
})

describe('a body', () => {
  const deep = (n: number) => Buffer.from(`{"logical_date":null,"conf":${'['.repeat(n)}${']'.repeat(n)}}`)
  test.each([
    ['of 100,000 brackets', 'POST', RUNS, deep(100_000), 422],
    ['of 100,000 brackets that never close', 'POST', RUNS, Buffer.from('['.repeat(100_000)), 422],
    ['that is no UTF-8', 'POST', RUNS, Buffer.from([0x22, 0xff, 0x22]), 400],
    ['with a half of a surrogate pair in a value', 'POST', RUNS, { logical_date: null, conf: { a: ['\ud800'] } }, 422],
    ['with a half of a surrogate pair in a key', 'POST', RUNS, { logical_date: null, conf: { '\ud800': 1 } }, 422],
    ['with NUL in a note', 'POST', RUNS, { logical_date: null, note: 'a\u0000b' }, 422],
    ['with a run named ..', 'POST', RUNS, { logical_date: null, dag_run_id: '..' }, 400],
    ['with a run named .', 'POST', RUNS, { logical_date: null, dag_run_id: '.' }, 400],
    ['with year 0', 'POST', RUNS, { logical_date: '0000-01-01T00:00:00Z' }, 422],
    ['with a year beyond 9999', 'POST', RUNS, { logical_date: '9999-12-31T23:59:59-00:01' }, 422],
    [
      'with dates that its range cannot have',
      'POST',
      '/api/v2/dags/~/dagRuns/list',
      { logical_date_gte: '9999-12-31T23:59:59-00:01' },
      422,
    ],
    ['with a page offset beyond int8', 'POST', '/api/v2/dags/~/dagRuns/list', { page_offset: 1e19 }, 422],
    ['with a negative page offset', 'POST', '/api/v2/dags/~/dagRuns/list', { page_offset: -1 }, 422],
    ['with a negative page limit', 'POST', '/api/v2/dags/~/dagRuns/list', { page_limit: -1 }, 422],
    ['with port 99999', 'POST', '/api/v2/connections', { ...CONNECTION, port: 99_999 }, 400],
    ['with a port beyond int4', 'POST', '/api/v2/connections', { ...CONNECTION, port: 2 ** 40 }, 400],
    ['with a connection named ..', 'POST', '/api/v2/connections', { ...CONNECTION, connection_id: '..' }, 400],
    ['with a variable named ..', 'POST', '/api/v2/variables', { key: '..', value: 'x' }, 400],
    ['with a variable named .', 'POST', '/api/v2/variables', { key: '.', value: 'x' }, 400],
    [
      'in another encoding',
      'POST',
      RUNS,
      Buffer.from('{"logical_date":null}', 'utf16le'),
      415,
      'application/json; charset=utf-16',
    ],
    [
      'that is a form of other bytes',
      'POST',
      '/sign-in',
      Buffer.from('username=%FF'),
      400,
      'application/x-www-form-urlencoded',
    ],
  ] as const)('%s', async (_what, method, path, body, status, type?: string) => {
    const answer = await send(method, path, body, type)
    expect(answer.status, answer.text).toBe(status)
    // Refused by us, with a word: neither a failure nor a refusal of the database's that the net caught.
    expect(web.logged.filter((line) => /a request failed|by the database alone/.test(line))).toEqual([])
  })

  test('as deep as Airflow reads it is taken', async () => {
    const conf = JSON.parse(`${'{"a":'.repeat(150)}1${'}'.repeat(150)}`) as unknown
    expect((await send('POST', RUNS, { logical_date: null, conf })).status).toBe(200)
  })

  test('is measured without reading brackets in its texts', () => {
    expect(isDeeperThan(Buffer.from(JSON.stringify({ a: '[[[[{{{"\\"[[[', b: '\\' })), 2)).toBe(false)
    expect(isDeeperThan(Buffer.from('[[[1]],[[2]]]'), 3)).toBe(false)
    expect(isDeeperThan(Buffer.from('[[[1]]]'), 2)).toBe(true)
  })
})

test.each([
  ['0001-01-01T00:00:00Z', true],
  ['0001-01-01T00:00:00+00:01', false],
  ['9999-12-31T23:59:59.999Z', true],
  ['9999-12-31T23:59:59-00:01', false],
  ['0000-12-31', false],
  ['2024-01-01T00:00:00+17:24', true],
  ['2024-01-01T00:00:00+24:00', false],
  ['infinity', false],
])('the date %s can be stored: %s', (text, isDate) => {
  expect(parseDate(text) !== null).toBe(isDate)
})

describe('what the database says', () => {
  const withCode = (code: string, message = 'x') => Object.assign(new Error(message), { code })
  test.each([
    ['22003', 422],
    ['22021', 422],
    ['22P05', 422],
    ['23514', 422],
    ['23505', 409],
    ['54000', 422],
    ['53300', 503],
    ['57P01', 503],
    ['57P03', 503],
    ['57014', 503],
    ['55P03', 503],
    ['40001', 503],
    ['08006', 503],
    ['ECONNREFUSED', 503],
    ['ECONNRESET', 503],
  ])('with code %s is a %i', (code, status) => {
    expect(ofDatabase(withCode(code), false)?.status).toBe(status)
  })

  test('else is a fault of ours', () => {
    expect(ofDatabase(withCode('42703'), false)).toBeNull()
    expect(ofDatabase(new TypeError('x is not a function'), true)).toBeNull()
    expect(ofDatabase(new Error('timeout exceeded when trying to connect'), false)?.status).toBe(503)
  })

  test('of a write whose connection was lost says that nobody knows whether it was made', () => {
    expect(ofDatabase(withCode('57P01'), true)?.detail).toMatch(/not known/)
    expect(ofDatabase(withCode('57P01'), false)?.detail).not.toMatch(/not known/)
  })
})

test('without a database every request is a 503 with Retry-After, and the next one after it is served', async () => {
  // As many as the server allows are taken: what an exhausted database looks like to us.
  const name = /@\/([^?]+)/.exec(web.databaseUrl)?.[1] ?? ''
  const outside = openDatabase({
    url: web.databaseUrl.replace(`@/${name}`, '@/baram'),
    poolSize: 1,
    log: quietLog,
    application: 'test',
  })
  await outside.query(`alter database "${name}" with connection limit 0 allow_connections false`)
  await outside.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`)
  for (const [method, path, body] of [
    ['GET', '/api/v2/dags', undefined],
    ['POST', RUNS, { logical_date: null }],
    ['GET', '/dags', undefined],
  ] as const) {
    const answer = await send(method, path, body)
    expect(answer.status, `${method} ${path} ${answer.text.slice(0, 200)}`).toBe(503)
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
  }
  await outside.query(`alter database "${name}" with connection limit -1 allow_connections true`)
  expect((await send('GET', '/api/v2/dags')).status).toBe(200)
  await outside.close()
})
