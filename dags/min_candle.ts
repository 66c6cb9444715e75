// Upbit's minute candles, every two minutes: exchange → Parquet file → lake → table.
//
// Without any connection it runs on the simulated exchange, a folder as the lake and DuckDB as the warehouse. Add the connections
// `upbit_default`, `hdfs_default` or `hive_default` and the same file talks to the real ones.

import { cron, Dag } from 'baram'
import { hdfsUpload, hiveExternalTable } from 'baram/operators'
import { CANDLE_COLUMNS, collectCandles } from 'baram/pipelines/upbit'

export const dag = new Dag('min_candle', {
  description: 'Every minute of every KRW market, stored two minutes at a time',
  // Each run is for the two minutes before it, its data interval; slots and days are Seoul's.
  schedule: cron('*/2 * * * *', { timezone: 'Asia/Seoul', interval: true }),
  startDate: new Date('2024-03-18T00:00:00+09:00'),
  catchup: false,
  isPausedUponCreation: false,
  maxActiveRuns: 1, // one run at a time shares Upbit's limit of 10 requests a second with nobody
  tags: ['upbit'],
  defaultArgs: { retries: 3, retryDelay: 30 }, // seconds
})

// Collects the candles into a local file. What it returns says where: that is the task's XCom.
const candles = dag.task('min_candle', async () => collectCandles())

// Uploads the file. The slot alone decides its name, so a retry or a clear replaces the file instead of adding one.
const stored = dag.task(
  'to_hdfs',
  hdfsUpload({ connId: 'hdfs_default', target: (run, { file_name }) => `/candle/dt=${run.local.ds}/${file_name}` }),
)

// Makes the file's rows readable: SELECT * FROM upbit_lake.candle WHERE dt = '2024-03-18'. The view is that day alone, for
// queries written for a table a day: SELECT * FROM upbit_lake.candle_240318
const loaded = dag.task(
  'load_to_hive',
  hiveExternalTable({
    connId: 'hive_default',
    database: 'upbit_lake',
    table: 'candle',
    columns: CANDLE_COLUMNS,
    partitionedBy: ['dt'],
    view: (run) => `candle_${run.local.dsNodash.slice(2)}`,
  }),
)

// Calling draws the graph: min_candle → to_hdfs → load_to_hive.
loaded({ location: stored({ source: candles() }) })
