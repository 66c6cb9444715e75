// Rows of yearly Parquet files, in the order of the files: read as a stream, so that neither a year nor a month is held in memory.

import { type DuckDbSession, sqlName, sqlText } from '../../operators/duckdb/session.ts'
import { FailTask, type OperatorContext } from '../../sdk/index.ts'
import type { StockFiles } from './files.ts'
import {
  describeColumn,
  type FileColumn,
  ignoredColumns,
  type MappedColumn,
  mapColumns,
  selectList,
} from './parquet-columns.ts'
import { type RawStock, requireColumns } from './rows.ts'

const messageOf = (error: unknown) => (error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error))

async function columnsOf(session: DuckDbSession, { paths, name }: StockFiles): Promise<readonly FileColumn[]> {
  const list = paths.map(sqlText).join(', ')
  try {
    const { columns } = await session.query(`select * from read_parquet([${list}], union_by_name = true) limit 0`)
    return columns
  } catch (error) {
    throw new FailTask(`${name} cannot be read as Parquet: ${messageOf(error)}`)
  }
}

/** Which column became which of ours: in the log, and as a result table. */
async function tellColumns(op: OperatorContext, given: readonly FileColumn[], columns: readonly MappedColumn[]) {
  const mapped = columns.map(({ name, from }) => [name, from.map(describeColumn).join(', else ')] as const)
  op.log.info(
    { columns: Object.fromEntries(mapped), ignored: ignoredColumns(given, columns) },
    'columns of the Parquet files',
  )
  await op.publish('columns', {
    title: 'Columns of the Parquet files (Marcap and Amount in KRW, Volume and Stocks in shares)',
    columns: [
      { name: 'column', type: 'text' },
      { name: 'read from', type: 'text' },
    ],
    rows: mapped,
  })
}

/** Halted stocks stand with a volume of 0: they are rows like others, and told. */
async function tellQuietDays(op: OperatorContext, session: DuckDbSession): Promise<void> {
  const { rows } = await session.query(
    `with days as (select "Date", count(*) as n, count(*) filter (try_cast("Volume" as double) = 0) as quiet from history group by "Date")
     select sum(quiet)::bigint as stocks, count(*) filter (quiet = n) as days from days`,
    { signal: op.signal },
  )
  const [stocks, days] = [Number(rows[0]?.['stocks'] ?? 0), Number(rows[0]?.['days'] ?? 0)]
  if (stocks > 0) op.log.info({ rows: stocks, wholeDays: days }, 'rows with a volume of 0 are kept as they are')
}

/** Makes the view `history`: our columns as texts, rows of the wanted ranks. Returns its columns. */
export async function viewParquet(
  op: OperatorContext,
  session: DuckDbSession,
  files: StockFiles,
  mostRank: number | 'all',
): Promise<readonly string[]> {
  const given = await columnsOf(session, files)
  const columns = mapColumns(given)
  await tellColumns(op, given, columns)
  const has = columns.map((column) => column.name)
  // What a file without them has instead is what helps.
  requireColumns(files.name, has.length === 0 ? given.map((column) => column.name) : has)
  const list = files.paths.map(sqlText).join(', ')
  // A rank that is no number, NaN too, is kept: it is for the dead letters, with its reason.
  const rank = `coalesce(try_cast("Rank" as double), 0)`
  const wanted = mostRank === 'all' ? '' : ` where ${rank} <= ${mostRank} or isnan(${rank})`
  await session.run(
    `create view history as select * from (select ${selectList(columns)}
     from read_parquet([${list}], union_by_name = true))${wanted}`,
  )
  if (columns.some((column) => column.name === 'Volume')) await tellQuietDays(op, session)
  return columns.map((column) => column.name)
}

/** Rows by number, read on from where the last call ended; another place begins the stream anew. */
export class RowStream {
  readonly #session: DuckDbSession
  readonly #select: string
  readonly #signal: AbortSignal
  #chunks: AsyncGenerator<readonly string[]> | null = null
  #position = 0
  #rest: readonly string[] = []

  constructor(session: DuckDbSession, columns: readonly string[], signal: AbortSignal) {
    this.#session = session
    this.#signal = signal
    const list = columns.map((name) => `${sqlName(name)} := ${sqlName(name)}`).join(', ')
    this.#select = `select to_json(struct_pack(${list}))::varchar as row from history`
  }

  async read(from: number, to: number): Promise<readonly RawStock[]> {
    if (this.#chunks === null || from !== this.#position) this.#begin(from)
    const rows: string[] = []
    while (rows.length < to - from) {
      if (this.#rest.length === 0 && !(await this.#fill())) break
      const taken = this.#rest.slice(0, to - from - rows.length)
      rows.push(...taken)
      this.#rest = this.#rest.slice(taken.length)
    }
    this.#position = from + rows.length
    // All columns are texts, by their select list.
    return rows.map((row) => JSON.parse(row) as RawStock)
  }

  #begin(from: number): void {
    this.#chunks = this.#session.texts(`${this.#select} offset ${from}`, { signal: this.#signal })
    this.#rest = []
  }

  async #fill(): Promise<boolean> {
    const next = await this.#chunks?.next()
    if (next === undefined || next.done === true) return false
    this.#rest = next.value
    return true
  }
}
