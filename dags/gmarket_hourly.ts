// Gmarket's best 100 of twelve categories, every hour: twelve pages → files → lake → table.
//
// Without connections it reads the simulated shop of this host. With the connection `gmarket_default` (type http, host
// www.gmarket.co.kr, schema https) it reads the real one, politely: two pages at a time, and only what robots.txt allows.

import { cron, Dag, expand } from 'baram'
import { hiveExternalTable } from 'baram/operators'
import {
  BEST_COLUMNS,
  type Category,
  type CategoryFile,
  crawlBest,
  GMARKET_CATEGORIES,
  storeBest,
} from 'baram/operators/gmarket'

export const dag = new Dag('gmarket_hourly', {
  description: 'The best 100 of 12 categories, hourly, into the lake and a table by hour',
  schedule: cron('0 * * * *', { timezone: 'Asia/Seoul', interval: true }),
  startDate: new Date('2024-03-18T00:00:00+09:00'),
  catchup: false,
  isPausedUponCreation: false,
  maxActiveRuns: 1,
  tags: ['gmarket'],
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

loaded({ location: stored({ pages }) })
