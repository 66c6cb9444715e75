// Records that cannot be used: kept beside their topic, with the reason, so that none is lost without a word.

import type { LogMessage, NewRecord } from './event-log.ts'

/** Where the unusable records of a topic go. */
export function deadLetterTopic(topic: string): string {
  return `${topic}.dlq`
}

/** A record as it came; of a source that is no log, without the places. */
export type Unusable = Pick<LogMessage, 'key' | 'value' | 'topic'> &
  Partial<Pick<LogMessage, 'partition' | 'offset' | 'timestamp' | 'headers'>>

/** The record for the dead-letter topic: as it was, with headers `dlq.reason`, `dlq.topic`, and where known `dlq.partition`, `dlq.offset`. */
export function deadLetter(record: Unusable, reason: string): NewRecord {
  const { key, value, topic, partition, offset, timestamp, headers } = record
  return {
    key,
    value,
    ...(timestamp !== undefined && { timestamp }),
    headers: {
      ...headers,
      'dlq.reason': reason,
      'dlq.topic': topic,
      ...(partition !== undefined && { 'dlq.partition': String(partition) }),
      ...(offset !== undefined && { 'dlq.offset': String(offset) }),
    },
  }
}
