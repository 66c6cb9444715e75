// Which lake a connection means. No connection: the embedded one, said so in the log.

import { join } from 'node:path'
import type { OperatorContext } from '../../sdk/index.ts'
import { ConnectionUnusableError, folderOf } from '../connection.ts'
import { DirectoryLake } from './directory.ts'

/** The folder that is the embedded lake of this host. */
export function embeddedLakeRoot(embeddedRoot: string): string {
  return join(embeddedRoot, 'lake')
}

/** @throws ConnectionUnusableError for a type this version cannot open */
export async function openLake(op: OperatorContext, connId: string): Promise<DirectoryLake> {
  const connection = await op.client.getConnection(connId)
  if (connection === null) {
    const root = embeddedLakeRoot(op.embeddedRoot)
    op.log.info({ connId, lake: root }, 'no such connection: using the embedded lake, a folder of this host')
    return new DirectoryLake(root, `embedded lake (${root})`)
  }
  switch (connection.type) {
    case 'directory':
    case 'file':
      return new DirectoryLake(folderOf(connection))
    case 'webhdfs':
    case 'hdfs':
      throw new ConnectionUnusableError(
        connId,
        `type ${connection.type}: real HDFS comes with a later version of Baram; ` +
          'delete the connection to use the embedded lake, or give it type directory with extra.path',
      )
    default:
      throw new ConnectionUnusableError(
        connId,
        `a lake is of type directory (later also webhdfs), found ${connection.type}`,
      )
  }
}
