// One category's best 100, as a CSV file on scratch: a mapped task each, so that one that fails is repaired alone.

import { join } from 'node:path'
import type { Clock } from '../../operators/clock.ts'
import { writeCsv } from '../../operators/parquet/write.ts'
import { type ScratchFile, scratchFolder } from '../../operators/scratch/scratch.ts'
import { FailTask, getOperatorContext } from '../../sdk/index.ts'
import type { Category } from './categories.ts'
import { BEST_COLUMNS, BEST_KEY, bestRow } from './columns.ts'
import { openShop } from './connect.ts'
import { BestListError, type BestListRules, readBestList } from './items.ts'
import { readBestPage } from './page.ts'
import { hourSlotOf } from './slot.ts'

export interface CrawlBest extends BestListRules {
  /** Default `gmarket_default`; without it the simulated shop is read. */
  readonly connId?: string
  /** For tests. */
  readonly clock?: Clock
}

/** The CSV of one category (the mapped task's XCom). */
export type CategoryFile = ScratchFile & { readonly category: string }

/** Reads the page of a category and keeps its best 100. Call it inside a task. @throws BestListError; retries apply */
export async function crawlBest(category: Category, options: CrawlBest = {}): Promise<CategoryFile> {
  const op = getOperatorContext('crawlBest')
  const slot = hourSlotOf(op.run)
  if (!/^\d{1,12}$/.test(category.code)) throw new FailTask(`${category.code} is no group code of Gmarket`)
  const { count = 100, policy = 'fail', ...open } = options
  const shop = await openShop(op, open)
  try {
    const raws = await readBestPage(await shop.bestPage(category.code, slot.text))
    const items = readBestList(raws, { count, policy })
    const target = `${shop.name} ${category.code} ${category.label}`
    // The page lists more than the best 100; what lies beyond is not read at all.
    const rowsRead = raws.filter((raw) => Number(raw.rank) <= count).length
    await op.record({ kind: 'source', target, rowsRead, rowsWritten: items.length })
    if (items.length < count)
      op.log.warn(
        { category: category.label, items: items.length, wanted: count },
        'fewer items than wanted: the list is partial',
      )
    const file_name = `${category.code}.csv`
    const local_file_path = join(await scratchFolder(op), file_name)
    const rows = items.map((item) => bestRow(item, slot.text, category))
    const file = await writeCsv({
      path: local_file_path,
      columns: BEST_COLUMNS,
      rows,
      sortBy: BEST_KEY,
      signal: op.signal,
    })
    const { bytes } = file
    const checksum = `sha256:${file.sha256}`
    await op.record({
      kind: 'file',
      target: file_name,
      rowsRead: items.length,
      rowsWritten: file.rows,
      bytes,
      checksum,
    })
    op.log.info({ slot: slot.text, category: category.label, items: items.length }, 'category read')
    return { file_name, local_file_path, ...file, category: category.code }
  } catch (error) {
    // A list that is wrong now may be whole at the next look: retries apply, and the message names the category.
    if (error instanceof BestListError) throw new BestListError(`${category.label}: ${error.message}`, { cause: error })
    throw error
  } finally {
    await shop.close()
  }
}
