// Connections that nobody made: embedded stores and simulated sources stand in for them.

import type { Web } from '../../deps.ts'
import { EMBEDDED, SIMULATED } from './kinds.ts'

async function simulatedSources(web: Web) {
  const found = await Promise.all(SIMULATED.map(({ variable }) => web.vault.findVariable(variable)))
  return SIMULATED.flatMap(({ id, kind, variable, what }, i) => {
    const known = found[i] ?? null
    if (known === null || known.isSensitive) return []
    return [{ id, kind, address: known.value, note: `${what} (Variable ${variable})` }]
  })
}
/** These two live in the embedded database, which only a standalone has. */
const IN_DATABASE: readonly string[] = ['elasticsearch', 'postgres']

/** @param known ids of connections that were made */
export async function impliedConnections(web: Web, known: ReadonlySet<string>) {
  const isStandalone = known.has('embedded_postgres')
  const embedded = EMBEDDED.filter(({ kind }) => isStandalone || !IN_DATABASE.includes(kind)).map((item) => ({
    ...item,
    isEmbedded: true,
    isSimulated: false,
  }))
  const simulated = (await simulatedSources(web)).map((item) => ({ ...item, isEmbedded: false, isSimulated: true }))
  return [...embedded, ...simulated]
    .filter(({ id }) => !known.has(id))
    .map((item) => ({
      ...item,
      href: `/connections/new?id=${item.id}&kind=${item.kind}`,
      isFromEnvironment: false,
      at: null,
    }))
}
