// The document index in Elasticsearch 7.14 to 9.
//
// Indexes are made with explicit mappings, dynamic ones off, and without coercion. What a document may hold is checked before it is
// sent, so that both adapters refuse the same; what Elasticsearch refuses beyond that is told with its own reason.
//
// A bulk may be killed anywhere: documents that arrived are there, each under its id, and a re-run puts all of them again. Items that
// a busy node turns away (429) are sent again, and no others.

import { type Clock, systemClock } from '../clock.ts'
import type { ConnectionContext } from '../connection.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import {
  addedFields,
  type Bucket,
  type BulkResult,
  checkFields,
  checkIndex,
  checkSize,
  type DocumentIndex,
  DocumentIndexError,
  type ExportOptions,
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
  UnknownIndexError,
} from './document-index.ts'
import { typeOf } from './documents.ts'
import { at, bucketOf, checkAnswer, failure, type Json, listAt, typeOfError } from './elastic-answers.ts'
import { putBulk } from './elastic-bulk.ts'
import { type ElasticAnswer, type ElasticClient, type ElasticRequest, openElasticClient } from './elastic-client.ts'
import { ID_FIELD, metricsOf, queryOf, sortOf } from './elastic-dsl.ts'
import { definitionOf, type Known, knownOf, propertiesOf } from './elastic-mapping.ts'

/**
 * A mapping that was read so short a time ago still holds for the next bulk: asking a busy node before each took a fifth of the time.
 * Fields are only ever added; an index that somebody deletes meanwhile is the race there is anyway, a second wider.
 */
const FRESH_MS = 1_000

const encoded = encodeURIComponent

export class ElasticDocumentIndex implements DocumentIndex {
  readonly name: string
  readonly #client: ElasticClient
  readonly #clock: Clock
  readonly #signal: AbortSignal
  #fresh: { readonly index: string; readonly known: Known; readonly until: number } | null = null

  constructor(client: ElasticClient, name: string, signal: AbortSignal, clock: Clock = systemClock) {
    this.#client = client
    this.name = name
    this.#signal = signal
    this.#clock = clock
  }

