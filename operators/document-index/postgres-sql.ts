// Queries, sorts and buckets of the port as SQL over `keys`, the jsonb of what a document's fields are searched by.

import type { Cursor } from './cursor.ts'
import type { FieldType, Metric, Query, Scalar, Sort } from './document-index.ts'
import { DocumentIndexError } from './document-index.ts'
import { comparable, type Mapping, typeOf, wordsOf } from './documents.ts'

const SORTABLE: readonly FieldType[] = ['keyword', 'long', 'double', 'date']
const COMPARED: readonly FieldType[] = ['keyword', 'long', 'double', 'date', 'boolean']
const NUMBERS: readonly FieldType[] = ['long', 'double']

const COMPARISONS = { gte: '>=', gt: '>', lte: '<=', lt: '<' } as const

/** Text of a statement and its values, numbered as they come. */
export class Sql {
  readonly values: unknown[] = []
  readonly #mapping: Mapping

  constructor(mapping: Mapping) {
    this.#mapping = mapping
  }

  value(value: unknown): string {
    this.values.push(value)
    return `$${this.values.length}`
  }

  /** A field's key as Postgres compares it: text by its bytes, as Elasticsearch does, all others as numbers. */
  expression(field: string, type: FieldType): string {
    const text = `(keys ->> ${this.value(field)}::text)`
    return type === 'keyword' || type === 'boolean' ? `${text} collate "C"` : `${text}::numeric`
  }

  condition(query: Query | undefined): string {
    if (query === undefined) return 'true'
    if ('and' in query) return this.#joined(query.and, ' and ', 'true')
    if ('or' in query) return this.#joined(query.or, ' or ', 'false')
    if ('term' in query) return this.#equals(query.term.field, query.term.value)
    if ('terms' in query) {
      const { field, values } = query.terms
      const alternatives = values.map((value) => this.#equals(field, value))
      return alternatives.length === 0 ? 'false' : `(${alternatives.join(' or ')})`
    }
    if ('range' in query) return this.#range(query.range)
    if ('prefix' in query) {
      const { field, value } = query.prefix
      typeOf(this.#mapping, field, 'prefix', ['keyword'])
      return `starts_with(keys ->> ${this.value(field)}::text, ${this.value(value)}::text)`
    }
    const { field, text } = query.match
    typeOf(this.#mapping, field, 'match', ['text'])
    const words = wordsOf(text)
    return words.length === 0 ? 'false' : this.#contains({ [field]: words })
  }

  /** `order by`, with documents that lack the field last and equal ones by id. */
  order(sort: readonly Sort[]): string {
    const parts = sort.map(({ field, order = 'asc' }) => {
      const key = this.expression(field, typeOf(this.#mapping, field, 'sort', SORTABLE))
      return `${key} is null, ${key} ${order === 'desc' ? 'desc' : 'asc'}`
    })
    return [...parts, 'id'].join(', ')
  }

  /** What comes after a document in that order: it is greater in the first column in which they differ. */
  after(sort: readonly Sort[], { values, id }: Cursor): string {
    const equal: string[] = []
    const greater: string[] = []
    const then = (isGreater: string) => greater.push([...equal, isGreater].join(' and '))
    for (const [i, { field, order = 'asc' }] of sort.entries()) {
      const type = typeOf(this.#mapping, field, 'sort', SORTABLE)
      const key = this.expression(field, type)
      const value = values[i] ?? null
      if (value === null) {
        equal.push(`${key} is null`)
        continue
      }
      const parameter = this.#typed(type, value)
      then(`(${key} ${order === 'desc' ? '<' : '>'} ${parameter} or ${key} is null)`)
      equal.push(`${key} = ${parameter}`)
    }
    then(`id > ${this.value(id)}::text collate "C"`)
    return `(${greater.map((condition) => `(${condition})`).join(' or ')})`
  }

  metric(metric: Metric): string {
    const [[kind, field] = ['sum', '']] = Object.entries(metric)
    const key = this.expression(field, typeOf(this.#mapping, field, kind, NUMBERS))
    switch (kind) {
      case 'sum':
        return `coalesce(sum(${key}), 0)::float8`
      case 'avg':
      case 'min':
      case 'max':
        return `${kind}(${key})::float8`
      default:
        throw new DocumentIndexError(`a metric is sum, avg, min or max, found ${kind}`)
    }
  }

  #joined(queries: readonly Query[], by: string, none: string): string {
    return queries.length === 0 ? none : `(${queries.map((query) => this.condition(query)).join(by)})`
  }

  #equals(field: string, value: Scalar): string {
    const type = typeOf(this.#mapping, field, 'term', COMPARED)
    return this.#contains({ [field]: comparable(type, field, value) })
  }

  /** What the index of `keys` is for. */
  #contains(keys: object): string {
    return `keys @> ${this.value(JSON.stringify(keys))}::jsonb`
  }

  #range({ field, ...bounds }: Extract<Query, { range: unknown }>['range']): string {
    const type = typeOf(this.#mapping, field, 'range', SORTABLE)
    const key = this.expression(field, type)
    const parts = Object.entries(COMPARISONS).flatMap(([name, sign]) => {
      const bound = bounds[name as keyof typeof COMPARISONS]
      return bound === undefined ? [] : [`${key} ${sign} ${this.#typed(type, comparable(type, field, bound))}`]
    })
    return [`${key} is not null`, ...parts].join(' and ')
  }

  #typed(type: FieldType, value: Scalar): string {
    return `${this.value(value)}::${type === 'keyword' ? 'text collate "C"' : 'numeric'}`
  }
}
