// The product pages of a category's best 100, one after another: where each shows its title, price and image.
//
// What a page that cannot be used means:
// - It is gone, of another kind, an error of the shop, or shows one of the three nowhere: its row says so (`reason`), it counts
//   as rejected, and all other pages are read.
// - The shop asks for patience (429, 503): the try ends, and the next one comes when the shop says.
// - The shop closes its door (401, 403) or robots.txt does: the task fails for good, and nothing more is asked.
// - Not one page of the category is whole: the try fails, since then it is the shop or this reader that has changed.

import { join } from 'node:path'
import { type Clock, systemClock } from '../../operators/clock.ts'
import type { HttpAnswer } from '../../operators/http/answer.ts'
import { HttpAnswerError, HttpRedirectError, HttpTimedOutError } from '../../operators/http/errors.ts'
import { type LakeFile, uploadToLake } from '../../operators/lake/hdfs-upload.ts'
import { writeCsv } from '../../operators/parquet/write.ts'
import { scratchFolder } from '../../operators/scratch/scratch.ts'
import { openWarehouse } from '../../operators/warehouse/open.ts'
import { FailTask, getOperatorContext, type OperatorContext } from '../../sdk/index.ts'
import type { Category } from './categories.ts'
import { BEST_KEY, type BestRow, XPATH_COLUMNS, type XpathRow } from './columns.ts'
import { isHtml, judge, openProductPages, type ProductPages } from './connect.ts'
import { type HourSlot, hourSlotOf } from './slot.ts'
import { rowsOfHour } from './table.ts'
import { findXpaths, type Xpaths } from './xpaths.ts'

export interface ReadProductPages {
  /** Default `gmarket_items_default`; without it the simulated shop is read. */
  readonly connId?: string
  /** Default `hive_default`. */
  readonly warehouseConnId?: string
  /** Default `hdfs_default`. */
  readonly lakeConnId?: string
  /** Folder of the lake. Default `/gmarket`. */
  readonly folder?: string
  /** Seconds between two pages of a task. Default 1; of the simulated shop 0. */
  readonly pause?: number
  /** For tests. */
  readonly clock?: Clock
}

/** The file of a category (the mapped task's XCom). */
export type XpathFile = LakeFile & { readonly category: string; readonly broken: number }

const PARTS = ['title', 'price', 'image'] as const
const NOTHING: Xpaths = { title: null, price: null, image: null }

interface Found {
  readonly xpaths: Xpaths
  /** Null when all three were found. */
  readonly reason: string | null
}

function checkDoor(pages: ProductPages, { status }: HttpAnswer): void {
  if (status === 401 || status === 403)
    throw new FailTask(
      `${pages.name} answered ${status} for a product page: it closes its door, and no further one is asked`,
    )
}

async function findOn(answer: HttpAnswer, row: BestRow): Promise<Found> {
  const broken = (reason: string): Found => ({ xpaths: NOTHING, reason })
  if (answer.status !== 200) return broken(`answered ${answer.status}`)
  if (!isHtml(answer)) return broken(`expected text/html, found ${answer.headers['content-type'] ?? 'none'}`)
  const { title, img: image, goods_code: goodsCode } = row
  const wanted = { title: title ?? '', image: image ?? '', goodsCode: goodsCode ?? '', price: Number(row.price) }
  const xpaths = await findXpaths(answer.text, wanted)
  const absent = PARTS.filter((part) => xpaths[part] === null)
  return { xpaths, reason: absent.length === 0 ? null : `no element shows the ${absent.join(', the ')} of the list` }
}

async function readOne(pages: ProductPages, slot: HourSlot, row: BestRow, clock: Clock): Promise<Found> {
  try {
    const answer = await pages.productPage(row.goods_code ?? '', slot.text)
    checkDoor(pages, answer)
    if (answer.status === 429 || answer.status === 503) judge(answer, clock)
    return await findOn(answer, row)
  } catch (error) {
    // Of this page alone. A server that is not there at all is an error of the try.
    const isOfPage =
      error instanceof HttpTimedOutError || error instanceof HttpAnswerError || error instanceof HttpRedirectError
    if (isOfPage) return { xpaths: NOTHING, reason: error.message }
    throw error
  }
}

async function bestOf(op: OperatorContext, slot: HourSlot, category: Category, options: ReadProductPages) {
  const { warehouseConnId = 'hive_default', lakeConnId = 'hdfs_default' } = options
  const warehouse = await openWarehouse(op, warehouseConnId, lakeConnId)
  try {
    const rows = await rowsOfHour(warehouse, op, slot, [category.code])
    if (rows.length === 0)
      throw new FailTask(`gmarket.best has no rows of ${category.label} at ${slot.text}: there is no page to read`)
    return [...rows].sort((a, b) => Number(a.rank) - Number(b.rank))
  } finally {
    await warehouse.close()
  }
}

async function readAll(
  op: OperatorContext,
  slot: HourSlot,
  rows: readonly BestRow[],
  pages: ProductPages,
  { pause = pages.isSimulated ? 0 : 1, clock = systemClock }: ReadProductPages,
): Promise<readonly XpathRow[]> {
  const read: XpathRow[] = []
  for (const row of rows) {
    if (read.length > 0 && pause > 0) await clock.sleep(pause * 1_000, op.signal)
    const { xpaths, reason } = await readOne(pages, slot, row, clock)
    if (reason !== null) op.log.warn({ goodsCode: row.goods_code, rank: row.rank, reason }, 'product page not usable')
    const { slot: at, category_code, rank, goods_code } = row
    const { title: title_xpath, image: img_xpath, price: price_xpath } = xpaths
    read.push({ slot: at, category_code, rank, goods_code, title_xpath, img_xpath, price_xpath, reason })
  }
  return read
}

/**
 * Reads the product pages of a category's items and stores `raw/dt=…/hour=…/xpaths/<code>.csv` beside the hour's CSV, a row an
 * item. Safe to repeat: the slot alone names the file. Call it inside a task, after the hour is in the table.
 */
export async function readProductPages(category: Category, options: ReadProductPages = {}): Promise<XpathFile> {
  const op = getOperatorContext('readProductPages')
  const { connId, lakeConnId = 'hdfs_default', folder = '/gmarket', clock } = options
  const slot = hourSlotOf(op.run)
  const rows = await bestOf(op, slot, category, options)
  const pages = await openProductPages(op, {
    ...(connId !== undefined && { connId }),
    ...(clock !== undefined && { clock }),
  })
  const found = await readAll(op, slot, rows, pages, options).finally(() => pages.close())
  const broken = found.filter(({ reason }) => reason !== null)
  await op.record({
    kind: 'source',
    target: `${pages.name} product pages ${category.label}`,
    rowsRead: found.length,
    rowsWritten: found.length - broken.length,
    rowsRejected: broken.length,
  })
  if (broken.length === found.length)
    throw new Error(
      `${category.label}: not one of ${found.length} product pages is whole; the first: ${broken[0]?.reason}`,
    )
  const file_name = `${category.code}.csv`
  const path = join(await scratchFolder(op), 'xpaths', file_name)
  const file = await writeCsv({ path, columns: XPATH_COLUMNS, rows: found, sortBy: BEST_KEY, signal: op.signal })
  const source = { file_name, local_file_path: path, ...file }
  const target = `${folder}/raw/dt=${slot.dt}/hour=${slot.hour}/xpaths/${file_name}`
  const stored = await uploadToLake(source, { connId: lakeConnId, target })
  op.log.info({ category: category.label, pages: found.length, broken: broken.length }, 'product pages read')
  return { ...stored, category: category.code, broken: broken.length }
}
