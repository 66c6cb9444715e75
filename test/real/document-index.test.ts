// The document index's contract on a real Elasticsearch, and what only a server can show.

import { expect, test } from 'vitest'
import { openDocumentIndex } from '../../operators/document-index/open.ts'
import { documentIndexContract } from '../operators/document-index/contract.ts'
import { madeUpContext } from '../support/operator-context.ts'
import { onRealServers } from '../support/real-servers.ts'

await onRealServers(['elasticsearch'], ({ elasticsearch }) => {
  const url = new URL(elasticsearch.endpoints['elasticsearch'] ?? '')
  const contextOf = (more: object = {}) =>
    madeUpContext({
      embeddedRoot: '/nowhere',
      connections: [
        { id: 'elasticsearch_default', type: 'elasticsearch', host: url.hostname, port: Number(url.port), ...more },
      ],
    })
  const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(new URL(path, url), { method, headers, ...(body && { body: JSON.stringify(body) }) })
    return answer.json()
  }

  documentIndexContract('Elasticsearch 7.17', () => openDocumentIndex(contextOf()))

  test('what the server refuses beyond our own checks is told with its reason', async () => {
    await ask('PUT', '/foreign', {
      settings: { number_of_replicas: 0 },
      mappings: { dynamic: 'strict', properties: { n: { type: 'byte' }, where: { type: 'geo_point' } } },
    })
    const index = await openDocumentIndex(contextOf())
    const results = await index.bulk('foreign', [
      { id: '1', source: { n: 1, where: [127, 37.5] } },
      { id: '2', source: { n: 1000 } },
      { id: '3', source: { n: 1, more: 'x' } },
    ])
    expect(results).toMatchObject([
      { outcome: 'created' },
      { outcome: 'rejected', reason: expect.stringMatching(/failed to parse field \[n\].*out of range/) as string },
      { outcome: 'rejected', reason: expect.stringMatching(/\[more\] within \[_doc\] is not allowed/) as string },
    ])
    await expect(index.search('foreign')).rejects.toThrow(/was not made by ensureIndex/)
    await index.deleteIndex('foreign')
    await index.close()
  })

  test('an index is mapped as it says, and nothing is coerced', async () => {
    const index = await openDocumentIndex(contextOf())
    await index.ensureIndex('mapped', { fields: { Code: 'keyword', Marcap: 'long' } })
    expect(await ask('GET', '/mapped')).toMatchObject({
      mapped: {
        mappings: { dynamic: 'strict', properties: { Code: { type: 'keyword' }, Marcap: { type: 'long' } } },
        settings: { index: { mapping: { coerce: 'false' }, number_of_shards: '1', number_of_replicas: '0' } },
      },
    })
    await index.deleteIndex('mapped')
    await index.close()
  })

  test('an attempt that ends stops its request', async () => {
    const controller = new AbortController()
    const index = await openDocumentIndex({ ...contextOf(), signal: controller.signal })
    controller.abort(new Error('cleared'))
    await expect(index.count('any')).rejects.toThrow('cleared')
    await index.close()
  })

  test.each([
    [{ host: '127.0.0.1', port: 1 }, /nothing listens there/],
    [{ host: null }, /needs a host/],
    [{ schema: 'ftp' }, /must be http or https/],
    [{ extra: '{"ca_certs":"/nowhere.pem"}' }, /cannot be read/],
  ])('a connection with %o is refused with what to do', async (more, reason) => {
    await expect(openDocumentIndex(contextOf(more))).rejects.toThrow(reason)
  })
})
