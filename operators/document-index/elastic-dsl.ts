// Queries, sorts and buckets of the port in Elasticsearch's words.

import type { FieldType, Metric, Metrics, Query, Scalar, Sort } from './document-index.ts'
import { comparable, type Mapping, typeOf } from './documents.ts'

/** Beside a document's own fields: its id, as Elasticsearch cannot sort by `_id` everywhere. */
export const ID_FIELD = 'baram_id'

const SORTABLE: readonly FieldType[] = ['keyword', 'long', 'double', 'date']
const COMPARED: readonly FieldType[] = ['keyword', 'long', 'double', 'date', 'boolean']

/** Beyond all that a document may hold, and yet exact as a JSON number: what lacks the field comes last, in a page's cursor too. */
const LAST: Readonly<Partial<Record<FieldType, number>>> = {
  long: 2 ** 53,
  double: Number.MAX_VALUE,
  date: 8.64e15 + 1,
}

const MATCH_ALL = { match_all: {} }
const MATCH_NONE = { match_none: {} }

function equals(mapping: Mapping, field: string, value: Scalar): object {
  const type = typeOf(mapping, field, 'term', COMPARED)
  const key = comparable(type, field, value)
  // A date as a term would mean its whole day.
  return type === 'date'
    ? { range: { [field]: { gte: key, lte: key, format: 'epoch_millis' } } }
    : { term: { [field]: key } }
}

function range(mapping: Mapping, { field, ...bounds }: Extract<Query, { range: unknown }>['range']): object {
  const type = typeOf(mapping, field, 'range', SORTABLE)
  const keys = Object.entries(bounds).map(([name, value]) => [name, comparable(type, field, value)] as const)
  const format = type === 'date' ? { format: 'epoch_millis' } : {}
  return { range: { [field]: { ...Object.fromEntries(keys), ...format } } }
}

export function queryOf(mapping: Mapping, query: Query | undefined): object {
  if (query === undefined) return MATCH_ALL
  if ('and' in query)
    return query.and.length === 0 ? MATCH_ALL : { bool: { filter: query.and.map((part) => queryOf(mapping, part)) } }
  if ('or' in query)
    return query.or.length === 0
      ? MATCH_NONE
      : { bool: { should: query.or.map((part) => queryOf(mapping, part)), minimum_should_match: 1 } }
  if ('term' in query) return equals(mapping, query.term.field, query.term.value)
  if ('terms' in query) {
    const { field, values } = query.terms
    return queryOf(mapping, { or: values.map((value) => ({ term: { field, value } })) })
  }
  if ('range' in query) return range(mapping, query.range)
  if ('prefix' in query) {
    typeOf(mapping, query.prefix.field, 'prefix', ['keyword'])
    return { prefix: { [query.prefix.field]: { value: query.prefix.value } } }
  }
  typeOf(mapping, query.match.field, 'match', ['text'])
  return { match: { [query.match.field]: { query: query.match.text, operator: 'and' } } }
}

export function sortOf(mapping: Mapping, sort: readonly Sort[]): readonly object[] {
  const clauses = sort.map(({ field, order = 'asc' }) => {
    const last = LAST[typeOf(mapping, field, 'sort', SORTABLE)]
    const missing = last === undefined ? '_last' : order === 'desc' ? -last : last
    return { [field]: { order, missing } }
  })
  return [...clauses, { [ID_FIELD]: 'asc' }]
}

export function metricsOf(mapping: Mapping, metrics: Metrics): object {
  const clauses = Object.values<Metric>(metrics).map((metric, i) => {
    const [[kind, field] = ['sum', '']] = Object.entries(metric)
    typeOf(mapping, field, kind, ['long', 'double'])
    return [`m${i}`, { [kind]: { field } }] as const
  })
  return Object.fromEntries(clauses)
}
