// Requests as tasks, against a server that answers well, badly, late, too much or not at all.

import { createServer } from 'node:net'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import {
  HttpAnswerError,
  HttpRedirectError,
  HttpStatusError,
  HttpTimedOutError,
  HttpUnreachableError,
} from '../../../operators/http/errors.ts'
import { type HttpOptions, httpWith, type PagedHttpOptions } from '../../../operators/http/http.ts'
import { type ConnectionResult, RetryTask } from '../../../sdk/index.ts'
import { FakeClock } from '../../support/clock.ts'
import { type MadeUp, madeUpContext } from '../../support/operator-context.ts'
import { closeServersAfterEach, json, reply, scripted, type TestServer } from './server.ts'

closeServersAfterEach()

const NOW = Date.parse('2024-03-18T00:00:00Z')
type Options = HttpOptions<unknown> & Partial<PagedHttpOptions<unknown>>

async function ask(
  server: TestServer,
  options: Options = {},
  connection: Partial<ConnectionResult> = {},
  world: Partial<MadeUp> = {},
) {
  const clock = new FakeClock(NOW)
  const op = madeUpContext({ embeddedRoot: '/nowhere', connections: [server.connection(connection)], ...world })
  const told = () => JSON.stringify(op.lines)
  try {
    return { value: await httpWith(clock, options).execute(op, {}), op, clock, told: told() }
  } catch (error) {
    if (error instanceof Error) Object.assign(error, { told: told() })
    throw error
  }
}

describe('an answer', () => {
  test('of JSON becomes its value, anything else its text', async () => {
    const server = await scripted(
      json({ won: 3200 }),
      reply(200, '[1]', { 'content-type': 'application/vnd.api+json; charset=utf-8' }),
      reply(200, '가나', { 'content-type': 'text/plain' }),
      reply(200, Buffer.from([0xc7, 0xd1]), { 'content-type': 'text/plain; charset="euc-kr"' }),
      reply(204),
    )
    const values = []
    for (let i = 0; i < 5; i += 1) values.push((await ask(server)).value)
    expect(values).toEqual([{ won: 3200 }, [1], '가나', '한', null])
  })

  test('that says JSON and is none fails, with its beginning', async () => {
    const server = await scripted(reply(200, '<html>maintenance</html>'))
    await expect(ask(server)).rejects.toThrow(/is not JSON, it begins "<html>maintenance/)
  })

  test('packed is unpacked, and bounded after that', async () => {
    const packed = (body: Buffer, encoding: string) => reply(200, body, { 'content-encoding': encoding })
    const bomb = gzipSync(Buffer.alloc(10_000_000, '1'))
    const server = await scripted(
      packed(gzipSync('[1]'), 'gzip'),
      packed(brotliCompressSync('[2]'), 'br'),
      packed(bomb, 'gzip'),
    )
    expect((await ask(server)).value).toEqual([1])
    expect((await ask(server)).value).toEqual([2])
    await expect(ask(server, { maxBytes: 1_000_000 })).rejects.toThrow(/longer than the limit of 1000000 bytes/)
  })

  test('packed in a way nobody asked for, or broken, fails', async () => {
    const server = await scripted(
      reply(200, 'x', { 'content-encoding': 'zstd' }),
      reply(200, 'no gzip', { 'content-encoding': 'gzip' }),
    )
    await expect(ask(server)).rejects.toThrow(/encoded as zstd/)
    await expect(ask(server)).rejects.toThrow(HttpUnreachableError)
  })

  test('without an end is cut off at the limit', async () => {
    const server = await scripted((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 'x')));
        response.once('drain', more)
      }
      more()
    })
    await expect(ask(server, { maxBytes: 1_000_000 })).rejects.toThrow(HttpAnswerError)
  })

  test('of half a body fails', async () => {
    const server = await scripted((request, response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('half')
      response.flushHeaders()
      setImmediate(() => request.socket.destroy())
    })
    await expect(ask(server)).rejects.toThrow(HttpUnreachableError)
  })

  test('that never comes, or never ends, fails at the time limit', async () => {
    const silent = await scripted(() => undefined)
    await expect(ask(silent, { timeout: 0.05 })).rejects.toThrow(HttpTimedOutError)
    const endless = await scripted((_, response) => void response.writeHead(200).write('a bit'))
    await expect(ask(endless, { timeout: 0.05 })).rejects.toThrow(/no whole answer within 0.05 s/)
  })

  test('is checked and filtered by the author', async () => {
    const server = await scripted(json({ items: [1, 2], ready: true }))
    const filtered = await ask(server, {
      responseCheck: async (answer) => answer.status === 200,
      responseFilter: (answer) => (answer.json() as { items: number[] }).items,
    })
    expect(filtered.value).toEqual([1, 2])
    await expect(ask(server, { responseCheck: () => false })).rejects.toThrow(/responseCheck refused/)
  })
})

