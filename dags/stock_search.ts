// Conditional search of the replayed history: trigger it with the form, read the answer as its report.

import { Dag, defineParams, getParams, param } from 'baram'
import { searchStocks } from 'baram/pipelines/stocks'

const day = {
  type: 'string',
  pattern: '^(\\d{4}-\\d{2}-\\d{2})?$',
  description: 'Such as 2020-01-02; empty: all.',
} as const

const params = defineParams({
  code: param('', {
    type: 'string',
    pattern: '^([0-9A-Z]{6})?$',
    title: 'Code',
    description: 'Such as 005930; empty: all.',
  }),
  name: param('', { type: 'string', title: 'Name', description: 'As it is written; empty: all.' }),
  from: param('', { ...day, title: 'From' }),
  to: param('', { ...day, title: 'To' }),
  min_marcap_trillion: param(0, { type: 'number', minimum: 0, title: 'Market cap from', description: 'Trillion KRW.' }),
  most_rank: param(20, { type: 'integer', minimum: 1, maximum: 20, title: 'Rank up to' }),
  csv: param(false, { type: 'boolean', title: 'CSV', description: 'Also write all that match to the lake.' }),
})

export const dag = new Dag('stock_search', {
  description: 'Search the replayed history by stock, day, size and rank',
  timezone: 'Asia/Seoul',
  isPausedUponCreation: false,
  tags: ['krx'],
  params,
})

dag.task('search', () => {
  const { min_marcap_trillion: minMarcapTrillion, most_rank: mostRank, ...rest } = getParams(params)
  return searchStocks({ ...rest, minMarcapTrillion, mostRank })
})()
