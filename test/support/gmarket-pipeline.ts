// The tasks of gmarket_hourly, run by hand as a worker would run them, on embedded backends in a folder.

import { hiveExternalTable, type LoadedFile } from '../../operators/warehouse/hive-external-table.ts'
import { type Category, GMARKET_CATEGORIES } from '../../pipelines/gmarket/categories.ts'
import { type CheckHours, checkHours } from '../../pipelines/gmarket/check-hours.ts'
import { BEST_COLUMNS } from '../../pipelines/gmarket/columns.ts'
import { type CategoryFile, crawlBest } from '../../pipelines/gmarket/crawl.ts'
import { type ReadProductPages, readProductPages } from '../../pipelines/gmarket/product-pages.ts'
import { type StoredHour, storeBest } from '../../pipelines/gmarket/store.ts'
import { type ConnectionResult, type RunInfo, runInScope } from '../../sdk/context.ts'
import { madeUpContext, runOf } from './operator-context.ts'

export interface ShopWorld {
  readonly embeddedRoot: string
  readonly shopUrl: string
  /** Default: none, so everything is embedded. */
  readonly connections?: readonly ConnectionResult[]
}

/** The run of the hour that starts then. */
export function hourRun(start: string): RunInfo {
  const at = Date.parse(start)
  return runOf(new Date(at), new Date(at + 3_600_000))
}

const opOf = ({ embeddedRoot, shopUrl, connections = [] }: ShopWorld, run: RunInfo, taskId: string) =>
  madeUpContext({ embeddedRoot, run, taskId, connections, variables: new Map([['gmarket_simulated_url', shopUrl]]) })

export const crawlOne = (world: ShopWorld, run: RunInfo, category: Category): Promise<CategoryFile> =>
  runInScope(opOf(world, run, 'gmarket_hourly'), () => crawlBest(category))

/** With what the task told. */
export async function storeAndTell(world: ShopWorld, run: RunInfo, pages: readonly CategoryFile[]) {
  const op = opOf(world, run, 'to_hdfs')
  return { stored: await runInScope(op, () => storeBest(pages)), reports: op.reports }
}

export const storeHour = async (world: ShopWorld, run: RunInfo, pages: readonly CategoryFile[]): Promise<StoredHour> =>
  (await storeAndTell(world, run, pages)).stored

const load = hiveExternalTable({
  database: 'gmarket',
  table: 'best',
  columns: BEST_COLUMNS,
  partitionedBy: ['dt', 'hour'],
  clearsScratch: true,
})

export async function loadHour(world: ShopWorld, run: RunInfo, location: StoredHour): Promise<LoadedFile> {
  return load.execute(opOf(world, run, 'load_to_hive'), { location })
}

export async function runHour(world: ShopWorld, run: RunInfo): Promise<LoadedFile> {
  const pages: CategoryFile[] = []
  for (const category of GMARKET_CATEGORIES) pages.push(await crawlOne(world, run, category))
  return loadHour(world, run, await storeHour(world, run, pages))
}

/** With what the task told. */
export async function readProducts(world: ShopWorld, run: RunInfo, category: Category, options?: ReadProductPages) {
  const op = opOf(world, run, 'product_pages')
  return { file: await runInScope(op, () => readProductPages(category, options)), op }
}

/** With what the task told. */
export async function checkTheHours(world: ShopWorld, run: RunInfo, options?: CheckHours) {
  const op = opOf(world, run, 'check_hours')
  return { checked: await runInScope(op, () => checkHours(options)), op }
}
