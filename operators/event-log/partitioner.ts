// Which partition a record goes to: Kafka's murmur2 of its key, on every adapter, so that a key stays where it is when the log moves.

import type { NewRecord } from './event-log.ts'
import { EventLogError } from './event-log.ts'

const M = 0x5bd1e995

/** Kafka's murmur2, as its Java client and kafkajs have it (a test compares them); 32-bit arithmetic instead of their Long objects. */
export function murmur2(data: Uint8Array): number {
  let hash = 0x9747b28c ^ data.length
  const whole = data.length - (data.length % 4)
  const byte = (at: number) => data[at] ?? 0
  for (let at = 0; at < whole; at += 4) {
    let word = byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16) | (byte(at + 3) << 24)
    word = Math.imul(word, M)
    word = Math.imul(word ^ (word >>> 24), M)
    hash = Math.imul(hash, M) ^ word
  }
  const rest = data.length - whole
  if (rest === 3) hash ^= byte(whole + 2) << 16
  if (rest >= 2) hash ^= byte(whole + 1) << 8
  if (rest >= 1) hash = Math.imul(hash ^ byte(whole), M)
  hash = Math.imul(hash ^ (hash >>> 13), M)
  return hash ^ (hash >>> 15)
}

/** What goes to the log: bytes, a partition and a time for each record. */
export interface PlacedRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestamp: number
  readonly headers: readonly (readonly [name: string, value: Buffer])[]
}

/** Node's Buffer shares the memory of any other bytes. */
function bytesOf(value: string | Uint8Array): Buffer {
  if (typeof value === 'string') return Buffer.from(value, 'utf8')
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

function checked(record: NewRecord, topic: string, number: number): NewRecord {
  const { value, timestamp } = record
  const isValue = value === null || typeof value === 'string' || value instanceof Uint8Array
  // A caller without types may hand over an object or undefined: it must not become the text "undefined".
  if (!isValue)
    throw new EventLogError(
      `record ${number} for topic ${topic}: its value must be a text, bytes or null, found ${typeof value}`,
    )
  if (timestamp !== undefined && !(Number.isSafeInteger(timestamp) && timestamp >= 0))
    throw new EventLogError(`record ${number} for topic ${topic}: its timestamp must be epoch ms, found ${timestamp}`)
  return record
}

/** Sends records to partitions; those without a key take turns, starting anywhere. */
export class Partitioner {
  #turn = Math.floor(Math.random() * 0x7fffffff)

  /**
   * Records by partition, each in the order given.
   * @throws EventLogError for a value or time no log can hold, or a partition that is not there
   */
  place(
    topic: string,
    records: readonly NewRecord[],
    partitions: number,
    now: number,
  ): ReadonlyMap<number, readonly PlacedRecord[]> {
    const placed = new Map<number, PlacedRecord[]>()
    for (const [i, record] of records.entries()) {
      const { key, value, timestamp = now, headers } = checked(record, topic, i + 1)
      const keyBytes = key === undefined || key === null ? null : bytesOf(key)
      const partition = record.partition ?? this.#partitionOf(keyBytes, partitions)
      if (!Number.isInteger(partition) || partition < 0 || partition >= partitions)
        throw new EventLogError(
          `record ${i + 1} for topic ${topic}: partition ${partition} is not there, it has ${partitions}`,
        )
      const list = placed.get(partition) ?? []
      placed.set(partition, list)
      list.push({
        key: keyBytes,
        value: value === null ? null : bytesOf(value),
        timestamp,
        headers: Object.entries(headers ?? {}).map(([name, bytes]) => [name, bytesOf(bytes)] as const),
      })
    }
    return placed
  }

  #partitionOf(key: Buffer | null, partitions: number): number {
    if (key !== null) return (murmur2(key) & 0x7fffffff) % partitions
    this.#turn = (this.#turn + 1) % 0x7fffffff
    return this.#turn % partitions
  }
}
