// The document index port: documents by id, searched by field, in a Postgres database or in Elasticsearch. Both adapters pass
// test/operators/document-index/contract.ts.
//
// Mappings are explicit and small: a field has one type and holds one value. What a document may hold is decided by `documents.ts`
// before any adapter sees it, so that a document that is refused by one is refused by the other, with the same reason.

import type { JsonValue } from '../../sdk/index.ts'

/**
 * `keyword`: a text as it is (codes, ids; leading zeros stay). `text`: searched by its words. `long`: whole numbers, exact up to 2^53.
 * `date`: ISO text with a day at least, or epoch ms; without an offset it is UTC.
 */
export type FieldType = 'keyword' | 'text' | 'long' | 'double' | 'date' | 'boolean'

export type Fields = Readonly<Record<string, FieldType>>

export interface IndexOptions {
  /** Each field's type. A field that is there already keeps its type; another one is refused. */
  readonly fields: Fields
  /** Refuse documents with fields that are not mapped. Default true; else such fields are kept, and cannot be searched. */
  readonly strict?: boolean
  /** Elasticsearch: default 1. */
  readonly shards?: number
  /** Elasticsearch: copies of each shard. Default 0: with one node there is no place for more. */
  readonly replicas?: number
}

export interface TemplateOptions extends IndexOptions {
  /** Names of indexes it is for; `*` stands for any text: `weather-*`. */
  readonly patterns: readonly string[]
}

export type Source = Readonly<Record<string, JsonValue>>

export interface IndexedDocument {
  /** Made of what it is about, such as `2020-12-30:005930`: then a re-run replaces it. At most 512 bytes. */
  readonly id: string
  readonly source: Source
}

/** What became of one document. `noop`: it was there as it is (Elasticsearch says `updated` then). */
export type BulkResult =
  | { readonly id: string; readonly outcome: 'created' | 'updated' | 'noop' }
  | { readonly id: string; readonly outcome: 'rejected'; readonly reason: string }

export type Scalar = string | number | boolean

/** A date is compared as the instant it is; `match` wants all of its words. */
export type Query =
  | { readonly term: { readonly field: string; readonly value: Scalar } }
  | { readonly terms: { readonly field: string; readonly values: readonly Scalar[] } }
  | {
      readonly range: {
        readonly field: string
        readonly gte?: Scalar
        readonly gt?: Scalar
        readonly lte?: Scalar
        readonly lt?: Scalar
      }
    }
  | { readonly prefix: { readonly field: string; readonly value: string } }
  | { readonly match: { readonly field: string; readonly text: string } }
  | { readonly and: readonly Query[] }
  | { readonly or: readonly Query[] }

export interface Sort {
  /** Of type keyword, long, double or date. Documents without it come last. */
  readonly field: string
  /** Default `asc`. */
  readonly order?: 'asc' | 'desc'
}

export interface SearchRequest {
  /** Default: all. */
  readonly query?: Query
  /** Default: by id. Documents that are equal here come by id, so a page follows exactly on another. */
  readonly sort?: readonly Sort[]
  /** Documents of one page, 0 to 10,000. Default 10. */
  readonly size?: number
  /** `next` of the page before. */
  readonly after?: string
}

export interface SearchPage {
  /** All that match, counted exactly. */
  readonly total: number
  readonly documents: readonly IndexedDocument[]
  /** Where the next page begins; null when this was the last. */
  readonly next: string | null
}

/** `{ sum: 'Amount' }`: of the fields' numbers in each bucket; null where it holds none. */
export type Metric =
  | { readonly sum: string }
  | { readonly avg: string }
  | { readonly min: string }
  | { readonly max: string }
export type Metrics = Readonly<Record<string, Metric>>

export interface Bucket<K> {
  readonly key: K
  readonly count: number
  readonly metrics: Readonly<Record<string, number | null>>
}

export interface TopRequest {
  readonly query?: Query
  /** Of type keyword, long or boolean. */
  readonly field: string
  /** Buckets wanted. Default 10. */
  readonly size?: number
  readonly metrics?: Metrics
}

export interface HistogramRequest {
  readonly query?: Query
  /** Of type date. */
  readonly field: string
  readonly interval: 'minute' | 'hour' | 'day' | 'month' | 'year'
  /** IANA name. Default UTC. */
  readonly timezone?: string
  readonly metrics?: Metrics
}

