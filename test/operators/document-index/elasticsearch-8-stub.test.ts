// The Elasticsearch adapter against a STUB that answers as 8.19 does: which client it takes, what it sends, and what it does when items
// are turned away. No Elasticsearch 8 was asked; test/real/document-index.test.ts asks a real 7.17.

import { createServer, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openElasticClient } from '../../../operators/document-index/elastic-client.ts'
import { ElasticDocumentIndex } from '../../../operators/document-index/elastic-index.ts'
import { openDocumentIndex } from '../../../operators/document-index/open.ts'
import { madeUpContext } from '../../support/operator-context.ts'

interface Asked {
  readonly what: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

const mapping = {
  stub: { mappings: { dynamic: 'strict', properties: { n: { type: 'long' }, baram_id: { type: 'keyword' } } } },
}
const done = (id: string) => ({ index: { _id: id, status: 201, result: 'created' } })
const busy = (id: string) => ({
  index: { _id: id, status: 429, error: { type: 'es_rejected_execution_exception', reason: 'rejected execution' } },
})
const broken = (id: string) => ({
  index: { _id: id, status: 400, error: { type: 'x', reason: 'no', caused_by: { reason: 'because' } } },
})

let version: string
let product: boolean
let status: number
let bulks: (readonly object[] | number)[]
let asked: Asked[]
let port: number
let close: () => Promise<void>

beforeEach(async () => {
  ;[version, product, status, bulks, asked] = ['8.19.2', true, 200, [], []]
  const server = createServer(async (request, response) => {
    asked.push({ what: `${request.method} ${request.url}`, headers: request.headers, body: await text(request) })
    if (product) response.setHeader('x-elastic-product', 'Elasticsearch')
    const isNew = request.headers.accept?.includes('compatible-with=8') === true
    response.setHeader(
      'content-type',
      isNew ? 'application/vnd.elasticsearch+json;compatible-with=8' : 'application/json',
    )
    const answer = (code: number, body: object) => response.writeHead(code).end(JSON.stringify(body))
    if (request.url === '/')
      return answer(status, { version: { number: version, build_flavor: 'default' }, tagline: 'You Know, for Search' })
    if (request.url === '/stub/_mapping') return answer(200, mapping)
    const items = bulks.shift() ?? []
    return typeof items === 'number'
      ? answer(items, { error: { type: 'busy', reason: 'too many' } })
      : answer(200, { items })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  port = typeof address === 'object' && address !== null ? address.port : 0
  close = () => new Promise((resolve) => void server.close(() => resolve()).closeAllConnections())
})
afterEach(() => close())

const connection = (more: object = {}) => ({
  id: 'elasticsearch_default',
  type: 'elasticsearch',
  host: '127.0.0.1',
  port,
  ...more,
})
const open = (more: object = {}) =>
  openDocumentIndex(madeUpContext({ embeddedRoot: '/nowhere', connections: [connection(more)] }))
const documents = (...ids: string[]) => ids.map((id) => ({ id, source: { n: 1 } }))

describe('a stub of Elasticsearch 8', () => {
  test('is asked its version, then in the words of 8', async () => {
    bulks = [[done('a')]]
    const index = await open()
    expect(index.name).toBe(`Elasticsearch 8 at 127.0.0.1:${port}`)
    expect(await index.bulk('stub', documents('a'))).toEqual([{ id: 'a', outcome: 'created' }])
    const [first, ...others] = asked
    expect([first?.what, first?.headers.accept ?? '']).toEqual(['GET /', expect.not.stringMatching(/compatible/)])
    for (const { headers } of others) expect(headers.accept).toMatch(/compatible-with=8/)
    expect(others.at(-1)?.headers['content-type']).toMatch(/x-ndjson; ?compatible-with=8/)
    expect(others.at(-1)?.body).toBe('{"index":{"_id":"a"}}\n{"n":1,"baram_id":"a"}\n')
    await index.close()
  })

  test('of version 7 is asked in plain JSON all along', async () => {
    version = '7.17.29'
    bulks = [[done('a')]]
    const index = await open()
    await index.bulk('stub', documents('a'))
    for (const { headers } of asked) expect(headers.accept ?? '').not.toMatch(/compatible-with/)
    await index.close()
  })

  test('gets a login, or an API key before it', async () => {
    await (await open({ login: 'u', password: 'geheim' })).close()
    await (await open({ login: 'u', password: 'geheim', extra: '{"api_key":"abc"}' })).close()
    const sent = asked.map(({ headers }) => headers.authorization)
    expect(sent).toEqual([`Basic ${Buffer.from('u:geheim').toString('base64')}`, 'ApiKey abc'])
  })

  test.each([401, 403])('that answers %d is told as a refused login', async (code) => {
    status = code
    await expect(open({ login: 'u', password: 'geheim' })).rejects.toThrow(/refuses its login/)
  })

  test('that is no Elasticsearch is refused', async () => {
    product = false
    await expect(open()).rejects.toThrow(/expected Elasticsearch 7.14 or later/)
  })

  test('that turns items away gets these again, and no others', async () => {
    bulks = [429, [done('a'), busy('b'), broken('c')], [busy('b')], [done('b')]]
    const waits: number[] = []
    const clock = { now: () => 0, sleep: (ms: number) => Promise.resolve(void waits.push(ms)) }
    const { signal } = new AbortController()
    const index = new ElasticDocumentIndex(await openElasticClient(connection(), signal), 'stub', signal, clock)
    expect(await index.bulk('stub', documents('a', 'b', 'c'))).toEqual([
      { id: 'a', outcome: 'created' },
      { id: 'b', outcome: 'created' },
      { id: 'c', outcome: 'rejected', reason: 'no: because' },
    ])
    const sent = asked
      .filter(({ what }) => what === 'POST /stub/_bulk')
      .map(({ body }) => body.match(/"_id":"(.)"/g)?.length)
    expect(sent).toEqual([3, 3, 1, 1])
    expect(waits).toEqual([100, 200, 400])
    await index.close()
  })

  test('that never has time is told item by item', async () => {
    bulks = Array.from({ length: 20 }, () => [busy('a')])
    const clock = { now: () => 0, sleep: () => Promise.resolve() }
    const { signal } = new AbortController()
    const index = new ElasticDocumentIndex(await openElasticClient(connection(), signal), 'stub', signal, clock)
    expect(await index.bulk('stub', documents('a'))).toEqual([
      { id: 'a', outcome: 'rejected', reason: 'rejected execution' },
    ])
    await index.close()
  })

  test('that answers for fewer documents than were sent is not believed', async () => {
    bulks = [[done('a')]]
    const index = await open()
    await expect(index.bulk('stub', documents('a', 'b'))).rejects.toThrow(/2 documents was answered for 1/)
    await index.close()
  })
})
