// What the pages show of the index: the last day's twenty, rows and market cap by year, and the counts from source to index.

import type { DocumentIndex, Query, Source } from '../../operators/document-index/index.ts'
import type { OperatorContext } from '../../sdk/index.ts'
import type { ReplayedStocks } from './replay.ts'

const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null)
const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)

/** The columns of a table of stocks, and a document as one of its rows. */
export const STOCK_TABLE = {
  columns: [
    { name: 'Date', type: 'text' },
    { name: 'Rank', type: 'number' },
    { name: 'Code', type: 'text' },
    { name: 'Name', type: 'text' },
    { name: 'Market', type: 'text' },
    { name: 'Close', type: 'number', unit: 'KRW' },
    { name: 'Change', type: 'number', unit: '%' },
    { name: 'Volume', type: 'number', unit: 'shares' },
    { name: 'Marcap', type: 'number', unit: 'KRW' },
  ],
  row: (source: Source) => [
    textOf(source['Date']),
    numberOf(source['Rank']),
    textOf(source['Code']),
    textOf(source['Name']),
    textOf(source['Market']),
    numberOf(source['Close']),
    numberOf(source['ChagesRatio']),
    numberOf(source['Volume']),
    numberOf(source['Marcap']),
  ],
} as const

async function publishTop(
  op: OperatorContext,
  index: DocumentIndex,
  name: string,
  mine: Query,
  lastDay: string,
): Promise<void> {
  const query: Query = { and: [mine, { term: { field: 'Date', value: lastDay } }] }
  const { documents } = await index.search(name, { query, sort: [{ field: 'Rank' }], size: 20 })
  await op.publish('top20', {
    title: `The twenty largest on ${lastDay}`,
    columns: STOCK_TABLE.columns,
    rows: documents.map(({ source }) => STOCK_TABLE.row(source)),
    charts: [{ kind: 'bar', x: 'Name', y: ['Marcap'] }],
  })
}

async function publishYears(op: OperatorContext, index: DocumentIndex, name: string, mine: Query): Promise<void> {
  const buckets = await index.histogram(name, {
    query: mine,
    field: 'Date',
    interval: 'year',
    metrics: { marcap: { avg: 'Marcap' } },
  })
  await op.publish('by_year', {
    title: 'Rows and mean market cap of the twenty by year',
    columns: [
      { name: 'year', type: 'text' },
      { name: 'rows', type: 'number' },
      { name: 'mean market cap', type: 'number', unit: 'KRW' },
    ],
    rows: buckets.map(({ key, count, metrics }) => [
      String(new Date(key).getUTCFullYear()),
      count,
      Math.round(metrics['marcap'] ?? 0),
    ]),
    charts: [
      { kind: 'bar', x: 'year', y: ['rows'] },
      { kind: 'bar', x: 'year', y: ['mean market cap'] },
    ],
  })
}

/** Reports of one replay. */
export async function publishStocks(
  op: OperatorContext,
  index: DocumentIndex,
  name: string,
  replayed: ReplayedStocks,
  documents: number,
): Promise<void> {
  const mine: Query = { term: { field: 'Replay', value: replayed.replay } }
  await op.publish('counts', {
    title: 'From the source to the index',
    columns: [
      { name: 'place', type: 'text' },
      { name: 'rows', type: 'number' },
    ],
    rows: [
      ['source', replayed.rows],
      [`topic ${replayed.topic}`, replayed.accepted],
      ['dead letters', replayed.rejected],
      [`index ${name}`, documents],
      ['weekdays without trading', replayed.closedDays],
    ],
  })
  await publishTop(op, index, name, mine, replayed.lastDay)
  await publishYears(op, index, name, mine)
}
