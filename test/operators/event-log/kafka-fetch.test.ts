// What brokers answer to a fetch, with kafkajs's own encoder and decoder as the oracle.

import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { KafkaCluster } from '../../../operators/event-log/kafka-client.ts'
import { committed, decodeFetch, type RecordBatch, recordsOf } from '../../../operators/event-log/kafka-fetch.ts'
import { KafkaReader } from '../../../operators/event-log/kafka-reader.ts'

const require = createRequire(import.meta.url)

/** kafkajs's encoders have no types. */
interface Encoder {
  readonly buffer: Buffer
}
const kafkajs = {
  batch: (require('kafkajs/src/protocol/recordBatch/v0') as { RecordBatch: (of: object) => Promise<Encoder> })
    .RecordBatch,
  record: require('kafkajs/src/protocol/recordBatch/record/v0') as (of: object) => Encoder,
  messageSet: require('kafkajs/src/protocol/messageSet') as (of: object) => Encoder,
  long: (require('kafkajs/src/utils/long') as { fromNumber: (value: number) => object }).fromNumber,
  decode: (version: number, bytes: Buffer) =>
    (
      require(`kafkajs/src/protocol/requests/fetch/v${version}/response`) as {
        decode: (bytes: Buffer) => Promise<{ responses: { partitions: { messages: readonly OracleMessage[] }[] }[] }>
      }
    ).decode(bytes),
}
interface OracleMessage {
  readonly offset: string
  readonly timestamp: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer | readonly Buffer[]>>
}

const int16 = (value: number) => Buffer.from([(value >> 8) & 0xff, value & 0xff])
const int32 = (value: number) => Buffer.concat([int16(value >> 16), int16(value)])
const int64 = (value: number) => Buffer.concat([int32(Math.floor(value / 2 ** 32)), int32((value % 2 ** 32) | 0)])

/** An answer that holds one partition. */
const answerOf = (version: number, records: Buffer, aborted: readonly (readonly [number, number])[] = []) =>
  Buffer.concat([
    int32(0),
    ...(version >= 7 ? [int16(0), int32(0)] : []),
    ...[int32(1), int16(5), Buffer.from('topic')],
    ...[int32(1), int32(2), int16(0), int64(100), int64(90)],
    ...(version >= 5 ? [int64(3)] : []),
    ...[int32(aborted.length), ...aborted.flatMap(([producer, first]) => [int64(producer), int64(first)])],
    ...(version >= 11 ? [int32(-1)] : []),
    ...[int32(records.length), records],
  ])

async function partitionOf(version: number, records: Buffer, aborted: readonly (readonly [number, number])[] = []) {
  const { responses } = await decodeFetch(answerOf(version, records, aborted), version)
  const partition = responses[0]?.partitions[0]
  if (partition === undefined) throw new Error('no partition was decoded')
  return partition
}

const bytes = fc.option(fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)))
const record = fc.record({
  key: bytes,
  value: bytes,
  headers: fc.dictionary(
    // Of the names of an object's own methods kafkajs makes lists.
    fc.string({ maxLength: 9 }).filter((name) => !(name in {})),
    fc.uint8Array({ maxLength: 9 }).map((array) => Buffer.from(array)),
    { maxKeys: 3 },
  ),
  timestampDelta: fc.integer({ min: -2_000, max: 2 ** 40 }),
  gap: fc.integer({ min: 1, max: 200 }),
})
const batch = fc.record({
  records: fc.array(record, { minLength: 1, maxLength: 20 }),
  isPacked: fc.boolean(),
  firstTimestamp: fc.integer({ min: 2_000, max: 2 ** 42 }),
})

type Batch = typeof batch extends fc.Arbitrary<infer T> ? T : never

