// kafkajs as this room needs it: its faults mended, its inner client for what the outer one cannot do, its errors in sentences.
//
// kafkajs 2.2.4 is the last release (2023), so what is reached into here stays as it is; the version is pinned.

import { lookup } from 'node:dns/promises'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import kafka, { type Kafka, type KafkaConfig, type logCreator } from 'kafkajs'
import type { TaskLogger } from '../../sdk/index.ts'
import { EventLogError, ProducerFencedError } from './event-log.ts'
import type { FetchedTopic } from './kafka-fetch.ts'

/** Of one broker: `fetch` reads partitions without joining a group, which kafkajs's own consumer cannot. Offsets are decimal texts. */
export interface KafkaBroker {
  readonly nodeId: number
  fetch(request: {
    readonly isolationLevel: 1
    readonly maxWaitTime: number
    readonly minBytes: number
    readonly maxBytes: number
    readonly topics: readonly {
      readonly topic: string
      readonly partitions: readonly {
        readonly partition: number
        readonly fetchOffset: string
        readonly maxBytes: number
      }[]
    }[]
  }): Promise<{ readonly responses: readonly FetchedTopic[] }>
  /** How a request of a kind is written and its answer read, in the version that the broker speaks. */
  lookupRequest(apiKey: number, definition: unknown): (request: object) => FetchProtocol
  /** What it speaks, by the number of a kind of request; null before it has been connected. */
  readonly versions: Readonly<Record<number, { readonly maxVersion: number } | undefined>> | null
  offsetFetch(request: OffsetsRequest): Promise<FetchedOffsets>
  offsetCommit(request: {
    readonly groupId: string
    readonly groupGenerationId: -1
    readonly memberId: ''
    readonly retentionTime: -1
    readonly topics: readonly {
      readonly topic: string
      readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
    }[]
  }): Promise<unknown>
}

export interface OffsetsRequest {
  readonly groupId: string
  readonly topics: readonly {
    readonly topic: string
    readonly partitions: readonly { readonly partition: number }[]
  }[]
}

export interface FetchedOffsets {
  readonly responses: readonly {
    readonly topic: string
    readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
  }[]
}

/** Of a fetch. */
export interface FetchProtocol {
  readonly request: { readonly apiVersion: number }
  readonly requestTimeout: number
  readonly response: {
    decode(bytes: Buffer): Promise<unknown>
    /** Throws what the broker tells of as an error. */
    parse(decoded: unknown): Promise<unknown>
  }
}

/** What a try of a call of kafkajs's is given; `unknown` is all that is needed of it here. */
type Retrier = (call: (...of: readonly never[]) => Promise<unknown>) => Promise<unknown>

interface KafkaRetry {
  /** First wait, in ms. */
  readonly initialRetryTime: number
  readonly factor: number
  readonly multiplier: number
  readonly maxRetryTime: number
  readonly retries: number
}

/** The client inside of kafkajs's producers and consumers. */
export interface KafkaCluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  refreshMetadata(): Promise<void>
  /** Asked for again whenever the metadata is. Empty: all topics there are. */
  readonly targetTopics: Set<string>
  readonly brokerPool: {
    readonly metadata: {
      readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[]
      readonly topicMetadata: readonly { readonly topic: string; readonly partitionMetadata: readonly unknown[] }[]
    } | null
    /** How a connection or metadata that fail are tried again. */
    retrier: Retrier
  }
  /** How transactions try again; kafkajs forgets to set it. */
  retry?: KafkaRetry
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number; readonly leader: number }[]
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, readonly number[]>>
  findBroker(node: { readonly nodeId: string }): Promise<KafkaBroker>
  /** @param group of type 0; type 1 is a transactional id */
  findGroupCoordinator(group: { readonly groupId: string; readonly coordinatorType?: 0 | 1 }): Promise<KafkaBroker>
  fetchTopicsOffset(
    topics: readonly {
      readonly topic: string
      readonly partitions: readonly { readonly partition: number }[]
      readonly fromBeginning: boolean
    }[],
  ): Promise<readonly { readonly partitions: readonly { readonly partition: number; readonly offset: string }[] }[]>
}

/**
 * Waits of a call that fails: 20 ms, doubled up to 4 s, half a minute in all. A transaction that follows on another is refused for
 * some milliseconds, so the first wait must be short; a broker that died is replaced within ten seconds.
 */
