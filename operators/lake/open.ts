// Which lake a connection means. No connection: the embedded one, said so in the log.

import { join } from 'node:path'
import { type ConnectionContext, ConnectionUnusableError, folderOf } from '../connection.ts'
import { DirectoryLake } from './directory.ts'
import type { Lake } from './lake.ts'
import { openWebHdfs } from './webhdfs/webhdfs-lake.ts'

/** The folder that is the embedded lake of this host. */
export function embeddedLakeRoot(embeddedRoot: string): string {
  return join(embeddedRoot, 'lake')
}

/**
 * `directory` (or `file`): a folder. `webhdfs` (or `hdfs`): HDFS.
 * @throws ConnectionUnusableError for another type
 */
export async function openLake(op: ConnectionContext, connId: string): Promise<Lake> {
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
      return openWebHdfs(op, connection)
    default:
      throw new ConnectionUnusableError(connId, `a lake is of type webhdfs or directory, found ${connection.type}`)
  }
}
