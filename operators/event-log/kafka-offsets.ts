// What a group has stored, of transactions that have ended: a broker answers a commit before each group shows it, and kafkajs's own
// request then gets the offsets of before. Version 7 (Kafka 2.5 and newer) lets the broker say so, and kafkajs stops at 4.

import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { type FetchedOffsets, type KafkaBroker, type OffsetsRequest, problemOf } from './kafka-client.ts'

const require = createRequire(import.meta.url)

/** kafkajs's words for numbers and texts; they have no types. */
interface Encoder {
  writeInt32(value: number): Encoder
  writeBoolean(value: boolean): Encoder
  writeUVarIntString(value: string): Encoder
  writeUVarIntArray(list: readonly Encoder[]): Encoder
  /** Of nothing: no tagged fields. */
  writeUVarIntBytes(): Encoder
}
interface Decoder {
  readInt16(): number
  readInt32(): number
  readInt64(): { toString(): string }
  readUVarIntString(): string
  readUVarIntArray<T>(read: (decoder: Decoder) => T): readonly T[]
  readTaggedFields(): void
}

const OFFSET_FETCH = 9
const VERSION = 7
/** A transaction that is open for longer is not waited for: the offsets of before it count. The end of one takes some ms. */
const STABLE_MS = 2_000

function encoded({ groupId, topics }: OffsetsRequest): Encoder {
  const Encoder = require('kafkajs/src/protocol/encoder') as new () => Encoder
  const topicsOf = topics.map(({ topic, partitions }) =>
    new Encoder()
      .writeUVarIntString(topic)
      .writeUVarIntArray(partitions.map(({ partition }) => new Encoder().writeInt32(partition)))
      .writeUVarIntBytes(),
  )
  const isStable = true
  return new Encoder()
    .writeUVarIntBytes()
    .writeUVarIntString(groupId)
    .writeUVarIntArray(topicsOf)
    .writeBoolean(isStable)
    .writeUVarIntBytes()
}

interface Answer extends FetchedOffsets {
  readonly errorCodes: readonly number[]
}

function decoded(bytes: Buffer): Answer {
  const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => Decoder
  const decoder = new Decoder(bytes)
  const errorCodes: number[] = []
  decoder.readTaggedFields()
  // How long the broker has waited.
  decoder.readInt32()
  const responses = decoder.readUVarIntArray(() => {
    const topic = decoder.readUVarIntString()
    const partitions = decoder.readUVarIntArray(() => {
      const [partition, offset] = [decoder.readInt32(), decoder.readInt64().toString()]
      // Of the leader's epoch and the group's own note nothing is needed.
      decoder.readInt32()
      decoder.readUVarIntString()
      errorCodes.push(decoder.readInt16())
      decoder.readTaggedFields()
      return { partition, offset }
    })
    decoder.readTaggedFields()
    return { topic, partitions }
  })
  errorCodes.push(decoder.readInt16())
  return { responses, errorCodes }
}

function parsed(answer: Answer): FetchedOffsets {
  const { createErrorFromCode } = require('kafkajs/src/protocol/error') as { createErrorFromCode(code: number): Error }
  const failure = answer.errorCodes.find((code) => code !== 0)
  if (failure !== undefined) throw createErrorFromCode(failure)
  return answer
}

/** The same broker, which refuses to tell of offsets whose transaction has not ended. */
function stable(broker: KafkaBroker): KafkaBroker {
  const protocolOf = (request: OffsetsRequest) => ({
    request: {
      apiKey: OFFSET_FETCH,
      apiVersion: VERSION,
      apiName: 'OffsetFetch',
      encode: async () => encoded(request),
    },
    response: { decode: async (bytes: Buffer) => decoded(bytes), parse: async (answer: Answer) => parsed(answer) },
    // It is refused in the ordinary course.
    logResponseError: false,
  })
  // The made-up broker differs in this one method.
  return Object.create(broker, { lookupRequest: { value: () => protocolOf } }) as KafkaBroker
}

/** @throws what kafkajs makes of the broker's refusal */
export async function fetchOffsets(
  broker: KafkaBroker,
  request: OffsetsRequest,
  signal: AbortSignal,
): Promise<FetchedOffsets> {
  const deadline = performance.now() + STABLE_MS
  const isKnown = (broker.versions?.[OFFSET_FETCH]?.maxVersion ?? 0) >= VERSION
  for (let pauseMs = 5; isKnown && performance.now() < deadline; pauseMs *= 2) {
    try {
      return await stable(broker).offsetFetch(request)
    } catch (error) {
      if (problemOf(error).type !== 'UNSTABLE_OFFSET_COMMIT') throw error
    }
    await sleep(pauseMs, undefined, { signal })
  }
  return broker.offsetFetch(request)
}
