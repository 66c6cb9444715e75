// What changed in the running state, told to others: the results' topic and the index. Then what the pages show.
//
// A revision is told in one transaction of the log with its number, and into the index before it: a kill in between puts the same
// documents again, and the topic has each revision once.

import {
  type DocumentIndex,
  DocumentIndexError,
  type IndexedDocument,
  openDocumentIndex,
} from '../../operators/document-index/index.ts'
import { type EventLog, openEventLog, openReplay } from '../../operators/event-log/index.ts'
import { openPostgres, type PostgresHook } from '../../operators/postgres/index.ts'
import { getOperatorContext, type OperatorContext } from '../../sdk/index.ts'
import { publishShopReports } from './reports.ts'
import { funnelResults, orderResults, RESULT_FIELDS, type Revisions } from './results.ts'
import { createShopTables, type ShopStream } from './tables.ts'

export const RESULT_TOPIC = 'order_stats'
export const RESULT_INDEX = 'order-stats'

export interface PublishShop {
  /** Default `order_stats`. */
  readonly topic?: string
  /** Default `order-stats`. */
  readonly index?: string
  /** Default `kafka_default`; without it the embedded event log. */
  readonly logConnId?: string
  /** Default `postgres_default`; without it the embedded Postgres. */
  readonly postgresConnId?: string
  /** Default `elasticsearch_default`; without it the embedded index. */
  readonly indexConnId?: string
}

export type PublishedShop = {
  /** Results that were sent to the topic and put into the index. */
  readonly results: number
}

/** Windows of which the changes are told at once: bounds what is held. */
const REVISIONS = 20

interface Publishing {
  readonly op: OperatorContext
  readonly log: EventLog
  readonly postgres: PostgresHook
  readonly documents: DocumentIndex
  readonly topic: string
  readonly index: string
}

const CHANGED: Readonly<
  Record<ShopStream, (postgres: PostgresHook, revisions: Revisions) => Promise<readonly IndexedDocument[]>>
> = { orders: orderResults, events: funnelResults }

async function currentRevision(postgres: PostgresHook, stream: ShopStream): Promise<number> {
  const [row] = await postgres.query<{ revision: number }>('select revision from shop_revision where stream = $1', [
    stream,
  ])
  return row?.revision ?? 0
}

async function putDocuments({ documents, index }: Publishing, changed: readonly IndexedDocument[]): Promise<void> {
  const refused = (await documents.bulk(index, changed)).find(({ outcome }) => outcome === 'rejected')
  if (refused?.outcome === 'rejected')
    throw new DocumentIndexError(`the index refused the result ${refused.id}: ${refused.reason}`)
}

/** @returns how many results were told */
async function publishStream(publishing: Publishing, stream: ShopStream): Promise<number> {
  const { op, log, postgres, topic } = publishing
  const work = await openReplay(log, { id: `order_stats/${topic}/${stream}`, topic })
  let told = 0
  try {
    const current = await currentRevision(postgres, stream)
    if (work.position > current)
      op.log.warn({ stream, current, told: work.position }, 'the state is younger than what was told of it')
    while (work.position < current) {
      const to = Math.min(work.position + REVISIONS, current)
      const changed = await CHANGED[stream](postgres, { from: work.position, to })
      await putDocuments(publishing, changed)
      const records = changed.map(({ id, source }) => ({ key: id, value: JSON.stringify(source) }))
      await work.append([{ topic, records }], to)
      told += changed.length
    }
  } finally {
    await work.close()
  }
  return told
}

async function publishAll(publishing: Publishing): Promise<number> {
  const { op, log, documents, postgres, topic, index } = publishing
  await createShopTables(postgres)
  await log.ensureTopic(topic)
  await documents.ensureIndex(index, { fields: RESULT_FIELDS })
  const results = (await publishStream(publishing, 'orders')) + (await publishStream(publishing, 'events'))
  await op.record({ kind: 'event_log', target: topic, rowsRead: results, rowsWritten: results })
  await op.record({ kind: 'index', target: `${documents.name} ${index}`, rowsRead: results, rowsWritten: results })
  await publishShopReports(op, postgres)
  op.log.info({ topic, index, results }, 'results are told')
  return results
}

/** Tells what changed since the last time. Safe to repeat at any point. Call it inside a task. */
export async function publishShop(options: PublishShop = {}): Promise<PublishedShop> {
  const op = getOperatorContext('publishShop')
  const { topic = RESULT_TOPIC, index = RESULT_INDEX } = options
  const postgres = await openPostgres(op, options.postgresConnId)
  try {
    const documents = await openDocumentIndex(op, options.indexConnId)
    try {
      const log = await openEventLog(op, options.logConnId)
      try {
        return { results: await publishAll({ op, log, postgres, documents, topic, index }) }
      } finally {
        await log.close()
      }
    } finally {
      await documents.close()
    }
  } finally {
    await postgres.close()
  }
}