export const RETRY: KafkaRetry = { initialRetryTime: 20, factor: 0.2, multiplier: 2, maxRetryTime: 4_000, retries: 14 }
/** To find out that nobody is there. */
const FEW_RETRIES = { ...RETRY, retries: 4 }
/** No single call takes longer, retries included. */
const MOST_CALL_MS = 120_000

const require = createRequire(import.meta.url)

let isMended = false

interface RequestQueue {
  readonly pending: readonly unknown[]
  readonly throttledUntil: number
}

/**
 * Once a connection has answered, kafkajs looks for waiting requests in an endless loop of time-outs, some 900 a second (tulios/kafkajs
 * #1751): look only when something waits, or the broker has asked to wait.
 */
function mend(): void {
  if (isMended) return
  isMended = true
  // Neither has types of its own.
  kafka.CompressionCodecs[kafka.CompressionTypes.Snappy] = require('kafkajs-snappy') as () => unknown
  const { prototype } = require('kafkajs/src/network/requestQueue') as {
    readonly prototype: { scheduleCheckPendingRequests: (this: RequestQueue) => void }
  }
  const schedule = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this)
  }
}

const LEVELS = { 1: 'warn', 2: 'debug' } as const

/** kafkajs calls what it will retry an error: it is told as a warning, and what it warns of for who looks for it. */
function logTo(log: TaskLogger): logCreator {
  return () => (entry) => {
    // Beside the message, kafkajs types what it tells as `any`.
    const { message, ...told }: Readonly<Record<string, unknown>> = entry.log
    const fields = { kafka: message, broker: told['broker'], error: told['error'] }
    const at = LEVELS[entry.level as keyof typeof LEVELS]
    if (at !== undefined) log[at](fields, 'the Kafka client met a difficulty')
  }
}

export interface KafkaClientOptions {
  /** Of the Connection, for errors. */
  readonly connId: string
  /** Brokers and how to sign in, from the Connection. */
  readonly config: Pick<KafkaConfig, 'ssl' | 'sasl'> & { readonly brokers: readonly string[] }
  /** Told to the brokers: what an administrator sees. */
  readonly clientId: string
  /** Gets the client's own warnings and errors. */
  readonly log: TaskLogger
  /** Ends every call when it aborts. */
  readonly signal: AbortSignal
}

export function makeKafka({ config, clientId, log }: KafkaClientOptions, { few = false } = {}): Kafka {
  mend()
  return new kafka.Kafka({
    ...config,
    brokers: [...config.brokers],
    clientId,
    connectionTimeout: 5_000,
    authenticationTimeout: 10_000,
    requestTimeout: 30_000,
    retry: few ? FEW_RETRIES : RETRY,
    logCreator: logTo(log),
  })
}

/** How a client makes its inner clients. */
export function clustersOf(client: Kafka): { readonly symbol: symbol; create(options: object): unknown } {
  const symbol = Object.getOwnPropertySymbols(client).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  )
  const create: unknown = symbol === undefined ? undefined : Reflect.get(client, symbol)
  if (symbol === undefined || typeof create !== 'function')
    throw new EventLogError('kafkajs is not of version 2.2.4, which this adapter needs')
  return { symbol, create: (options): unknown => Reflect.apply(create, client, [options]) }
}

/** The inner client; it sees committed records only. */
export function clusterOf(client: Kafka): KafkaCluster {
  const options = { metadataMaxAge: 60_000, allowAutoTopicCreation: false, isolationLevel: 1 }
  // Its shape is that of the pinned version, and each method used is called by the tests on a real broker.
  return clustersOf(client).create(options) as KafkaCluster
}

/** Ends with the attempt, or when the call takes too long: kafkajs knows neither. */
export async function within<T>(
  signal: AbortSignal,
  what: string,
  call: () => Promise<T>,
  ms = MOST_CALL_MS,
): Promise<T> {
  signal.throwIfAborted()
  const calling = call()
  // It may fail after nobody listens any more.
  calling.catch(() => undefined)
  const settled = new AbortController()
  const ended = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new EventLogError(`Kafka: ${what} took longer than ${ms / 1000} s`)), ms)
    settled.signal.addEventListener('abort', () => clearTimeout(timer))
    signal.addEventListener('abort', () => reject(signal.reason), { signal: settled.signal })
  })
  try {
    return await Promise.race([calling, ended])
  } finally {
    // A reason spares the error that is made without one.
    settled.abort('settled')
  }
}

