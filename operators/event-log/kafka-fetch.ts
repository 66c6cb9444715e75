// What a broker answers to a fetch, decoded here. kafkajs gives the records of a fetch as one list, without their batches: of a batch
// whose last records were compacted away, or all of them, nobody can tell where it ends, and its reader asks for the same offset for
// ever. It also decodes what nobody takes: a broker sends whole batches, of which a window needs those between its bounds. Batches are
// told apart first here, and a record is decoded when it is taken.

import { createRequire } from 'node:module'
import kafka from 'kafkajs'
import { EventLogError, type LogMessage } from './event-log.ts'
import type { FetchProtocol, KafkaBroker } from './kafka-client.ts'

const require = createRequire(import.meta.url)

interface Codec {
  decompress(bytes: Buffer): Promise<Buffer>
}
/** By number; kafkajs types what they are as `any`. Those it lacks throw. */
const CODECS: Readonly<Record<number, (() => Codec) | undefined>> = kafka.CompressionCodecs

export interface Place {
  readonly topic: string
  readonly partition: number
}

export interface RecordBatch {
  readonly firstOffset: number
  /** Also beyond records that were compacted away. */
  readonly lastOffset: number
  readonly producerId: bigint
  readonly isTransactional: boolean
  /** The log's own mark at the end of a transaction: no record. */
  readonly mark: 'commit' | 'abort' | null
  /** Decodes those from an offset on, one by one. */
  records(from: number, place: Place): Generator<LogMessage, void>
}

export interface FetchedPartition {
  readonly partition: number
  readonly errorCode: number
  readonly aborted: readonly { readonly producerId: bigint; readonly firstOffset: number }[]
  readonly batches: readonly RecordBatch[]
}

export interface FetchedTopic {
  readonly topicName: string
  readonly partitions: readonly FetchedPartition[]
}

/** Big-endian numbers and variable-length ones, one after the other. */
class Cursor {
  readonly bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  skip(count: number): this {
    this.at += count
    return this
  }

  int16(): number {
    return this.skip(2).bytes.readInt16BE(this.at - 2)
  }

  int32(): number {
    return this.skip(4).bytes.readInt32BE(this.at - 4)
  }

  int64(): bigint {
    return this.skip(8).bytes.readBigInt64BE(this.at - 8)
  }

  offset(): number {
    return offsetOf(this.int64())
  }

