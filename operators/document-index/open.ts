// Which document index a connection means. No connection: the embedded one, said so in the log.

import { type ConnectionContext, ConnectionUnusableError } from '../connection.ts'
import type { DocumentIndex } from './document-index.ts'
import { openPostgresDocumentIndex } from './postgres-index.ts'

/** The database of the embedded document index: `dagctl standalone` makes this connection. */
const EMBEDDED = 'embedded_postgres'

/**
 * Close what you get.
 * @throws ConnectionUnusableError for a type this version cannot open, or where there is neither a connection nor an
 * embedded database
 */
export async function openDocumentIndex(
  op: ConnectionContext,
  connId = 'elasticsearch_default',
): Promise<DocumentIndex> {
  const connection = await op.client.getConnection(connId)
  if (connection === null) {
    if ((await op.client.getConnection(EMBEDDED)) === null)
      throw new ConnectionUnusableError(
        connId,
        'there is none, and this deployment has no embedded database either (embedded backends are for a single host, as ' +
          `\`npm start\` makes it): add ${connId}, of type elasticsearch, with host, port and schema (http or https)`,
      )
    op.log.info({ connId }, 'no such connection: using the embedded document index, in Postgres of this host')
    return openPostgresDocumentIndex(op, EMBEDDED)
  }
  switch (connection.type) {
    case 'elasticsearch': {
      const { openElasticDocumentIndex } = await import('./elastic-index.ts')
      return openElasticDocumentIndex(op, connection)
    }
    case 'postgres':
    case 'postgresql':
      return openPostgresDocumentIndex(op, connId)
    default:
      throw new ConnectionUnusableError(
        connId,
        `a document index is of type elasticsearch or postgres, found ${connection.type}`,
      )
  }
}
