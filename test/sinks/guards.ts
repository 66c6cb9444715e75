// What of a process is wrapped with kill points, by room: ports as they are opened by the world's connections, and what lies below.

import {
  guard,
  guardFiles,
  guardNetwork,
  guardReads,
  guardResult,
  halfOfSource,
  type KillPoints,
} from './kill-points.ts'
import { contextOf, type World } from './works.ts'

type Guard = (points: KillPoints, world: World) => void | Promise<void>

const prototypeOf = (object: object) => Object.getPrototypeOf(object) as object

const INDEX = ['ensureIndex', 'bulk', 'refresh', 'close'] as const
const INDEX_READS = ['count', 'search', 'histogram'] as const

async function guardEventLog(points: KillPoints, world: World): Promise<void> {
  const { openEventLog } = await import('../../operators/event-log/open.ts')
  const log = await openEventLog(contextOf(world))
  const prototype = prototypeOf(log)
  await log.close()
  guardResult(prototype, 'transactions', (producer) => {
    guardResult(producer, 'begin', (transaction) =>
      guard(points, 'transaction', transaction, ['send', 'storeOffsets', 'commit', 'abort']),
    )
    guard(points, 'producer', producer, ['begin', 'close'])
  })
  guardResult(prototype, 'consumer', (consumer) => {
    guard(points, 'consumer', consumer, ['commit'])
    guardReads(points, 'consumer', consumer, ['poll', 'seek', 'close'])
  })
  guard(points, 'log', prototype, ['ensureTopic', 'transactions', 'close'])
  guardReads(points, 'log', prototype, ['consumer', 'offsets', 'storedOffsets'])
}

async function guardIndex(points: KillPoints): Promise<void> {
  const { PostgresDocumentIndex } = await import('../../operators/document-index/postgres-index.ts')
  guard(points, 'index', PostgresDocumentIndex.prototype, ['setUp', ...INDEX])
  guardReads(points, 'index', PostgresDocumentIndex.prototype, INDEX_READS)
}

/** Nothing is loaded that the work does not use. */
export const GUARDS = {
  async lake(points, world) {
    const { openLake } = await import('../../operators/lake/open.ts')
    const prototype = prototypeOf(await openLake(contextOf(world), 'hdfs_default'))
    guard(points, 'lake', prototype, ['write', 'rename', 'delete'], { write: halfOfSource(1, 1) })
    guardReads(points, 'lake', prototype, ['stat', 'checksum', 'read', 'list'])
  },
  async warehouse(points) {
    const { DuckDbWarehouse } = await import('../../operators/warehouse/duckdb.ts')
    guard(points, 'warehouse', DuckDbWarehouse.prototype, [
      'ensureExternalTable',
      'ensureView',
      'addPartition',
      'setPartitionLocation',
    ])
    guardReads(points, 'warehouse', DuckDbWarehouse.prototype, [
      'partitions',
      'partitionValues',
      'countRowsOfFile',
      'query',
    ])
  },
  async duckdb(points) {
    const { DuckDbSession } = await import('../../operators/duckdb/session.ts')
    guard(points, 'duckdb', DuckDbSession.prototype, ['run'])
  },
  eventLog: guardEventLog,
  index: guardIndex,
  async postgres(points) {
    const { PostgresHook } = await import('../../operators/postgres/hook.ts')
    guard(points, 'postgres', PostgresHook.prototype, ['run', 'copyFrom'], { copyFrom: halfOfSource(2, 1_100) })
  },
  files: guardFiles,
  network: guardNetwork,
} as const satisfies Readonly<Record<string, Guard>>

export type GuardName = keyof typeof GUARDS