interface KafkaProblem {
  readonly name: string
  readonly type: string
  readonly code: string
  readonly message: string
  readonly isRetriable: boolean
}

/** What kafkajs knows of an error; it wraps the first one in others. */
export function problemOf(error: unknown): KafkaProblem {
  const chain: Error[] = []
  for (let cause = error; cause instanceof Error && chain.length < 5 && !chain.includes(cause); cause = cause.cause)
    chain.push(cause)
  const field = (name: string) => {
    const found = chain.map((cause): unknown => Reflect.get(cause, name)).find((value) => value !== undefined)
    return found === undefined ? '' : String(found)
  }
  return {
    name: chain.at(-1)?.name ?? '',
    type: field('type'),
    code: field('code'),
    message: chain[0]?.message ?? String(error),
    isRetriable: chain.some((cause) => Reflect.get(cause, 'retriable') === true),
  }
}

const FENCED = ['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'INVALID_PRODUCER_ID_MAPPING']

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/UNKNOWN_TOPIC_OR_PARTITION/, 'the topic is not there: make it with ensureTopic'],
  [
    /MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE/,
    "a record is larger than the topic's max.message.bytes (1 MB by default)",
  ],
  [/NOT_ENOUGH_REPLICAS/, 'too few brokers keep a copy: start the missing ones'],
  [/AUTHORIZATION_FAILED/, "the user may not do that: ask the cluster's administrator for the right"],
  [
    /SASL/i,
    "the broker refuses the login: check the connection's security.protocol, sasl.mechanism, login and password",
  ],
  [/ENOTFOUND|EAI_AGAIN/, 'its name is not known on this host: correct the connection, or the name service'],
  [/ECONNREFUSED/, 'nothing listens there: start Kafka, or correct host and port of the connection'],
  [/Connection timeout|ETIMEDOUT|EHOSTUNREACH/, 'it does not answer: check the address, and a firewall between'],
  [
    /ECONNRESET|Closed connection|closed/i,
    'the broker hangs up: often it expects TLS or a login; check security.protocol',
  ],
]

/** @returns the error to throw instead */
export function explained(error: unknown, what: string, transactionalId?: string): unknown {
  if (error instanceof EventLogError || !(error instanceof Error)) return error
  const problem = problemOf(error)
  const isFenced = FENCED.includes(problem.type) || /error code 90\b/.test(problem.message)
  if (isFenced && transactionalId !== undefined) return new ProducerFencedError(transactionalId, { cause: error })
  if (!problem.name.startsWith('KafkaJS') && problem.code === '') return error
  const said = [problem.type, problem.code, problem.name, problem.message].join(' ')
  const hint = HINTS.find(([pattern]) => pattern.test(said))?.[1]
  return new EventLogError(`Kafka: ${what}: ${problem.message}${hint === undefined ? '' : ` (${hint})`}`, {
    cause: error,
  })
}

/** Tries again while the error is of the moment: a leader that moved, a connection that broke. */
export async function patiently<T>(cluster: KafkaCluster, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  for (let wait = RETRY.initialRetryTime; ; wait *= 2) {
    try {
      return await call()
    } catch (error) {
      signal.throwIfAborted()
      if (!problemOf(error).isRetriable || wait > 16_000) throw error
      await sleep(wait, undefined, { signal })
      await cluster.refreshMetadata().catch(() => undefined)
    }
  }
}

/** Brokers tell their own addresses, and all but the first request go there: a name that this host does not know is told at once. */
export async function checkAdvertised(cluster: KafkaCluster, connId: string): Promise<void> {
  const { brokers } = cluster.brokerPool.metadata ?? { brokers: [] }
  for (const { nodeId, host, port } of brokers) {
    try {
      await lookup(host)
    } catch (cause) {
      throw new EventLogError(
        `connection ${connId}: broker ${nodeId} calls itself ${host}:${port} (its advertised.listeners), and this host does not know ` +
          `the name ${host}: make it known here, or give the broker an address that is`,
        { cause },
      )
    }
  }
}
