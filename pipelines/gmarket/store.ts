// The hour's categories into the lake: one CSV that is kept as it is, and one Parquet file for the table.

import { join } from 'node:path'
import { type LakeFile, uploadToLake } from '../../operators/lake/hdfs-upload.ts'
import { mergeCsv, type WrittenFile } from '../../operators/parquet/write.ts'
import { type ScratchFile, scratchExists, scratchFolder } from '../../operators/scratch/scratch.ts'
import { FailTask, getOperatorContext } from '../../sdk/index.ts'
import { BEST_COLUMNS, BEST_KEY } from './columns.ts'
import type { CategoryFile } from './crawl.ts'
import { publishBest } from './reports.ts'
import { hourSlotOf } from './slot.ts'

export interface StoreBest {
  /** Default `hdfs_default`; without it the embedded lake. */
  readonly connId?: string
  /** Folder of the lake. Default `/gmarket`. */
  readonly folder?: string
}

/** Where the hour is (the task's XCom): the Parquet file, which the table reads, and the CSV. */
export type StoredHour = LakeFile & { readonly raw: LakeFile }

async function checkScratch(pages: readonly CategoryFile[]): Promise<void> {
  for (const page of pages) {
    if (await scratchExists(page.local_file_path)) continue
    throw new FailTask(
      `the scratch file ${page.local_file_path} of category ${page.category} is gone: clear the task that writes it ` +
        '(both must run on one host, or share the folder of scratch_default)',
    )
  }
}

const scratchOf = (path: string, file_name: string, file: WrittenFile): ScratchFile => ({
  file_name,
  local_file_path: path,
  ...file,
})

/**
 * Merges the files of the categories and uploads `raw/dt=…/hour=…/gmarket.csv` and `best/dt=…/hour=…/best.parquet`. Safe to
 * repeat: the slot alone names both, and the categories' files stay until `hiveExternalTable({ clearsScratch: true })`.
 * Call it inside a task.
 */
export async function storeBest(pages: readonly CategoryFile[], options: StoreBest = {}): Promise<StoredHour> {
  const op = getOperatorContext('storeBest')
  const { connId = 'hdfs_default', folder = '/gmarket' } = options
  const slot = hourSlotOf(op.run)
  const { dt, hour } = slot
  if (pages.length === 0) throw new FailTask('no category was given: there is nothing to store')
  await checkScratch(pages)
  const scratch = await scratchFolder(op)
  const [csv, parquet] = [join(scratch, 'gmarket.csv'), join(scratch, 'best.parquet')]
  const from = pages.map((page) => page.local_file_path)
  const merged = await mergeCsv({ from, columns: BEST_COLUMNS, sortBy: BEST_KEY, csv, parquet, signal: op.signal })
  const rowsRead = pages.reduce((sum, page) => sum + page.rows, 0)
  await op.record({ kind: 'file', target: 'best.parquet', rowsRead, rowsWritten: merged.parquet.rows })
  await publishBest(op, slot, parquet)
  const place = `dt=${dt}/hour=${hour}`
  const raw = await uploadToLake(scratchOf(csv, 'gmarket.csv', merged.csv), {
    connId,
    target: `${folder}/raw/${place}/gmarket.csv`,
  })
  const best = await uploadToLake(scratchOf(parquet, 'best.parquet', merged.parquet), {
    connId,
    target: `${folder}/best/${place}/best.parquet`,
  })
  return { ...best, raw }
}
