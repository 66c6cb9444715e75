// Elasticsearch's answers as values and errors of the port.

import { type Bucket, DocumentIndexError, type Metrics, UnknownIndexError } from './document-index.ts'
import type { ElasticAnswer } from './elastic-client.ts'

export type Json = Readonly<Record<string, unknown>>

/** What an answer holds at a path; `{}` where there is nothing, so that a changed server shows as missing values and not as a crash. */
export function at(value: unknown, ...path: readonly string[]): Json {
  let found: unknown = value
  for (const name of path) found = typeof found === 'object' && found !== null ? Reflect.get(found, name) : undefined
  return typeof found === 'object' && found !== null ? (found as Json) : {}
}

export function listAt(value: unknown, name: string): readonly unknown[] {
  const list = at(value)[name]
  return Array.isArray(list) ? (list as readonly unknown[]) : []
}

export function reasonOf(error: Json): string {
  const cause = at(error, 'caused_by')['reason']
  const reason = String(error['reason'] ?? error['type'] ?? 'no reason given')
  return cause === undefined ? reason : `${reason}: ${String(cause)}`
}

export function failure({ status, body }: ElasticAnswer, what: string): DocumentIndexError {
  const error = at(body, 'error')
  const [root] = listAt(error, 'root_cause')
  const reason = reasonOf(Object.keys(at(root)).length > 0 ? at(root) : error)
  const hint =
    status === 401 || status === 403 ? ': the login may not do that; ask the cluster’s administrator for the right' : ''
  return new DocumentIndexError(`Elasticsearch: ${what}: status ${status}, ${reason}${hint}`)
}

export const typeOfError = ({ body }: ElasticAnswer) => String(at(body, 'error')['type'] ?? '')

/** @param adapter its name, for the error. @throws UnknownIndexError, DocumentIndexError for every answer but a good one */
export function checkAnswer(answer: ElasticAnswer, what: string, index: string, adapter: string): void {
  if (typeOfError(answer) === 'index_not_found_exception') throw new UnknownIndexError(index, adapter)
  if (answer.status < 200 || answer.status > 299) throw failure(answer, what)
}

export function bucketOf<K>(key: K, bucket: Json, metrics: Metrics): Bucket<K> {
  const values = Object.keys(metrics).map((name, i) => {
    const value = at(bucket, `m${i}`)['value']
    return [name, typeof value === 'number' ? value : null] as const
  })
  return { key, count: Number(bucket['doc_count']), metrics: Object.fromEntries(values) }
}