  /** Kafka's zigzag, of 32 or 64 bits; exact up to 2^52. */
  varint(): number {
    let byte = this.bytes[this.at++] ?? 0
    let value = byte & 0x7f
    for (let scale = 0x80; byte >= 0x80; scale *= 0x80) {
      byte = this.bytes[this.at++] ?? 0
      value += (byte & 0x7f) * scale
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  text(length: number): string {
    return this.skip(length).bytes.toString('utf8', this.at - length, this.at)
  }

  view(length: number): Buffer {
    return this.skip(length).bytes.subarray(this.at - length, this.at)
  }

  /** A copy: a view would keep all that was fetched in memory. */
  copy(): Buffer | null {
    const length = this.varint()
    if (length < 0) return null
    const copy = Buffer.allocUnsafe(length)
    this.bytes.copy(copy, 0, this.at, this.at + length)
    this.at += length
    return copy
  }
}

/** Kafka's offsets have 64 bits. */
export function offsetOf(text: string | bigint): number {
  const offset = Number(text)
  if (Number.isSafeInteger(offset)) return offset
  throw new EventLogError(`the offset ${text} is larger than 2^53, which this adapter cannot tell exactly`)
}

const NO_HEADERS: Readonly<Record<string, Buffer>> = Object.freeze({})

function readHeaders(cursor: Cursor): Readonly<Record<string, Buffer>> {
  const count = cursor.varint()
  if (count <= 0) return NO_HEADERS
  // Of several with one name the last counts.
  return Object.fromEntries(
    Array.from({ length: count }, () => {
      const name = cursor.text(cursor.varint())
      return [name, cursor.copy() ?? Buffer.alloc(0)] as const
    }),
  )
}

const HEAD_BYTES = 61
const MAGIC_AT = 16
const COMPRESSION_BITS = 0x07
const APPEND_TIME_BIT = 0x08
const TRANSACTIONAL_BIT = 0x10
const CONTROL_BIT = 0x20

/** The head of a batch has a place for everything but the records. */
async function readBatch(bytes: Buffer): Promise<RecordBatch> {
  const head = new Cursor(bytes)
  const firstOffset = head.offset()
  const attributes = head.skip(13).int16()
  const lastOffset = firstOffset + head.int32()
  const [firstTimestamp, maxTimestamp] = [Number(head.int64()), Number(head.int64())]
  const producerId = head.int64()
  const count = head.skip(6).int32()
  const packed = bytes.subarray(HEAD_BYTES)
  const codec = CODECS[attributes & COMPRESSION_BITS]
  const unpacked = codec === undefined || count === 0 ? packed : await codec().decompress(packed)
  const isAppended = (attributes & APPEND_TIME_BIT) !== 0
  function* records(from: number, { topic, partition }: Place): Generator<LogMessage, void> {
    const cursor = new Cursor(unpacked)
    for (let i = 0; i < count; i += 1) {
      const end = cursor.varint() + cursor.at
      if (end > unpacked.length || end <= cursor.at)
        throw new EventLogError(`Kafka: record ${i} of the batch at offset ${firstOffset} is cut short`)
      const timestamp = firstTimestamp + cursor.skip(1).varint()
      const offset = firstOffset + cursor.varint()
      if (offset >= from)
        yield {
          key: cursor.copy(),
          value: cursor.copy(),
          topic,
          partition,
          offset,
          timestamp: isAppended ? maxTimestamp : timestamp,
          timestampType: isAppended ? 'append' : 'create',
          headers: readHeaders(cursor),
        }
      cursor.at = end
    }
  }
  const [control] = (attributes & CONTROL_BIT) === 0 ? [] : records(0, { topic: '', partition: 0 })
  const mark = control === undefined ? null : control.key?.readInt16BE(2) === 0 ? 'abort' : 'commit'
  const isTransactional = (attributes & TRANSACTIONAL_BIT) !== 0
  return { firstOffset, lastOffset, producerId, isTransactional, mark, records }
}

/** Written before Kafka 0.11: kafkajs knows them. */
async function readOldBatch(bytes: Buffer): Promise<RecordBatch> {
  const [decode, Decoder] = [
    require('kafkajs/src/protocol/messageSet/decoder'),
    require('kafkajs/src/protocol/decoder'),
  ] as [(from: object, size: number) => Promise<readonly OldMessage[]>, new (of: Buffer) => object]
  const messages = await decode(new Decoder(bytes), bytes.length)
  const offsets = messages.map(({ offset }) => offsetOf(offset))
  function* records(from: number, { topic, partition }: Place): Generator<LogMessage, void> {
    for (const [i, { key, value, timestamp }] of messages.entries()) {
      const offset = offsets[i] ?? 0
      if (offset < from) continue
      yield {
        key: key && Buffer.from(key),
        value: value && Buffer.from(value),
        topic,
        partition,
        offset,
        timestamp: Number(timestamp ?? 0),
        timestampType: 'create',
        headers: NO_HEADERS,
      }
    }
  }
  const [firstOffset, lastOffset] = [offsets[0] ?? 0, offsets.at(-1) ?? new Cursor(bytes).offset()]
  return { firstOffset, lastOffset, producerId: -1n, isTransactional: false, mark: null, records }
}

interface OldMessage {
  readonly offset: string
  readonly timestamp?: string
  readonly key: Buffer | null
  readonly value: Buffer | null
}

/** The last one may be cut short, where the broker's limit was: it is fetched again. */
async function readBatches(bytes: Buffer): Promise<readonly RecordBatch[]> {
  const batches: RecordBatch[] = []
  for (let at = 0; at + MAGIC_AT < bytes.length; ) {
    const end = at + 12 + bytes.readInt32BE(at + 8)
    if (end > bytes.length || end <= at + MAGIC_AT) break
    const batch = bytes.subarray(at, end)
    batches.push(await (batch.readInt8(MAGIC_AT) < 2 ? readOldBatch(batch) : readBatch(batch)))
    at = end
  }
  return batches
}

async function readPartition(cursor: Cursor, version: number): Promise<FetchedPartition> {
  const partition = cursor.int32()
  const errorCode = cursor.int16()
  // Ends of the partition, and from version 5 on its start.
  cursor.skip(version >= 5 ? 24 : 16)
  const aborted = Array.from({ length: Math.max(0, cursor.int32()) }, () => ({
    producerId: cursor.int64(),
    firstOffset: cursor.offset(),
  }))
  cursor.skip(version >= 11 ? 4 : 0)
  return { partition, errorCode, aborted, batches: await readBatches(cursor.view(Math.max(0, cursor.int32()))) }
}

/** An answer of version 4 to 11. */
export async function decodeFetch(bytes: Buffer, version: number) {
  const cursor = new Cursor(bytes)
  const throttleTime = cursor.int32()
  // An error of fetch sessions, of which there are none.
  cursor.skip(version >= 7 ? 6 : 0)
  const responses: FetchedTopic[] = []
  for (let topics = cursor.int32(); topics > 0; topics -= 1) {
    const topicName = cursor.text(cursor.int16())
    const partitions: FetchedPartition[] = []
    for (let count = cursor.int32(); count > 0; count -= 1) partitions.push(await readPartition(cursor, version))
    responses.push({ topicName, partitions })
  }
  // Before version 8 the broker itself has waited.
  return { clientSideThrottleTime: version >= 8 ? throttleTime : 0, responses }
}

function decoding({ request, response, requestTimeout }: FetchProtocol): FetchProtocol {
  const { apiVersion } = request
  if (apiVersion < 4 || apiVersion > 11)
    throw new EventLogError(`Kafka: the broker fetches by version ${apiVersion}; it must be of Kafka 0.11 or newer`)
  const decode = (bytes: Buffer) => decodeFetch(bytes, apiVersion)
  return { request, requestTimeout, response: { decode, parse: response.parse } }
}

/** The same broker, whose fetches are decoded here. */
export function fetchingFrom(broker: KafkaBroker): KafkaBroker {
  const lookupRequest: KafkaBroker['lookupRequest'] = (apiKey, definition) => {
    const protocolOf = broker.lookupRequest(apiKey, definition)
    return (request) => decoding(protocolOf(request))
  }
  // The made-up broker differs in this one method.
  return Object.create(broker, { lookupRequest: { value: lookupRequest } }) as KafkaBroker
}

/** Batches that were committed, in order. An aborted transaction reaches from its first offset to its mark. */
export function committed({ aborted, batches }: Pick<FetchedPartition, 'aborted' | 'batches'>): readonly RecordBatch[] {
  const coming = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)
  const under = new Set<bigint>()
  return batches.filter(({ lastOffset, producerId, isTransactional, mark }) => {
    for (let next = coming[0]; next !== undefined && next.firstOffset <= lastOffset; next = coming[0]) {
      under.add(next.producerId)
      coming.shift()
    }
    if (mark === 'abort') under.delete(producerId)
    return mark === null && !(isTransactional && under.has(producerId))
  })
}

/** Records of one fetch, from an offset on, decoded one by one. */
export function* recordsOf(topic: string, fetched: FetchedPartition, from: number): Generator<LogMessage, void> {
  const place = { topic, partition: fetched.partition }
  for (const batch of committed(fetched)) if (batch.lastOffset >= from) yield* batch.records(from, place)
}