describe('a status', () => {
  test.each([
    [201, {}],
    [404, { expectStatus: 404 }],
    [409, { expectStatus: [200, 409] }],
    [418, { expectStatus: '4xx' as const }],
  ])('%i is right with %o', async (status, options) => {
    const server = await scripted(reply(status, '1'))
    expect((await ask(server, options)).value).toBe(1)
  })

  test('that is not expected fails, telling the body’s beginning and no secret', async () => {
    const server = await scripted(reply(403, `denied ${'x'.repeat(2_000)}`))
    const failed = ask(
      server,
      { endpoint: '/v1?api_key=topsecret&page=2', query: { token: 'topsecret' } },
      { login: 'me', password: 'topsecret' },
    )
    await expect(failed).rejects.toThrow(HttpStatusError)
    await expect(failed).rejects.toThrow(/\/v1\?api_key=\*\*\*&page=2&token=\*\*\* answered 403: denied x{493}$/)
    const error = await failed.catch((thrown: unknown) => thrown as Error & { told: string })
    expect(`${(error as Error).message}${(error as { told: string }).told}`).not.toContain('topsecret')
  })

  test.each([
    [429, '120', {}, 120],
    [503, 'Mon, 18 Mar 2024 00:10:00 GMT', {}, 600],
    [503, 'Sun, 17 Mar 2024 00:00:00 GMT', {}, 0],
    [429, '999999', {}, 3_600],
    [429, '120', { retryAfterLimit: 5 }, 5],
  ])('%i with Retry-After %s sets when the next try is', async (status, value, options, after) => {
    const server = await scripted(reply(status, 'busy', { 'retry-after': value }))
    const error = await ask(server, options).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(RetryTask)
    expect(error).toMatchObject({ after })
    expect(String(error)).toContain(`answered ${status}: busy`)
  })

  test.each([
    [429, ''],
    [429, 'soon'],
    [500, '10'],
  ])('%i with Retry-After "%s" is a failure like others', async (status, value) => {
    const server = await scripted(reply(status, '', value === '' ? {} : { 'retry-after': value }))
    await expect(ask(server)).rejects.toThrow(HttpStatusError)
  })
})