export interface ExportOptions {
  /** Only documents that it finds. Default: all. */
  readonly query?: Query
  /** Documents a batch. Default 1000. */
  readonly batch?: number
}

export interface DocumentIndex {
  /** Told in logs: `embedded document index (Postgres)`. */
  readonly name: string
  /**
   * Makes the index, or adds the fields it lacks. Idempotent.
   * @returns whether it was made now. @throws DocumentIndexError when a field would change its type
   */
  ensureIndex(index: string, options: IndexOptions): Promise<boolean>
  /** Indexes of these names are made on their first document, as it says. Replaces an earlier template of the name. */
  ensureTemplate(template: string, options: TemplateOptions): Promise<void>
  /** Puts documents whole, each replacing the one of its id. One result a document, in order; nothing is dropped without one. */
  bulk(index: string, documents: readonly IndexedDocument[]): Promise<readonly BulkResult[]>
  /** What was put can be searched from here. */
  refresh(index: string): Promise<void>
  count(index: string, query?: Query): Promise<number>
  /** By id, without waiting for `refresh`. */
  get(index: string, id: string): Promise<Source | null>
  search(index: string, request?: SearchRequest): Promise<SearchPage>
  /** Buckets by value, the fullest first, then by key. */
  top(index: string, request: TopRequest): Promise<readonly Bucket<Scalar>[]>
  /** Buckets by time, in order; the key is the bucket's start in epoch ms. Empty ones are left out. */
  histogram(index: string, request: HistogramRequest): Promise<readonly Bucket<number>[]>
  /** All that match, however many, by id. Each id at most once, also while documents are put. */
  export(index: string, options?: ExportOptions): AsyncGenerator<readonly IndexedDocument[]>
  /** @returns whether there was one */
  deleteIndex(index: string): Promise<boolean>
  close(): Promise<void>
}

/** The index refuses, or cannot be used. The message says what to do. */
export class DocumentIndexError extends Error {
  override readonly name: string = 'DocumentIndexError'
}

export class UnknownIndexError extends DocumentIndexError {
  override readonly name = 'UnknownIndexError'
  constructor(index: string, where: string) {
    super(`there is no index ${index} in the ${where}: make it with ensureIndex, or run the DAG that fills it`)
  }
}

/** A field may be added to an index, but never change its type. */
export function addedFields(index: string, has: Fields, wanted: Fields): Fields {
  for (const [field, type] of Object.entries(wanted)) {
    const known = has[field]
    if (known !== undefined && known !== type)
      throw new DocumentIndexError(
        `index ${index}: field ${field} is ${known} and cannot become ${type}; make a new index and fill it again`,
      )
  }
  return Object.fromEntries(Object.entries(wanted).filter(([field]) => has[field] === undefined))
}

/** @throws DocumentIndexError unless both adapters can hold an index of this name */
export function checkIndex(index: string): string {
  if (/^[a-z0-9][a-z0-9._-]{0,99}$/.test(index)) return index
  throw new DocumentIndexError(
    `index ${JSON.stringify(index)} must begin with a small letter or digit and go on with those and . _ -, such as stock-replay`,
  )
}

/** @throws DocumentIndexError for a name that cannot be told from a path, or for no fields */
export function checkFields(index: string, fields: Fields): Fields {
  const names = Object.keys(fields)
  const bad = names.find((name) => !/^[\p{L}_][\p{L}\p{N}_]{0,99}$/u.test(name) || name.startsWith('baram_'))
  if (bad !== undefined)
    throw new DocumentIndexError(
      `index ${index}: field ${JSON.stringify(bad)} must be letters, digits and _, and not begin with baram_`,
    )
  if (names.length === 0) throw new DocumentIndexError(`index ${index} needs at least one field`)
  return fields
}

export function checkSize(size: number, what: string): number {
  if (Number.isInteger(size) && size >= 0 && size <= 10_000) return size
  throw new DocumentIndexError(`${what} must be 0 to 10,000, found ${size}: use export for all of an index`)
}

/** Whether a name fits a pattern in which `*` stands for any text. */
export function fitsPattern(index: string, pattern: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.\\^$+?()[\]{}|/-]/g, String.raw`\$&`))
  return new RegExp(`^${parts.join('.*')}$`).test(index)
}