  async ensureIndex(index: string, options: IndexOptions): Promise<boolean> {
    checkFields(checkIndex(index), options.fields)
    this.#fresh = null
    const known = await this.#find(index)
    if (known === null) {
      const answer = await this.#client.request({ method: 'PUT', path: `/${index}`, body: definitionOf(options) })
      if (answer.status === 200) return true
      if (typeOfError(answer) !== 'resource_already_exists_exception') throw failure(answer, `making index ${index}`)
    }
    const { fields } = known ?? (await this.#known(index))
    const added = addedFields(index, fields, options.fields)
    if (Object.keys(added).length === 0) return false
    const body = { properties: propertiesOf(added) }
    await this.#ask({ method: 'PUT', path: `/${index}/_mapping`, body }, `adding fields to index ${index}`)
    return false
  }

  async ensureTemplate(template: string, options: TemplateOptions): Promise<void> {
    checkFields(checkIndex(template), options.fields)
    const body = { index_patterns: options.patterns, priority: 500, template: definitionOf(options) }
    await this.#ask({ method: 'PUT', path: `/_index_template/${template}`, body }, `making template ${template}`)
  }

  async bulk(index: string, documents: readonly IndexedDocument[]): Promise<readonly BulkResult[]> {
    const known = await this.#knownForBulk(index)
    return putBulk(
      {
        send: (lines) => this.#client.request({ method: 'POST', path: `/${index}/_bulk`, lines }),
        check: (answer) => this.#check(index, answer, `putting documents into index ${index}`),
        sleep: (ms) => this.#clock.sleep(ms, this.#signal),
      },
      known,
      documents,
    )
  }

  async refresh(index: string): Promise<void> {
    await this.#askOf(index, { method: 'POST', path: `/${checkIndex(index)}/_refresh` }, 'refreshing')
  }

  async count(index: string, query?: Query): Promise<number> {
    const known = await this.#known(index)
    const body = { query: queryOf(known, query) }
    const answer = await this.#askOf(index, { method: 'POST', path: `/${index}/_count`, body }, 'counting')
    return Number(at(answer)['count'] ?? Number.NaN)
  }

  async get(index: string, id: string): Promise<Source | null> {
    const request: ElasticRequest = {
      method: 'GET',
      path: `/${checkIndex(index)}/_doc/${encoded(id)}`,
      query: { _source_excludes: ID_FIELD },
    }
    const answer = await this.#client.request(request)
    if (answer.status === 404 && typeOfError(answer) === '') return null
    this.#check(index, answer, `reading ${id}`)
    return at(answer.body, '_source') as Source
  }

  async search(index: string, request: SearchRequest = {}): Promise<SearchPage> {
    const known = await this.#known(index)
    const size = checkSize(request.size ?? 10, 'size')
    return this.#page(index, known, request, size)
  }

  async top(index: string, { query, field, size = 10, metrics = {} }: TopRequest): Promise<readonly Bucket<Scalar>[]> {
    const known = await this.#known(index)
    const type = typeOf(known, field, 'top', ['keyword', 'long', 'boolean'])
    if (checkSize(size, 'size') === 0) return []
    const order = [{ _count: 'desc' }, { _key: 'asc' }]
    // Each shard gives more than wanted, so that what is large over all of them is among it.
    const terms = { field, size, order, shard_size: Math.max(1_000, size * 5) }
    const buckets = await this.#buckets(index, known, { query, metrics }, { terms })
    return buckets.map((bucket) =>
      bucketOf(type === 'boolean' ? bucket['key_as_string'] === 'true' : (bucket['key'] as Scalar), bucket, metrics),
    )
  }

  async histogram(
    index: string,
    { query, field, interval, timezone = 'UTC', metrics = {} }: HistogramRequest,
  ): Promise<readonly Bucket<number>[]> {
    const known = await this.#known(index)
    typeOf(known, field, 'histogram', ['date'])
    const date_histogram = { field, calendar_interval: interval, time_zone: timezone, min_doc_count: 1 }
    const buckets = await this.#buckets(index, known, { query, metrics }, { date_histogram })
    return buckets.map((bucket) => bucketOf(Number(bucket['key']), bucket, metrics))
  }

  async *export(
    index: string,
    { query, batch = 1_000 }: ExportOptions = {},
  ): AsyncGenerator<readonly IndexedDocument[]> {
    const known = await this.#known(index)
    let after: string | undefined
    for (;;) {
      const page = await this.#page(
        index,
        known,
        { ...(query !== undefined && { query }), ...(after !== undefined && { after }) },
        checkSize(batch, 'batch'),
      )
      if (page.documents.length > 0) yield page.documents
      if (page.next === null) return
      after = page.next
    }
  }

  async deleteIndex(index: string): Promise<boolean> {
    this.#fresh = null
    const answer = await this.#client.request({ method: 'DELETE', path: `/${checkIndex(index)}` })
    if (typeOfError(answer) === 'index_not_found_exception') return false
    if (answer.status !== 200) throw failure(answer, `deleting index ${index}`)
    return true
  }

  close(): Promise<void> {
    return this.#client.close()
  }

