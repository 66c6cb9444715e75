// Mappings of Elasticsearch: those made here, and those found there as fields of the port.

import type { Fields, FieldType, IndexOptions } from './document-index.ts'
import type { Mapping } from './documents.ts'
import { at, type Json } from './elastic-answers.ts'
import { ID_FIELD } from './elastic-dsl.ts'

/** Epoch ms first: 5000 would else be the year 5000. */
const DATE_FORMAT = 'epoch_millis||strict_date_optional_time'

/** Types of indexes that others made, as ours. */
const FOREIGN: Readonly<Record<string, FieldType>> = {
  integer: 'long',
  short: 'long',
  byte: 'long',
  float: 'double',
  half_float: 'double',
  scaled_float: 'double',
  date_nanos: 'date',
  constant_keyword: 'keyword',
  wildcard: 'keyword',
}
const OWN: readonly FieldType[] = ['keyword', 'text', 'long', 'double', 'date', 'boolean']

export function propertiesOf(fields: Fields): object {
  const entries = Object.entries(fields).map(
    ([field, type]) => [field, type === 'date' ? { type, format: DATE_FORMAT } : { type }] as const,
  )
  return Object.fromEntries([...entries, [ID_FIELD, { type: 'keyword' }] as const])
}

export function definitionOf({ fields, strict = true, shards = 1, replicas = 0 }: IndexOptions): object {
  return {
    settings: { number_of_shards: shards, number_of_replicas: replicas, 'index.mapping.coerce': false },
    mappings: { dynamic: strict ? 'strict' : false, properties: propertiesOf(fields) },
  }
}

export interface Known extends Mapping {
  /** Whether the documents carry their id in a field: those put by this adapter do. */
  readonly hasId: boolean
}

export function knownOf(mappings: Json): Known {
  const fields: Record<string, FieldType> = {}
  let hasOthers = false
  for (const [field, property] of Object.entries(at(mappings, 'properties'))) {
    const name = String(at(property)['type'])
    const type = OWN.find((own) => own === name) ?? FOREIGN[name]
    if (type !== undefined) fields[field] = type
    else hasOthers = true
  }
  const hasId = fields[ID_FIELD] === 'keyword'
  delete fields[ID_FIELD]
  // Fields of kinds unknown here are left to the server to judge.
  return { fields, strict: mappings['dynamic'] === 'strict' && !hasOthers, hasId }
}
