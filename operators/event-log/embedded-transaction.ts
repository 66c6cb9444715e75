// A transaction of the embedded log before its commit: what it sends and stores is held in memory, and dropped by an abort.

import { type Appended, checkId, EventLogError, type NewRecord, type Transaction } from './event-log.ts'
import type { StoredOffsets } from './journal.ts'
import type { PlacedRecord } from './partitioner.ts'
import type { Topic } from './topics.ts'

/** Records of a transaction that is not committed are held in memory. */
const MOST_STAGED = 1_000_000

/** Records by partition, for one topic. */
export interface Placed {
  readonly topic: Topic
  readonly records: ReadonlyMap<number, readonly PlacedRecord[]>
}

/** What a commit writes: records by topic, and offsets. */
export interface StagedTransaction {
  readonly sent: ReadonlyMap<string, Placed>
  readonly offsets: readonly StoredOffsets[]
}

/** What a transaction needs of the log. */
export interface TransactionLog {
  /** @throws UnknownTopicError, EventLogError for records that the log does not take */
  place(topic: string, records: readonly NewRecord[]): Promise<Placed>
  /** @throws UnknownTopicError */
  requireTopic(topic: string): Promise<Topic>
  commit(staged: StagedTransaction): Promise<readonly Appended[]>
}

/** The later records after the earlier ones, partition by partition. */
function joined(earlier: Placed | undefined, later: Placed): Placed {
  if (earlier === undefined) return later
  const records = new Map(earlier.records)
  for (const [partition, list] of later.records) records.set(partition, [...(records.get(partition) ?? []), ...list])
  return { topic: later.topic, records }
}

/** @param done called once, when it is committed or aborted */
export function stageTransaction(log: TransactionLog, done: () => void): Transaction {
  const sent = new Map<string, Placed>()
  const offsets: StoredOffsets[] = []
  let count = 0
  let isOpen = true
  const check = () => {
    if (!isOpen) throw new EventLogError('the transaction has ended: begin another')
  }
  const end = () => {
    check()
    isOpen = false
    done()
  }
  return {
    send: async (topic, records) => {
      check()
      count += records.length
      if (count > MOST_STAGED)
        throw new EventLogError(`a transaction of more than ${MOST_STAGED} records: commit more often`)
      const placed = await log.place(topic, records)
      sent.set(topic, joined(sent.get(topic), placed))
    },
    storeOffsets: async (group, positions) => {
      check()
      for (const { topic } of positions) await log.requireTopic(topic)
      offsets.push({ group: checkId(group, 'group'), positions })
    },
    commit: async () => {
      end()
      return log.commit({ sent, offsets })
    },
    abort: async () => end(),
  }
}
