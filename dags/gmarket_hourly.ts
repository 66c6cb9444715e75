// Gmarket's best 100 of twelve categories, every hour: twelve pages → files → lake → table.
//
// Without connections it reads the simulated shop of this host. With the connection `gmarket_default` (type http, host
// www.gmarket.co.kr, schema https) it reads the real one, politely: two pages at a time, and only what robots.txt allows.

import { cron, Dag, deadlineAlert, defineParams, expand, getParams, param, shortCircuit } from 'baram'
import { hiveExternalTable } from 'baram/operators'
import { onCall } from 'baram/pipelines/alerts'
import {
  BEST_COLUMNS,
  type Category,
  type CategoryFile,
  checkHours,
  crawlBest,
  GMARKET_CATEGORIES,
  readProductPages,
  storeBest,
} from 'baram/pipelines/gmarket'

const params = defineParams({
  with_product_pages: param(false, {
    type: 'boolean',
    title: 'Product pages',
    description: 'Read the 1,200 product pages too, in the pool gmarket: about 20 minutes of the real shop.',
  }),
})

export const dag = new Dag('gmarket_hourly', {
  description: 'The best 100 of 12 categories, hourly, into the lake and a table by hour',
  schedule: cron('0 * * * *', { timezone: 'Asia/Seoul', interval: true }),
  startDate: new Date('2024-03-18T00:00:00+09:00'),
  catchup: false,
  isPausedUponCreation: false,
  maxActiveRuns: 1,
  tags: ['gmarket'],
  params,
  deadline: deadlineAlert({ reference: 'slot', interval: 30 * 60, callback: onCall }), // seconds after the hour, run or no run
  defaultArgs: { retries: 3, retryDelay: 60 }, // seconds
})

// One instance a category: if one fails, it alone is tried again.
const crawl = dag.task('gmarket_hourly', ({ category }: { category: Category }) => crawlBest(category), {
  maxActiveTisPerDagrun: 2,
  mapIndexTemplate: '{{args.category.label}}',
})
const pages = expand(crawl, { category: GMARKET_CATEGORIES })

// Merges the twelve, keeps the CSV, and stores a Parquet file for the table.
const stored = dag.task('to_hdfs', ({ pages }: { pages: readonly CategoryFile[] }) => storeBest(pages))

// SELECT * FROM gmarket.best WHERE dt = '2026-01-05' AND hour = '09'
const loaded = dag.task(
  'load_to_hive',
  hiveExternalTable({
    connId: 'hive_default',
    database: 'gmarket',
    table: 'best',
    columns: BEST_COLUMNS,
    partitionedBy: ['dt', 'hour'],
    clearsScratch: true,
  }),
)

const load = loaded({ location: stored({ pages }) })

// Was an hour missed? The last 24 as a report; the log names those without rows, and the command that fills them.
dag
  .task('check_hours', () => checkHours())()
  .after(load)

// Only when asked for: where each product page shows title, price and image. Otherwise product_pages is skipped at once, and
// nothing waits for it.
const isWanted = dag.task(
  'with_product_pages',
  shortCircuit(() => getParams(params).with_product_pages),
)()
const products = dag.task('product_pages', ({ category }: { category: Category }) => readProductPages(category), {
  pool: 'gmarket', // its slots are how many pages are asked at a time, by all runs together
  mapIndexTemplate: '{{args.category.label}}',
})
expand(products, { category: GMARKET_CATEGORIES }).after(load, isWanted)