async function encoded(batches: readonly Batch[], first: number): Promise<readonly Buffer[]> {
  const list: Buffer[] = []
  let offset = first
  for (const { records, isPacked, firstTimestamp } of batches) {
    let delta = -1
    const placed = records.map(({ gap, timestampDelta, ...rest }) => {
      delta += gap
      return kafkajs.record({ ...rest, timestampDelta: kafkajs.long(timestampDelta), offsetDelta: delta })
    })
    const { buffer } = await kafkajs.batch({
      ...{
        compression: isPacked ? 1 : 0,
        firstOffset: kafkajs.long(offset),
        firstTimestamp,
        maxTimestamp: firstTimestamp,
      },
      ...{ lastOffsetDelta: delta, records: placed },
    })
    list.push(buffer)
    offset += delta + 1
  }
  return list
}

describe('a fetch', () => {
  const versions = fc.constantFrom(4, 5, 6, 7, 8, 9, 10, 11)
  const starts = fc.constantFrom(0, 7, 2 ** 33)

  test('is decoded as kafkajs decodes it, from any offset on, and without a batch that was cut short', () =>
    fc.assert(
      fc.asyncProperty(
        ...[fc.array(batch, { maxLength: 4 }), versions, starts, fc.nat(4_000), fc.nat(100)],
        async (batches, version, first, skipped, cut) => {
          const whole = await encoded(batches, first)
          const bytes = Buffer.concat(whole)
          const records = bytes.subarray(0, Math.max(0, bytes.length - cut))
          // Of less than the head of a batch kafkajs makes an error.
          const head = records.length < 17 ? Buffer.alloc(0) : records
          const [response] = (await kafkajs.decode(version, answerOf(version, head))).responses
          const expected = (response?.partitions[0]?.messages ?? []).map((message) => ({
            key: message.key,
            value: message.value,
            topic: 'topic',
            partition: 2,
            offset: Number(message.offset),
            timestamp: Number(message.timestamp),
            timestampType: 'create',
            headers: { ...message.headers },
          }))
          const fetched = await partitionOf(version, records)
          expect([...recordsOf('topic', fetched, first)]).toEqual(expected)
          const from = first + skipped
          expect([...recordsOf('topic', fetched, from)]).toEqual(expected.filter(({ offset }) => offset >= from))
        },
      ),
      { numRuns: 300 },
    ))

  test('tells the times of the log where the topic has them', async () => {
    const [one] = await encoded(
      [
        {
          isPacked: false,
          firstTimestamp: 5_000,
          records: [{ key: null, value: null, headers: {}, timestampDelta: 7, gap: 1 }],
        },
      ],
      0,
    )
    // The attributes' bit for it, which kafkajs does not write.
    one?.writeInt16BE(8, 21)
    const [message] = recordsOf('topic', await partitionOf(11, one ?? Buffer.alloc(0)), 0)
    expect(message).toMatchObject({ timestamp: 5_000, timestampType: 'append' })
  })

  test('of records from before Kafka 0.11 is read too', async () => {
    const { buffer } = kafkajs.messageSet({
      ...{ messageVersion: 1, compression: 0 },
      entries: ['a', 'b', 'c'].map((value) => ({ key: 'k', value, timestamp: 12, compression: 0 })),
    })
    for (let at = 0, offset = 40; at < buffer.length; at += 12 + buffer.readInt32BE(at + 8), offset += 1)
      buffer.writeBigInt64BE(BigInt(offset), at)
    const messages = [...recordsOf('topic', await partitionOf(11, buffer), 41)]
    expect(messages.map(({ offset, value, timestamp }) => [offset, String(value), timestamp])).toEqual([
      [41, 'b', 12],
      [42, 'c', 12],
    ])
  })

  test('with a record that reaches beyond its batch is refused', async () => {
    const [one] = await encoded(
      [
        {
          isPacked: false,
          firstTimestamp: 5_000,
          records: [{ key: null, value: null, headers: {}, timestampDelta: 0, gap: 1 }],
        },
      ],
      0,
    )
    one?.writeUInt8(0x7e, 61)
    const partition = await partitionOf(11, one ?? Buffer.alloc(0))
    expect(() => [...recordsOf('topic', partition, 0)]).toThrow(/record 0 of the batch at offset 0 is cut short/)
  })
})

