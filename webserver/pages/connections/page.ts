// The list of connections: those that were made, and what stands in for others.

import type { Request } from 'express'
import type { Connection, Vault } from '../../../engine/admin/vault.ts'
import type { Web } from '../../deps.ts'
import { Query } from '../../http/query.ts'
import { type PageView, say } from '../frame/page-view.ts'
import { countWord, type Part } from '../frame/sentence.ts'
import { impliedConnections } from './implied.ts'

function address({ host, port, schema }: Connection): string {
  if (host === null) return '—'
  return `${host}${port === null ? '' : `:${port}`}${schema === null || schema === '' ? '' : `/${schema}`}`
}

const storedView = (vault: Vault, connection: Connection) => ({
  id: connection.connId,
  href: `/connections/edit?id=${encodeURIComponent(connection.connId)}`,
  kind: connection.connType,
  address: address(connection),
  note: connection.description,
  isEmbedded: false,
  isSimulated: false,
  isFromEnvironment: vault.isConnectionOverridden(connection.connId),
  at: connection.updatedAt,
})

/** @param embedded how many stores are embedded */
function listSentence(all: number, embedded: number): Part[] {
  if (all === 0) return say('No connections of your own: {k} {k#store#stores} {k#is#are} embedded.', { k: embedded })
  const count = { word: countWord(all), n: all }
  if (embedded === 0) return say('{word} {n#connection#connections}.', count)
  return say('{word} {n#connection#connections}; {k} {k#store is#stores are} embedded.', { ...count, k: embedded })
}

export async function connectionsPage(web: Web, req: Request): Promise<PageView> {
  const find = (new Query(req).text('q') ?? '').trim()
  const all = await web.vault.listConnections()
  const overridden = [...web.config.connectionOverrides.keys()].map((id) => id.toLowerCase())
  const known = new Set([...all.map((connection) => connection.connId), ...overridden])
  const implied = await impliedConnections(web, known)
  const embedded = implied.filter((item) => item.isEmbedded).length
  const list = [...all.map((connection) => storedView(web.vault, connection)), ...implied]
    .filter((item) => item.id.toLowerCase().includes(find.toLowerCase()))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  return {
    section: 'connections',
    crumbs: [{ text: 'Connections', href: '/connections' }],
    sentence: listSentence(all.length, embedded),
    scripts: ['connections.js'],
    view: { connections: list, find },
  }
}
