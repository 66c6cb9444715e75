// Conditional search of the indexed history: a report on the page, and all that match as CSV where it is asked for.

import { join } from 'node:path'
import { type DocumentIndex, openDocumentIndex, type Query } from '../../operators/document-index/index.ts'
import { uploadToLake } from '../../operators/lake/hdfs-upload.ts'
import { safeName } from '../../operators/lake/paths.ts'
import type { Columns, RowOf } from '../../operators/parquet/columns.ts'
import { writeCsv } from '../../operators/parquet/write.ts'
import { scratchFolder } from '../../operators/scratch/scratch.ts'
import { FailTask, getOperatorContext, type OperatorContext } from '../../sdk/index.ts'
import { STOCK_TABLE } from './reports.ts'

export interface StockQuery {
  /** `005930`; empty = all. */
  readonly code: string
  /** The name as it is; empty = all. */
  readonly name: string
  /** `2020-01-01`; empty = from the first day. */
  readonly from: string
  /** Inclusive; empty = to the last day. */
  readonly to: string
  /** Market cap of at least so many trillion KRW. */
  readonly minMarcapTrillion: number
  /** Rank of at most. */
  readonly mostRank: number
  /** Also write all that match to the lake, beyond what a page shows. */
  readonly csv: boolean
}

export interface SearchConnections {
  /** Default `elasticsearch_default`. */
  readonly index?: string
  /** Default `hdfs_default`. */
  readonly lake?: string
}

export type StockSearch = { readonly total: number; readonly shown: number; readonly csv: string | null }

const SHOWN = 1_000
const INDEX = 'stock-replay'

const CSV_COLUMNS = {
  Date: 'STRING',
  Code: 'STRING',
  Name: 'STRING',
  Market: 'STRING',
  Dept: 'STRING',
  Close: 'BIGINT',
  ChangeCode: 'STRING',
  Changes: 'BIGINT',
  ChagesRatio: 'DOUBLE',
  Open: 'BIGINT',
  High: 'BIGINT',
  Low: 'BIGINT',
  Volume: 'BIGINT',
  Amount: 'BIGINT',
  Marcap: 'BIGINT',
  Stocks: 'BIGINT',
  MarketId: 'STRING',
  Rank: 'BIGINT',
} as const satisfies Columns

function csvRow(source: Readonly<Record<string, unknown>>): RowOf<typeof CSV_COLUMNS> {
  const cells = Object.entries(CSV_COLUMNS).map(([name, type]) => {
    const value = source[name] ?? null
    if (value === null) return [name, null]
    return [name, type === 'BIGINT' ? BigInt(Number(value)) : type === 'DOUBLE' ? Number(value) : String(value)]
  })
  // Each column by its type, just above.
  return Object.fromEntries(cells) as RowOf<typeof CSV_COLUMNS>
}

/** The conditions that were given. */
export function stockQuery(asked: StockQuery): Query {
  const range = {
    field: 'Date',
    ...(asked.from !== '' && { gte: asked.from }),
    ...(asked.to !== '' && { lte: asked.to }),
  }
  return {
    and: [
      ...(asked.code === '' ? [] : [{ term: { field: 'Code', value: asked.code } }]),
      ...(asked.name === '' ? [] : [{ term: { field: 'Name', value: asked.name } }]),
      ...(asked.from === '' && asked.to === '' ? [] : [{ range }]),
      { range: { field: 'Marcap', gte: asked.minMarcapTrillion * 1e12 } },
      { range: { field: 'Rank', lte: asked.mostRank } },
    ],
  }
}

async function writeAll(op: OperatorContext, index: DocumentIndex, query: Query, connId: string): Promise<string> {
  const file_name = 'search.csv'
  const local_file_path = join(await scratchFolder(op), file_name)
  const rows = async function* () {
    for await (const documents of index.export(INDEX, { query }))
      for (const { source } of documents) yield csvRow(source)
  }
  const file = await writeCsv({
    path: local_file_path,
    columns: CSV_COLUMNS,
    rows: rows(),
    sortBy: ['Date', 'Rank', 'Code'],
    signal: op.signal,
  })
  const { path } = await uploadToLake(
    { file_name, local_file_path, ...file },
    { connId, target: `/stocks/search/${safeName(op.runId)}.csv` },
  )
  return path
}

/** Searches the index. Call it inside a task. @throws FailTask when stock_replay has not filled it */
export async function searchStocks(asked: StockQuery, connections: SearchConnections = {}): Promise<StockSearch> {
  const op = getOperatorContext('searchStocks')
  const index = await openDocumentIndex(op, connections.index)
  try {
    const query = stockQuery(asked)
    const page = await index.search(INDEX, { query, sort: [{ field: 'Date' }, { field: 'Rank' }], size: SHOWN })
    if (page.total === 0 && (await index.count(INDEX)) === 0)
      throw new FailTask('the index is empty: run stock_replay first')
    const isOneStock = asked.code !== '' || asked.name !== ''
    await op.publish('search', {
      title: `${page.total.toLocaleString('en')} rows match`,
      columns: STOCK_TABLE.columns.map((column) =>
        column.name === 'Date' ? { name: 'Date', type: 'instant' } : column,
      ),
      rows: page.documents.map(({ source }) => {
        const [date, ...rest] = STOCK_TABLE.row(source)
        return [`${String(date)}T00:00:00+09:00`, ...rest]
      }),
      charts: isOneStock ? [{ kind: 'line', x: 'Date', y: ['Close'] }] : [],
    })
    const csv = asked.csv ? await writeAll(op, index, query, connections.lake ?? 'hdfs_default') : null
    op.log.info({ total: page.total, shown: page.documents.length, csv }, 'search done')
    return { total: page.total, shown: page.documents.length, csv }
  } finally {
    await index.close()
  }
}