describe('what was fetched', () => {
  const of = (
    firstOffset: number,
    producerId: bigint,
    mark: RecordBatch['mark'] = null,
    isTransactional = true,
  ): RecordBatch => ({
    ...{ firstOffset, lastOffset: firstOffset, producerId, isTransactional, mark },
    *records() {},
  })
  const offsets = (batches: readonly RecordBatch[], aborted: readonly (readonly [bigint, number])[]) =>
    committed({ batches, aborted: aborted.map(([producerId, firstOffset]) => ({ producerId, firstOffset })) }).map(
      ({ firstOffset }) => firstOffset,
    )

  test('holds no marks', () => {
    expect(offsets([of(0, 1n), of(1, 1n, 'commit'), of(2, 2n)], [])).toEqual([0, 2])
  })

  test('holds no aborted records, and those of others beside them', () => {
    const batches = [of(0, 1n), of(1, 2n), of(2, 1n), of(3, 1n, 'abort'), of(4, 1n), of(5, 2n, 'commit')]
    expect(offsets(batches, [[1n, 0]])).toEqual([1, 4])
  })

  test('of a producer outside of its transaction stays', () => {
    expect(offsets([of(5, 1n), of(6, 1n, null, false), of(7, 1n, 'abort')], [[1n, 2]])).toEqual([6])
  })

  test('may begin within an aborted transaction, and hold a second one of the same producer', () => {
    const batches = [of(5, 1n), of(6, 1n, 'abort'), of(7, 1n), of(8, 1n, 'commit'), of(9, 1n), of(10, 1n, 'abort')]
    expect(
      offsets(batches, [
        [1n, 9],
        [1n, 1],
      ]),
    ).toEqual([7])
  })
})

describe('a reader of a compacted topic', () => {
  const record = { key: null, value: null, headers: {}, timestampDelta: kafkajs.long(0) }
  const batchOf = async (firstOffset: number, lastOffsetDelta: number, kept: readonly number[]) =>
    (
      await kafkajs.batch({
        ...{ compression: 0, firstOffset: kafkajs.long(firstOffset), firstTimestamp: 5_000, maxTimestamp: 5_000 },
        ...{ lastOffsetDelta, records: kept.map((offsetDelta) => kafkajs.record({ ...record, offsetDelta })) },
      })
    ).buffer

  /** Of one partition; a broker gives the batches from the one on that holds the offset asked for. */
  function readerOf(batches: readonly { readonly last: number; readonly bytes: Buffer }[]): KafkaReader {
    const broker = {
      async fetch({ topics }: { topics: readonly { partitions: readonly { fetchOffset: string }[] }[] }) {
        const from = Number(topics[0]?.partitions[0]?.fetchOffset)
        const rest = batches.filter(({ last }) => last >= from).map(({ bytes }) => bytes)
        return decodeFetch(answerOf(11, Buffer.concat(rest.slice(0, 1))), 11)
      },
    }
    const cluster = { findLeaderForPartitions: () => ({ 1: [2] }), findBroker: async () => broker }
    const source = {
      cluster: cluster as unknown as KafkaCluster,
      signal: AbortSignal.timeout(20_000),
      offsets: async () => [],
    }
    const reader = new KafkaReader(source, 'earliest')
    reader.assign('topic', 2, 0)
    return reader
  }

  test('reads beyond batches whose last records, or all of them, were compacted away', async () => {
    const reader = readerOf([
      { last: 9, bytes: await batchOf(0, 9, [0, 3]) },
      { last: 19, bytes: await batchOf(10, 9, []) },
      { last: 29, bytes: await batchOf(20, 9, [4]) },
    ])
    const offsets: number[] = []
    for (let polls = 0; polls < 9 && offsets.length < 3; polls += 1)
      offsets.push(...(await reader.poll({ waitMs: 500 })).map(({ offset }) => offset))
    expect(offsets).toEqual([0, 3, 24])
    expect(reader.positions()).toEqual([{ topic: 'topic', partition: 2, offset: 30 }])
  })
})