  /** @throws UnknownIndexError, DocumentIndexError */
  #check(index: string, answer: ElasticAnswer, what: string): void {
    checkAnswer(answer, what, index, this.name)
  }

  async #ask(request: ElasticRequest, what: string): Promise<unknown> {
    const answer = await this.#client.request(request)
    if (answer.status < 200 || answer.status > 299) throw failure(answer, what)
    return answer.body
  }

  async #askOf(index: string, request: ElasticRequest, what: string): Promise<unknown> {
    const answer = await this.#client.request(request)
    this.#check(index, answer, `${what} index ${index}`)
    return answer.body
  }

  async #find(index: string): Promise<Known | null> {
    const answer = await this.#client.request({ method: 'GET', path: `/${checkIndex(index)}/_mapping` })
    if (typeOfError(answer) === 'index_not_found_exception') return null
    if (answer.status !== 200) throw failure(answer, `reading the mapping of index ${index}`)
    const [found] = Object.values(at(answer.body))
    return knownOf(at(found, 'mappings'))
  }

  async #knownForBulk(index: string): Promise<Known> {
    const now = this.#clock.now()
    if (this.#fresh?.index === index && now < this.#fresh.until) return this.#fresh.known
    const known = (await this.#find(index)) ?? (await this.#makeFromTemplate(index))
    this.#fresh = { index, known, until: now + FRESH_MS }
    return known
  }

  /** @throws UnknownIndexError */
  async #known(index: string): Promise<Known> {
    const known = await this.#find(index)
    if (known === null) throw new UnknownIndexError(index, this.name)
    return known
  }

  /** Elasticsearch would make any index by itself, with mappings guessed from its first document: only where a template of ours fits. */
  async #makeFromTemplate(index: string): Promise<Known> {
    const path = `/_index_template/_simulate_index/${index}`
    const found = await this.#ask({ method: 'POST', path }, `looking for a template of index ${index}`)
    if (!knownOf(at(found, 'template', 'mappings')).hasId) throw new UnknownIndexError(index, this.name)
    const answer = await this.#client.request({ method: 'PUT', path: `/${index}` })
    if (answer.status !== 200 && typeOfError(answer) !== 'resource_already_exists_exception')
      throw failure(answer, `making index ${index}`)
    return this.#known(index)
  }

  async #page(
    index: string,
    known: Known,
    { query, sort = [], after }: Omit<SearchRequest, 'size'>,
    size: number,
  ): Promise<SearchPage> {
    if (!known.hasId)
      throw new DocumentIndexError(
        `index ${index} was not made by ensureIndex: its documents have no field ${ID_FIELD} to page by; make one and put them there`,
      )
    const cursor = after === undefined ? undefined : decodeCursor(sort, after)
    const body = {
      query: queryOf(known, query),
      sort: sortOf(known, sort),
      size,
      track_total_hits: true,
      _source: { excludes: [ID_FIELD] },
      ...(cursor !== undefined && { search_after: [...cursor.values, cursor.id] }),
    }
    const answer = await this.#askOf(index, { method: 'POST', path: `/${index}/_search`, body }, 'searching')
    const hits = listAt(at(answer, 'hits'), 'hits')
    const total = Number(at(answer, 'hits', 'total')['value'] ?? Number.NaN)
    const documents = hits.map((hit) => ({ id: String(at(hit)['_id']), source: at(hit, '_source') as Source }))
    const last = listAt(hits.at(-1), 'sort')
    // A full page may be the last one: the next is empty then, and says so.
    if (hits.length === 0 || hits.length < size || (after === undefined && total <= size))
      return { total, documents, next: null }
    const values = last.slice(0, -1) as readonly (Scalar | null)[]
    return { total, documents, next: encodeCursor(sort, { values, id: String(last.at(-1)) }) }
  }

  async #buckets(
    index: string,
    known: Known,
    { query, metrics }: { readonly query: Query | undefined; readonly metrics: Metrics },
    by: object,
  ): Promise<readonly Json[]> {
    const body = {
      size: 0,
      query: queryOf(known, query),
      aggs: { buckets: { ...by, aggs: metricsOf(known, metrics) } },
    }
    const answer = await this.#askOf(index, { method: 'POST', path: `/${index}/_search`, body }, 'counting')
    return listAt(at(answer, 'aggregations', 'buckets'), 'buckets').map((bucket) => at(bucket))
  }
}

/** @throws ConnectionUnusableError, DocumentIndexError that says why it cannot be reached */
export async function openElasticDocumentIndex(
  op: ConnectionContext,
  connection: Parameters<typeof openElasticClient>[0],
): Promise<ElasticDocumentIndex> {
  const client = await openElasticClient(connection, op.signal)
  const name = `Elasticsearch ${client.major} at ${connection.host}:${connection.port ?? 9200}`
  return new ElasticDocumentIndex(client, name, op.signal)
}
