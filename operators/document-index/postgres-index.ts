// The embedded document index: a schema `document_index` in a Postgres database.
//
//   catalog    one row an index: its number, its fields
//   template   one row a template
//   d_<n>      the documents of index n: id, source (as it was put, to the letter), keys (what it is searched by)
//
// A table an index, so that one is dropped without touching the others and its statistics are its own. `keys` has one inverted index,
// which serves terms and words; sorts, ranges and buckets read the table: 130,000 documents take a fraction of a second.
//
// A bulk is one statement: after a kill its documents are all there or none is. Put again, they are replaced by themselves.

import type { ConnectionContext } from '../connection.ts'
import { openPostgres, type PostgresHook } from '../postgres/hook.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import {
  type Bucket,
  type BulkResult,
  checkFields,
  checkIndex,
  checkSize,
  type DocumentIndex,
  type ExportOptions,
  type FieldType,
  type HistogramRequest,
  type IndexedDocument,
  type IndexOptions,
  type Metrics,
  type Query,
  type Scalar,
  type SearchPage,
  type SearchRequest,
  type Source,
  type TemplateOptions,
  type TopRequest,
} from './document-index.ts'
import { checkDocument, typeOf } from './documents.ts'
import { type IndexTable, PostgresCatalog } from './postgres-catalog.ts'
import { Sql } from './postgres-sql.ts'

type Row = Readonly<Record<string, unknown>>

export class PostgresDocumentIndex implements DocumentIndex {
  readonly name: string
  readonly #hook: PostgresHook
  readonly #catalog: PostgresCatalog
  /** One connection does one thing after the other; a transaction must not get a neighbour's statements. */
  #queue: Promise<unknown> = Promise.resolve()

  constructor(hook: PostgresHook, name: string) {
    this.#hook = hook
    this.#catalog = new PostgresCatalog(hook, name)
    this.name = name
  }

  /** Makes the schema where it is missing. @throws PostgresError when the role may not */
  async setUp(): Promise<void> {
    await this.#alone(() => this.#catalog.setUp())
  }