describe('a request', () => {
  test('is a POST below the path of the connection, with its credentials and headers', async () => {
    const server = await scripted(json(1))
    await ask(
      server,
      { endpoint: 'v1/items', headers: { 'X-Mine': 'a' } },
      {
        host: `${server.url}/base/`,
        login: '사용자',
        password: 'p:w',
        extra: '{"headers":{"X-Api-Key":"k","x-mine":"theirs"}}',
      },
    )
    const [seen] = server.seen
    expect([seen?.method, seen?.url]).toEqual(['POST', '/base/v1/items'])
    expect(seen?.headers).toMatchObject({
      authorization: `Basic ${Buffer.from('사용자:p:w').toString('base64')}`,
      'x-api-key': 'k',
      'x-mine': 'a',
    })
  })

  test('sends JSON, a form, a text, or the query of a GET', async () => {
    const server = await scripted(json(1))
    await ask(server, { json: { a: ['한'] } })
    await ask(server, { data: { a: '1&2', b: '한' } })
    await ask(server, { data: 'raw', headers: { 'content-type': 'text/csv' } })
    await ask(server, { method: 'get', data: { a: '1&2' }, query: { b: [1, true], c: '가' } })
    expect(server.seen.map(({ method, url, headers, body }) => [method, url, headers['content-type'], body])).toEqual([
      ['POST', '/', 'application/json', '{"a":["한"]}'],
      ['POST', '/', 'application/x-www-form-urlencoded', 'a=1%262&b=%ED%95%9C'],
      ['POST', '/', 'text/csv', 'raw'],
      ['GET', '/?a=1%262&b=1&b=true&c=%EA%B0%80', undefined, ''],
    ])
  })

  test('takes its rendered options', async () => {
    const server = await scripted(json(1))
    const op = madeUpContext({ embeddedRoot: '/nowhere', connections: [server.connection()] })
    const operator = httpWith(new FakeClock(NOW), { endpoint: '{{unrendered}}', query: { day: '{{ds}}' } })
    await operator.execute(op, {}, { ...operator.options, endpoint: '/rendered', query: { day: '2024-03-18' } })
    expect(server.seen[0]?.url).toBe('/rendered?day=2024-03-18')
    expect(operator.templateFields).toEqual(['endpoint', 'query', 'headers', 'data', 'json'])
  })

  test.each(['@evil.example/x', '//evil.example/x', '/\\evil.example', 'http:evil.example'])(
    'to the endpoint %s stays with the server of the connection',
    async (endpoint) => {
      const server = await scripted(json(1))
      await ask(server, { endpoint })
      expect(server.seen).toHaveLength(1)
    },
  )

  test('to a whole URL of another server is refused', async () => {
    const server = await scripted(json(1))
    await expect(ask(server, { endpoint: 'https://evil.example/x?token=a' })).rejects.toThrow(
      /evil.example\/x\?token=\*\*\* is not of http:\/\/127/,
    )
  })

  test('to a server that is not there fails', async () => {
    const server = await scripted(json(1))
    const closed = createServer()
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve))
    const address = closed.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await new Promise((resolve) => closed.close(resolve))
    await expect(ask(server, {}, { port })).rejects.toThrow(/no answer: .*ECONNREFUSED/)
  })

  test('ends with the attempt', async () => {
    const abort = new AbortController()
    const server = await scripted(() => abort.abort(new Error('cleared')))
    await expect(ask(server, {}, {}, { signal: abort.signal })).rejects.toThrow('cleared')
  })

  test('on a kept connection that the server resets is asked again if it only reads', async () => {
    const reset = (request: { socket: { destroy(): unknown } }) => void request.socket.destroy()
    const next = (_: unknown, page: number) => (page === 1 ? { endpoint: '/2' } : null)
    const reading = await scripted(json(1), reset, json(2))
    expect((await ask(reading, { method: 'GET', pagination: next })).value).toEqual([1, 2])
    const writing = await scripted(json(1), reset, json(2))
    await expect(ask(writing, { pagination: next })).rejects.toThrow(HttpUnreachableError)
    expect(writing.seen).toHaveLength(2)
  })
})

describe('a redirect', () => {
  test('within the origin is followed: a POST becomes a GET unless told to stay', async () => {
    const server = await scripted(
      reply(302, '', { location: '/b' }),
      json(1),
      reply(307, '', { location: 'c' }),
      json(2),
    )
    await ask(server, { json: { a: 1 } })
    await ask(server, { json: { a: 1 } })
    expect(server.seen.map(({ method, url, body }) => `${method} ${url} ${body}`)).toEqual([
      'POST / {"a":1}',
      'GET /b ',
      'POST / {"a":1}',
      'POST /c {"a":1}',
    ])
  })

  test('to another origin is not followed', async () => {
    const other = await scripted(json('theirs'))
    const server = await scripted(reply(302, '', { location: `${other.url}/x` }))
    await expect(ask(server)).rejects.toThrow(HttpRedirectError)
    expect(other.seen).toEqual([])
  })

  test('to another origin, where allowed, takes no credentials, headers or body along', async () => {
    const other = await scripted(json('theirs'))
    const server = await scripted(reply(307, '', { location: `${other.url}/x` }))
    const { value } = await ask(
      server,
      { redirects: 'any', json: { a: 1 }, headers: { 'x-mine': 'a' } },
      { login: 'me', password: 'pw', extra: '{"headers":{"x-api-key":"k"}}' },
    )
    expect(value).toBe('theirs')
    const [seen] = other.seen
    expect([seen?.method, seen?.body]).toEqual(['GET', ''])
    for (const name of ['authorization', 'x-api-key', 'x-mine']) expect(seen?.headers[name]).toBeUndefined()
  })

  test('is the answer where none are followed; in a circle, or to nowhere, it fails', async () => {
    const server = await scripted(reply(302, '', { location: '/', 'content-type': 'text/plain' }))
    expect((await ask(server, { redirects: 'none', expectStatus: 302 })).value).toBe('')
    await expect(ask(server)).rejects.toThrow(/more than 10 redirects/)
    await expect(ask(await scripted(reply(301, '', { location: 'file:///etc/passwd' })))).rejects.toThrow(
      HttpRedirectError,
    )
    await expect(ask(await scripted(reply(301, '', { location: 'http://[' })))).rejects.toThrow(/to no address/)
  })
})

