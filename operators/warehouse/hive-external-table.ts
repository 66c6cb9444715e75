// A file that is in the lake becomes rows of a table: the table is ensured, the partition added, the rows counted by
// reading them.

import { CountMismatchError, defineOperator, type OperatorContext, type RunInfo } from '../../sdk/index.ts'
import type { LakeFile } from '../lake/hdfs-upload.ts'
import { parentOf } from '../lake/paths.ts'
import type { Columns } from '../parquet/columns.ts'
import { clearScratch } from '../scratch/scratch.ts'
import { openWarehouse } from './open.ts'
import {
  type ExternalTable,
  fullName,
  type PartitionValues,
  partitionName,
  type Warehouse,
  WarehouseError,
} from './warehouse.ts'

export interface HiveExternalTableOptions {
  /** Default `hive_default`; without such a connection the embedded warehouse (DuckDB) is used. */
  readonly connId?: string
  /** The lake the files are in, read by the embedded warehouse. Default `hdfs_default`. */
  readonly lakeConnId?: string
  /** Template. Letters, digits and `_`, as the warehouse checks. */
  readonly database: string
  /** Template. */
  readonly table: string
  /** Of the files, in the order a reader sees them. */
  readonly columns: Columns
  /** Folders of the file's path that name partitions (template): `['dt']` for `/candle/dt=2024-03-18/x.parquet`. */
  readonly partitionedBy: readonly string[]
  /**
   * Name of a view of the file's partition alone, without the partition columns (template, or a function of the run): for
   * queries that know a table a day. Made once, and replaced when the table gets columns. Default: none.
   */
  readonly view?: string | ((run: RunInfo) => string)
  /** Removes what the run left on scratch once its rows are counted: for the last task that needs it. Default false. */
  readonly clearsScratch?: boolean
  /** For tests: another warehouse than the connection's. */
  readonly open?: (op: OperatorContext, connId: string, lakeConnId: string) => Promise<Warehouse>
}

/** What was loaded (the task's XCom). */
export type LoadedFile = {
  /** `upbit_lake.candle` */
  readonly table: string
  readonly partition: { readonly [column: string]: string }
  readonly path: string
  /** As the warehouse counted them. */
  readonly rows: number
  /** `upbit_lake.candle_240318`; absent when none was asked for. */
  readonly view?: string
}

interface PartitionLocation {
  readonly values: PartitionValues
  /** The folder above the first partition folder. */
  readonly root: string
  readonly folder: string
}

/**
 * Reads the partition from the path. @throws WarehouseError when its last folders are not the partition columns in
 * their order
 */
function partitionLocationOf(path: string, partitionedBy: readonly string[]): PartitionLocation {
  const folder = parentOf(path)
  let root = folder
  const values: Record<string, string> = {}
  for (const name of [...partitionedBy].reverse()) {
    const segment = root.slice(root.lastIndexOf('/') + 1)
    if (!segment.startsWith(`${name}=`)) {
      const expected = partitionedBy.map((column) => `${column}=…`).join('/')
      throw new WarehouseError(`${path} does not lie in a folder ${expected}, so its partition is unknown`)
    }
    values[name] = segment.slice(name.length + 1)
    root = parentOf(root)
  }
  return { values, root, folder }
}

async function addPartition(
  op: OperatorContext,
  warehouse: Warehouse,
  table: ExternalTable,
  partitionLocation: PartitionLocation,
): Promise<void> {
  const partition = { values: partitionLocation.values, location: partitionLocation.folder }
  if (await warehouse.addPartition(table, partition, { signal: op.signal })) {
    op.log.info(
      { table: fullName(table), partition: partitionLocation.values, location: partitionLocation.folder },
      'partition added',
    )
    return
  }
  const present = (await warehouse.partitions(table, { signal: op.signal })).find((partition) =>
    Object.entries(partitionLocation.values).every(([name, value]) => partition.values[name] === value),
  )
  if (present?.location === partitionLocation.folder) return
  await warehouse.setPartitionLocation(table, partition, { signal: op.signal })
  op.log.warn(
    {
      table: fullName(table),
      partition: partitionLocation.values,
      from: present?.location,
      to: partitionLocation.folder,
    },
    'partition moved to another folder',
  )
}

async function verifyRows(
  op: OperatorContext,
  warehouse: Warehouse,
  table: ExternalTable,
  partitionLocation: PartitionLocation,
  file: LakeFile,
): Promise<number> {
  const rows = await warehouse.countRowsOfFile(table, partitionLocation.values, file.path, { signal: op.signal })
  const target = `${fullName(table)} ${partitionName(table.partitionedBy, partitionLocation.values)}`
  try {
    await op.record({ kind: 'warehouse', target, rowsRead: file.rows, rowsWritten: rows })
  } catch (cause) {
    if (!(cause instanceof CountMismatchError)) throw cause
    throw new WarehouseError(
      `${fullName(table)} shows ${rows} rows of ${file.path}, but ${file.rows} were written: the file was replaced or removed meanwhile; clear the upload`,
      { cause },
    )
  }
  return rows
}

async function ensureView(
  op: OperatorContext,
  warehouse: Warehouse,
  { database, table, columns }: ExternalTable,
  partitionLocation: PartitionLocation,
  name: string,
): Promise<string> {
  const view = {
    database,
    table: name,
    of: { database, table },
    columns: Object.keys(columns),
    where: partitionLocation.values,
  }
  if (await warehouse.ensureView(view, { signal: op.signal }))
    op.log.info({ view: fullName(view), partition: partitionLocation.values }, 'view made')
  return fullName(view)
}

/** Makes a lake file readable as rows of an external Parquet table. Safe to repeat: it adds nothing twice. */
export function hiveExternalTable(options: HiveExternalTableOptions) {
  const {
    connId = 'hive_default',
    lakeConnId = 'hdfs_default',
    database,
    table,
    columns,
    partitionedBy,
    view,
    clearsScratch = false,
    open = openWarehouse,
  } = options
  return defineOperator({
    name: 'HiveExternalTableOperator',
    options: {
      ...{ connId, lakeConnId, database, table, columns, partitionedBy, clearsScratch },
      view: typeof view === 'function' ? '(made from the run)' : (view ?? ''),
    },
    templateFields: ['database', 'table', 'partitionedBy', 'view'],
    async execute(op: OperatorContext, { location }: { location: LakeFile }, rendered): Promise<LoadedFile> {
      const partitionLocation = partitionLocationOf(location.path, rendered.partitionedBy)
      const wanted: ExternalTable = {
        database: rendered.database,
        table: rendered.table,
        columns,
        partitionedBy: rendered.partitionedBy,
        location: partitionLocation.root,
      }
      const warehouse = await open(op, connId, lakeConnId)
      try {
        await warehouse.ensureExternalTable(wanted, { signal: op.signal })
        await addPartition(op, warehouse, wanted, partitionLocation)
        const rows = await verifyRows(op, warehouse, wanted, partitionLocation, location)
        op.log.info(
          { table: fullName(wanted), partition: partitionLocation.values, rows, warehouse: warehouse.name },
          'loaded and counted',
        )
        const viewName = typeof view === 'function' ? view(op.run) : rendered.view
        const shown =
          viewName === '' ? {} : { view: await ensureView(op, warehouse, wanted, partitionLocation, viewName) }
        if (clearsScratch) await clearScratch(op)
        return { table: fullName(wanted), partition: partitionLocation.values, path: location.path, rows, ...shown }
      } finally {
        await warehouse.close()
      }
    },
  })
}