  ensureIndex(index: string, { fields, strict = true }: IndexOptions): Promise<boolean> {
    return this.#alone(async () => {
      checkFields(checkIndex(index), fields)
      return this.#catalog.make(index, { fields, strict })
    })
  }

  ensureTemplate(template: string, { patterns, fields, strict = true }: TemplateOptions): Promise<void> {
    return this.#alone(async () => {
      checkFields(checkIndex(template), fields)
      await this.#catalog.putTemplate(template, { patterns, fields, strict })
    })
  }

  bulk(index: string, documents: readonly IndexedDocument[]): Promise<readonly BulkResult[]> {
    return this.#alone(async () => {
      const found = (await this.#catalog.find(index)) ?? (await this.#catalog.makeFromTemplate(index))
      const results: BulkResult[] = []
      const accepted: Accepted[] = []
      for (const [at, document] of documents.entries()) {
        const checked = checkDocument(found, document)
        if (checked.reason === undefined) accepted.push({ at, document, keys: checked.keys })
        else results[at] = { id: document.id, outcome: 'rejected', reason: checked.reason }
      }
      for (const wave of wavesOf(accepted)) await this.#put(found.table, wave, results)
      return results
    })
  }

  async refresh(index: string): Promise<void> {
    await this.#alone(() => this.#catalog.require(index))
  }

  count(index: string, query?: Query): Promise<number> {
    return this.#alone(async () => this.#count(await this.#catalog.require(index), query))
  }

  get(index: string, id: string): Promise<Source | null> {
    return this.#alone(async () => {
      const { table } = await this.#catalog.require(index)
      const [row] = await this.#hook.query<{ source: Source }>(`select source from ${table} where id = $1`, [id])
      return row?.source ?? null
    })
  }

  search(index: string, request: SearchRequest = {}): Promise<SearchPage> {
    return this.#alone(async () => {
      const found = await this.#catalog.require(index)
      const size = checkSize(request.size ?? 10, 'size')
      const total = await this.#count(found, request.query)
      const { documents, next } = await this.#page(found, request, size)
      return { total, documents, next }
    })
  }

  top(index: string, { query, field, size = 10, metrics = {} }: TopRequest): Promise<readonly Bucket<Scalar>[]> {
    return this.#alone(async () => {
      const found = await this.#catalog.require(index)
      const type = typeOf(found, field, 'top', ['keyword', 'long', 'boolean'])
      const sql = new Sql(found)
      const key = sql.expression(field, type)
      const rows = await this.#buckets(found, sql, { key, query, metrics, field })(
        `order by count desc, key limit ${checkSize(size, 'size')}`,
      )
      return rows.map((row) => bucketOf(keyOfType(type, row['key']), row, metrics))
    })
  }

  histogram(
    index: string,
    { query, field, interval, timezone = 'UTC', metrics = {} }: HistogramRequest,
  ): Promise<readonly Bucket<number>[]> {
    return this.#alone(async () => {
      const found = await this.#catalog.require(index)
      const sql = new Sql(found)
      const at = sql.expression(field, typeOf(found, field, 'histogram', ['date']))
      const unit = sql.value(interval)
      const zone = sql.value(timezone)
      const start = `date_trunc(${unit}::text, to_timestamp((${at} / 1000)::float8), ${zone}::text)`
      const key = `(extract(epoch from ${start}) * 1000)::bigint`
      const rows = await this.#buckets(found, sql, { key, query, metrics, field })('order by key')
      return rows.map((row) => bucketOf(Number(row['key']), row, metrics))
    })
  }

  async *export(
    index: string,
    { query, batch = 1_000 }: ExportOptions = {},
  ): AsyncGenerator<readonly IndexedDocument[]> {
    let after: string | undefined
    for (;;) {
      const page = await this.#alone(async () =>
        this.#page(await this.#catalog.require(index), { ...(query && { query }), ...(after && { after }) }, batch),
      )
      if (page.documents.length > 0) yield page.documents
      if (page.next === null) return
      after = page.next
    }
  }

  deleteIndex(index: string): Promise<boolean> {
    return this.#alone(() => this.#catalog.drop(index))
  }

  async close(): Promise<void> {
    await this.#queue
    await this.#hook.close()
  }

  #alone<T>(body: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(body)
    this.#queue = turn.catch(() => undefined)
    return turn
  }

  async #put(table: string, wave: readonly Accepted[], results: BulkResult[]): Promise<void> {
    const rows = wave.map(({ document: { id, source }, keys }) => ({ id, source, keys }))
    // In order of their ids, so that two writers of the same documents wait for one another rather than deadlock.
    const put = await this.#hook.query<{ id: string; made: boolean }>(
      `insert into ${table} as d (id, source, keys)
       select e ->> 'id', e -> 'source', (e -> 'keys')::jsonb from json_array_elements($1::json) e order by 1
       on conflict (id) do update set source = excluded.source, keys = excluded.keys
       where d.source::text is distinct from excluded.source::text
       returning id, xmax = 0 as made`,
      [JSON.stringify(rows)],
    )
    const made = new Map(put.map((row) => [row.id, row.made]))
    for (const { at, document } of wave) {
      const was = made.get(document.id)
      results[at] = { id: document.id, outcome: was === undefined ? 'noop' : was ? 'created' : 'updated' }
    }
  }

  async #count(found: IndexTable, query: Query | undefined): Promise<number> {
    const sql = new Sql(found)
    const condition = sql.condition(query)
    const [row] = await this.#hook.query<{ count: number }>(
      `select count(*) as count from ${found.table} where ${condition}`,
      sql.values,
    )
    return row?.count ?? 0
  }

  async #page(
    found: IndexTable,
    { query, sort = [], after }: Omit<SearchRequest, 'size'>,
    size: number,
  ): Promise<Omit<SearchPage, 'total'>> {
    const sql = new Sql(found)
    const conditions = [sql.condition(query)]
    if (after !== undefined) conditions.push(sql.after(sort, decodeCursor(sort, after)))
    const keys = sort.map(({ field }, i) => `keys -> ${sql.value(field)}::text as s${i}`)
    const rows = await this.#hook.query<Row & { id: string; source: Source }>(
      `select ${['id', 'source', ...keys].join(', ')} from ${found.table} where ${conditions.join(' and ')}
       order by ${sql.order(sort)} limit ${size + 1}`,
      sql.values,
    )
    const documents = rows.slice(0, size).map(({ id, source }) => ({ id, source }))
    const last = rows.length > size ? rows[size - 1] : undefined
    // A key is a text or a number: `checkDocument` made it.
    const values = sort.map((_, i) => (last?.[`s${i}`] ?? null) as Scalar | null)
    return { documents, next: last === undefined ? null : encodeCursor(sort, { values, id: last.id }) }
  }

  /** A statement that counts by `key`, but for its order. */
  #buckets(
    { table }: IndexTable,
    sql: Sql,
    { key, query, metrics, field }: { key: string; query: Query | undefined; metrics: Metrics; field: string },
  ): (order: string) => Promise<readonly Row[]> {
    const columns = Object.values(metrics).map((metric, i) => `, ${sql.metric(metric)} as m${i}`)
    const condition = sql.condition(query)
    const has = `keys -> ${sql.value(field)}::text is not null`
    return (order) =>
      this.#hook.query<Row>(
        `select ${key} as key, count(*) as count${columns.join('')} from ${table}
         where ${has} and ${condition} group by key ${order}`,
        sql.values,
      )
  }
}

interface Accepted {
  readonly at: number
  readonly document: IndexedDocument
  readonly keys: object
}

/** One statement cannot change a row twice: an id that comes again goes into the next. */
function wavesOf(accepted: readonly Accepted[]): readonly (readonly Accepted[])[] {
  const waves: Accepted[][] = []
  const seen = new Map<string, number>()
  for (const entry of accepted) {
    const wave = seen.get(entry.document.id) ?? 0
    seen.set(entry.document.id, wave + 1)
    const list = waves[wave] ?? []
    waves[wave] = list
    list.push(entry)
  }
  return waves
}

function keyOfType(type: FieldType, key: unknown): Scalar {
  if (type === 'boolean') return key === 'true'
  return type === 'long' ? Number(key) : String(key)
}

function bucketOf<K>(key: K, row: Row, metrics: Metrics): Bucket<K> {
  const values = Object.keys(metrics).map((name, i) => {
    const value = row[`m${i}`]
    return [name, value === null || value === undefined ? null : Number(value)] as const
  })
  return { key, count: Number(row['count']), metrics: Object.fromEntries(values) }
}

/** @throws ConnectionUnusableError, PostgresError */
export async function openPostgresDocumentIndex(op: ConnectionContext, connId: string): Promise<PostgresDocumentIndex> {
  const hook = await openPostgres(op, connId)
  const index = new PostgresDocumentIndex(hook, 'embedded document index (Postgres)')
  try {
    await index.setUp()
    return index
  } catch (error) {
    await index.close()
    throw error
  }
}