describe('pages', () => {
  test('are asked for until there is no next one, in their pace', async () => {
    const server = await scripted(json({ rows: [1], next: 2 }), json({ rows: [2], next: 3 }), json({ rows: [3] }))
    const { value, clock } = await ask(server, {
      method: 'GET',
      endpoint: '/rows',
      query: { size: 1 },
      minInterval: 2,
      responseFilter: (answer) => (answer.json() as { rows: number[] }).rows,
      pagination: (answer) => {
        const { next } = answer.json() as { next?: number }
        return next === undefined ? null : { query: { size: 1, page: next } }
      },
    })
    expect(value).toEqual([[1], [2], [3]])
    expect(server.seen.map(({ url }) => url)).toEqual(['/rows?size=1', '/rows?size=1&page=2', '/rows?size=1&page=3'])
    expect(clock.slept).toEqual([2_000, 2_000])
  })

  test('may be named by a link of the same server only', async () => {
    const server = await scripted(json(1))
    const next = { endpoint: `${server.url}/p2` }
    await ask(server, { method: 'GET', pagination: (_, page) => (page === 1 ? next : null) })
    expect(server.seen[1]?.url).toBe('/p2')
    await expect(ask(server, { pagination: () => ({ endpoint: 'http://evil.example/' }) })).rejects.toThrow(/is not of/)
  })

  test('without an end fail', async () => {
    const server = await scripted(json(1))
    await expect(ask(server, { maxPages: 3, pagination: () => ({}) })).rejects.toThrow(/more than 3 pages/)
    expect(server.seen).toHaveLength(3)
  })

  test('that together are too large for an XCom fail before more are asked', async () => {
    const server = await scripted(json('x'.repeat(600_000)))
    await expect(ask(server, { pagination: () => ({}) })).rejects.toThrow(/first 2 pages together are larger/)
  })
})

describe('a connection', () => {
  const server = {
    connection: (more: object) => ({ id: 'http_default', type: 'http', ...more }),
  } as unknown as TestServer
  test.each([
    [{ type: 'postgres', host: 'h' }, /must be of type http/],
    [{ host: null }, /needs a host/],
    [{ host: 'ftp://x' }, /needs a host/],
    [{ host: 'h', extra: '{"headers":{"a":1}}' }, /extra.headers must be an object of texts/],
    [{ host: 'h', extra: '{"verify":1}' }, /extra.verify must be true, false/],
    [{ host: 'h', extra: '{"verify":"/nowhere/ca.pem"}' }, /cannot be read: \/nowhere\/ca.pem/],
    [{ host: 'h', extra: '{"cert":["a","b","c"]}' }, /extra.cert must be/],
  ])('%o is refused with a reason', async (more, reason) => {
    await expect(ask(server, {}, more)).rejects.toThrow(reason)
  })

  test('that is missing is told', async () => {
    await expect(ask(server, { httpConnId: 'prices' })).rejects.toThrow(/connection prices: there is none: add it/)
  })

  test('that does not verify certificates is warned about, and fields that do nothing', async () => {
    const real = await scripted(json(1))
    const { op } = await ask(real, {}, { extra: '{"verify":false,"X-Api-Key":"k"}' })
    const warnings = op.lines.filter(({ level }) => level === 'warn')
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('do nothing'),
      expect.stringContaining('certificates are not verified'),
    ])
    expect(JSON.stringify(warnings)).not.toContain('"k"')
  })
})

test('options that contradict each other are told while the DAG is read', () => {
  expect(() => httpWith(new FakeClock(0), { data: 'a', json: 1 })).toThrow(/data or json, not both/)
  expect(() => httpWith(new FakeClock(0), { timeout: -1 })).toThrow(/timeout must be a number/)
})
