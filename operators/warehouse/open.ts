// Which warehouse a connection means. No connection: the embedded one, said so in the log.

import { join } from 'node:path'
import type { ConnectionResult } from '../../sdk/index.ts'
import { type ConnectionContext, ConnectionUnusableError } from '../connection.ts'
import type { ExactResult, StatementOptions } from '../duckdb/session.ts'
import { DirectoryLake } from '../lake/directory.ts'
import { embeddedLakeRoot, openLake } from '../lake/open.ts'
import { DuckDbWarehouse } from './duckdb.ts'
import { openHiveWarehouse } from './hive/hive-warehouse.ts'
import type { Warehouse } from './warehouse.ts'

function embeddedCatalog(embeddedRoot: string): string {
  return join(embeddedRoot, 'warehouse')
}

function openNamed(op: ConnectionContext, connection: ConnectionResult): Promise<Warehouse> {
  switch (connection.type) {
    case 'hiveserver2':
      return openHiveWarehouse(op, connection)
    case 'hive_cli':
      throw new ConnectionUnusableError(
        connection.id,
        'type hive_cli runs the programs beeline or hive, which Baram does not: make it hiveserver2, with the port of HiveServer2 (10000)',
      )
    default:
      throw new ConnectionUnusableError(connection.id, `a warehouse is of type hiveserver2, found ${connection.type}`)
  }
}

/**
 * `hiveserver2`: a real Hive. Without such a connection the embedded warehouse (DuckDB).
 * The embedded warehouse reads the lake of `lakeConnId`, so both must be of one host. Close what you get.
 * @throws ConnectionUnusableError for a type this version cannot open
 */
export async function openWarehouse(
  op: ConnectionContext,
  connId: string,
  lakeConnId = 'hdfs_default',
): Promise<Warehouse> {
  const connection = await op.client.getConnection(connId)
  if (connection !== null) return openNamed(op, connection)
  const lake = await openLake(op, lakeConnId)
  if (!(lake instanceof DirectoryLake)) {
    throw new ConnectionUnusableError(
      connId,
      `there is none, and the embedded warehouse reads a lake of this host only, not ${lake.name} (${lakeConnId}): ` +
        `make ${connId} too, of type hiveserver2`,
    )
  }
  op.log.info({ connId, lake: lake.root }, 'no such connection: using the embedded warehouse (DuckDB over the lake)')
  return new DuckDbWarehouse({ catalog: embeddedCatalog(op.embeddedRoot), lake })
}

export interface QueryWarehouseOptions extends StatementOptions {
  /** Folder of the lake. Default: the embedded one below the root. */
  readonly lakeRoot?: string
}

/**
 * One statement on the embedded warehouse, outside a task: what the CLI and tests call. BIGINT comes as text.
 * @param embeddedRoot the folder tasks are given as `embeddedRoot`
 */
export async function queryWarehouse(
  embeddedRoot: string,
  sql: string,
  options: QueryWarehouseOptions = {},
): Promise<ExactResult> {
  const { lakeRoot = embeddedLakeRoot(embeddedRoot), ...statement } = options
  const warehouse = new DuckDbWarehouse({ catalog: embeddedCatalog(embeddedRoot), lake: new DirectoryLake(lakeRoot) })
  try {
    return await warehouse.query(sql, statement)
  } finally {
    await warehouse.close()
  }
}
