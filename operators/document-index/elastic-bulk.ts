// A bulk in Elasticsearch: in pieces that a node takes, and what it turns away as busy sent again.

import { type BulkResult, DocumentIndexError, type IndexedDocument } from './document-index.ts'
import { checkDocument } from './documents.ts'
import { at, type Json, listAt, reasonOf } from './elastic-answers.ts'
import type { ElasticAnswer } from './elastic-client.ts'
import { ID_FIELD } from './elastic-dsl.ts'
import type { Known } from './elastic-mapping.ts'

/** Of one request: nodes take 100 MB, and like a few better. */
const REQUEST_BYTES = 5_000_000
/** A busy node is given half a minute. */
const BUSY_TRIES = 9
const BUSY_MS = 100

/** The index that a bulk goes into. */
export interface BulkTarget {
  send(lines: readonly string[]): Promise<ElasticAnswer>
  /** @throws UnknownIndexError, DocumentIndexError for every answer but a good one */
  check(answer: ElasticAnswer): void
  /** Ends with the attempt. */
  sleep(ms: number): Promise<void>
}

/** One document of a bulk. */
interface Item {
  /** Its position among the caller's documents. */
  readonly at: number
  readonly id: string
  readonly lines: readonly [string, string]
}

/** In pieces a node takes. */
function* requestsOf(items: readonly Item[]): Generator<readonly Item[]> {
  let request: Item[] = []
  let bytes = 0
  for (const item of items) {
    const size = item.lines[0].length + item.lines[1].length * 2
    if (request.length > 0 && bytes + size > REQUEST_BYTES) {
      yield request
      request = []
      bytes = 0
    }
    request.push(item)
    bytes += size
  }
  if (request.length > 0) yield request
}

function resultOf(id: string, outcome: Json): BulkResult {
  const error = at(outcome, 'error')
  if (Object.keys(error).length > 0) return { id, outcome: 'rejected', reason: reasonOf(error) }
  const result = outcome['result']
  if (result === 'created' || result === 'updated' || result === 'noop') return { id, outcome: result }
  return { id, outcome: 'rejected', reason: `Elasticsearch answered ${JSON.stringify(outcome)}` }
}

/** Which documents are sent, as lines of a bulk; of the others `results` says why not. */
function itemsOf(known: Known, documents: readonly IndexedDocument[], results: BulkResult[]): readonly Item[] {
  const items: Item[] = []
  for (const [position, document] of documents.entries()) {
    const { id, source } = document
    const checked = checkDocument(known, document)
    if (checked.reason !== undefined) {
      results[position] = { id, outcome: 'rejected', reason: checked.reason }
      continue
    }
    const stored = known.hasId ? { ...source, [ID_FIELD]: id } : source
    items.push({ at: position, id, lines: [JSON.stringify({ index: { _id: id } }), JSON.stringify(stored)] })
  }
  return items
}

async function put(target: BulkTarget, items: readonly Item[], results: BulkResult[]): Promise<void> {
  let left = items
  for (let attempt = 1; left.length > 0; attempt += 1) {
    if (attempt > 1) await target.sleep(BUSY_MS * 2 ** (attempt - 2))
    const answer = await target.send(left.flatMap((item) => item.lines))
    const mayRetry = attempt < BUSY_TRIES
    if (answer.status === 429 && mayRetry) continue
    target.check(answer)
    const told = listAt(answer.body, 'items')
    if (told.length !== left.length)
      throw new DocumentIndexError(
        `Elasticsearch: a bulk of ${left.length} documents was answered for ${told.length}: put them again`,
      )
    const busy: Item[] = []
    for (const [i, item] of left.entries()) {
      const outcome = at(told[i], 'index')
      if (outcome['status'] === 429 && mayRetry) busy.push(item)
      else results[item.at] = resultOf(item.id, outcome)
    }
    left = busy
  }
}

/** One result a document, in their order. */
export async function putBulk(
  target: BulkTarget,
  known: Known,
  documents: readonly IndexedDocument[],
): Promise<readonly BulkResult[]> {
  const results: BulkResult[] = []
  for (const request of requestsOf(itemsOf(known, documents, results))) await put(target, request, results)
  return results
}
