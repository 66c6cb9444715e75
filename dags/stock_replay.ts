// The KRX market-cap history as if live: file → event log → document index, every row once.
//
// Without connections it replays a generated history of 128,878 rows into files of this host and Postgres. `stocks_default` (type
// file, extra {"path": "/data/marcap"}: a CSV, yearly Parquet files, or a folder of either), `kafka_default` and
// `elasticsearch_default` make it the real thing.

import { Dag, defineParams, getParams, param } from 'baram'
import { indexStocks, type ReplayedStocks, replayStocks } from 'baram/pipelines/stocks'

const params = defineParams({
  per_second: param(0, {
    type: 'number',
    minimum: 0,
    title: 'Rows a second',
    description: '0: as fast as the log takes them. 16 is the pace of the reference pipeline.',
  }),
  most_rank: param(20, {
    type: 'integer',
    minimum: 0,
    title: 'Largest stocks of each day',
    description: 'By market cap. 0: the whole market, about 2,600 a day, where the source has it.',
  }),
})

export const dag = new Dag('stock_replay', {
  description: 'KRX top 20 by market cap, 1995 to 2020, replayed into a topic and indexed',
  schedule: '@once',
  startDate: new Date('2024-03-18T00:00:00+09:00'),
  timezone: 'Asia/Seoul',
  isPausedUponCreation: false,
  maxActiveRuns: 1,
  tags: ['krx'],
  params,
  defaultArgs: { retries: 3, retryDelay: 30 }, // seconds
})

// Each batch is one transaction with the position behind it: a retry goes on where the log says, and a re-run appends nothing.
const replayed = dag.task('stock_replay', () => {
  const { per_second: perSecond, most_rank: mostRank } = getParams(params)
  return replayStocks({ topic: 'Stock_Data', perSecond, mostRank: mostRank === 0 ? 'all' : mostRank })
})

// The id of a document is its date and code, so it is there once. Source, topic and index must agree in the end.
const indexed = dag.task('index_stocks', ({ replayed }: { replayed: ReplayedStocks }) => indexStocks(replayed))

indexed({ replayed: replayed() })
