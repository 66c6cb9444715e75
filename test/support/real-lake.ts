// Connections of a real HDFS and a real Hive over it, and a look at both past the pipelines.

import { openLake } from '../../operators/lake/open.ts'
import { openWarehouse } from '../../operators/warehouse/open.ts'
import type { RunningServer } from '../../services/launcher/server.ts'
import { madeUpContext } from './operator-context.ts'
import type { RealConnection } from './real-pipelines.ts'

export interface RealLake {
  readonly connections: readonly RealConnection[]
  /** Rows of one statement on Hive. */
  query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Files below a folder of HDFS: path and `length`. */
  files(folder: string): Promise<readonly { readonly path: string; readonly length: number }[]>
  /** Forgets databases of Hive and folders of HDFS that an earlier test left. */
  clean(databases: readonly string[], folders: readonly string[]): Promise<void>
}

export function realLake({ hdfs, hive }: { readonly hdfs: RunningServer; readonly hive: RunningServer }): RealLake {
  const [host = '', port = ''] = (hive.endpoints['hive'] ?? '').split(':')
  const connections: RealConnection[] = [
    { id: 'hdfs_default', type: 'webhdfs', host: hdfs.endpoints['webhdfs'] ?? '', login: 'hdfs' },
    {
      id: 'hive_default',
      type: 'hiveserver2',
      host,
      port: Number(port),
      login: 'lake',
      extra: { auth: 'NONE', lake_uri: hive.endpoints['lake'] ?? '' },
    },
  ]
  const op = madeUpContext({
    embeddedRoot: '/nowhere',
    connections: connections.map(({ extra, ...connection }) => ({
      ...connection,
      ...(extra !== undefined && { extra: JSON.stringify(extra) }),
    })),
  })
  return {
    connections,
    async query(sql) {
      const warehouse = await openWarehouse(op, 'hive_default')
      try {
        return (await warehouse.query(sql)).rows
      } finally {
        await warehouse.close()
      }
    },
    async files(folder) {
      const lake = await openLake(op, 'hdfs_default')
      const walk = async (path: string): Promise<{ path: string; length: number }[]> => {
        const entries = await lake.list(path)
        const found = await Promise.all(
          entries.map(async (entry) =>
            entry.kind === 'folder' ? walk(entry.path) : [{ path: entry.path, length: entry.length }],
          ),
        )
        return found.flat()
      }
      return walk(folder)
    },
    async clean(databases, folders) {
      const lake = await openLake(op, 'hdfs_default')
      const warehouse = await openWarehouse(op, 'hive_default')
      for (const name of databases) await warehouse.execute(`DROP DATABASE IF EXISTS ${name} CASCADE`)
      await warehouse.close()
      for (const folder of folders) await lake.delete(folder, { recursive: true })
    },
  }
}
