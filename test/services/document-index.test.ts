// The embedded document index, on a real Postgres.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDocumentIndex } from '../../operators/document-index/open.ts'
import type { ConnectionResult } from '../../sdk/index.ts'
import { documentIndexContract } from '../operators/document-index/contract.ts'
import { madeUpContext } from '../support/operator-context.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { connectionOf } from './postgres-connection.ts'

let server: TestPostgres
let embedded: ConnectionResult
beforeAll(async () => {
  server = await startTestPostgres()
  embedded = { ...connectionOf(await server.createDatabase()), id: 'embedded_postgres' }
})
afterAll(() => server.stop())

const contextOf = (...connections: ConnectionResult[]) => madeUpContext({ embeddedRoot: '/nowhere', connections })

documentIndexContract('Postgres', () => openDocumentIndex(contextOf(embedded)))

test('a missing connection means the embedded index, and the log says so', async () => {
  const op = contextOf(embedded)
  const index = await openDocumentIndex(op)
  expect(op.lines.map(({ message }) => message).join()).toContain('embedded document index')
  await index.close()
})

test('without an embedded database the sentence says what to add', async () => {
  await expect(openDocumentIndex(contextOf())).rejects.toThrow(/single host.*add elasticsearch_default, of type/)
})

test('a connection of another type is refused with a reason', async () => {
  const other = { id: 'elasticsearch_default', type: 'http' }
  await expect(openDocumentIndex(contextOf(other))).rejects.toThrow(/elasticsearch or postgres, found http/)
})

test('two who come first make the schema once', async () => {
  const fresh = { ...connectionOf(await server.createDatabase()), id: 'embedded_postgres' }
  const both = await Promise.all([openDocumentIndex(contextOf(fresh)), openDocumentIndex(contextOf(fresh))])
  await Promise.all(both.map((index) => index.ensureIndex('a', { fields: { x: 'long' } })))
  expect(await both[0]?.count('a')).toBe(0)
  for (const index of both) await index.close()
})

test('two writers of the same documents do not deadlock', async () => {
  const both = await Promise.all([openDocumentIndex(contextOf(embedded)), openDocumentIndex(contextOf(embedded))])
  await both[0]?.ensureIndex('contended', { fields: { n: 'long' } })
  const ids = Array.from({ length: 500 }, (_, i) => `d${i}`)
  await Promise.all(
    both.map(async (index, i) => {
      const documents = (i === 0 ? ids : ids.toReversed()).map((id) => ({ id, source: { n: i } }))
      for (let round = 0; round < 10; round += 1) await index.bulk('contended', documents)
    }),
  )
  expect(await both[0]?.count('contended')).toBe(500)
  for (const index of both) await index.close()
})
