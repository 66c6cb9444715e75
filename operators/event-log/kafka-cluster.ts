// One connection to the brokers for most of what a log asks: opened with short patience, its first answer and coordinators remembered
// for a moment. A window is a dozen steps after one another, and each question that is spared is a round trip less.

import type { Kafka } from 'kafkajs'
import {
  clusterOf,
  clustersOf,
  type KafkaBroker,
  type KafkaClientOptions,
  type KafkaCluster,
  makeKafka,
  RETRY,
} from './kafka-client.ts'

/**
 * What was answered is believed for so long. Steps of a transaction are some ms apart; and the waits of a call that is retried are
 * longer, so that it soon asks again where the work has moved.
 */
const FRESH_MS = 1_000

/** Not connected yet. */
export function openCluster(client: Kafka): KafkaCluster {
  const cluster = clusterOf(client)
  // kafkajs's transactions ask it, and without an answer wait 300 ms where the end of the one before is still being written.
  cluster.retry = RETRY
  rememberCoordinators(cluster)
  return cluster
}

/** Connects with little patience, to find out that nobody is there; from then on it has the patience it was made with. */
export async function connectSoon(cluster: KafkaCluster, options: KafkaClientOptions): Promise<void> {
  const impatient = clusterOf(makeKafka(options, { few: true }))
  const { brokerPool } = cluster
  const patience = brokerPool.retrier
  brokerPool.retrier = impatient.brokerPool.retrier
  try {
    await cluster.connect()
    await cluster.refreshMetadata()
  } finally {
    brokerPool.retrier = patience
  }
}

/**
 * A client whose producers use the connections of `cluster`. To disconnect one of them would disconnect all: leave that to whoever
 * has opened the cluster.
 */
export function sharing(client: Kafka, cluster: KafkaCluster): Kafka {
  const { symbol } = clustersOf(client)
  // The made-up client differs in this one method.
  return Object.create(client, { [symbol]: { value: () => cluster } }) as Kafka
}

/** kafkajs asks anew before each step who coordinates a transaction or a group. */
export function rememberCoordinators(cluster: Pick<KafkaCluster, 'findBroker' | 'findGroupCoordinator'>): void {
  const find = cluster.findGroupCoordinator.bind(cluster)
  const known = new Map<string, { readonly nodeId: string; readonly until: number }>()
  cluster.findGroupCoordinator = async (group): Promise<KafkaBroker> => {
    const key = `${group.coordinatorType ?? 0} ${group.groupId}`
    const { nodeId, until } = known.get(key) ?? { nodeId: '', until: 0 }
    // One that cannot be reached is asked for anew, which says what is wrong if anything still is.
    const remembered = performance.now() < until ? await cluster.findBroker({ nodeId }).catch(() => null) : null
    if (remembered !== null) return remembered
    const broker = await find(group)
    known.set(key, { nodeId: String(broker.nodeId), until: performance.now() + FRESH_MS })
    return broker
  }
}

interface KnownTopics extends Pick<KafkaCluster, 'targetTopics'> {
  readonly brokerPool: Pick<KafkaCluster['brokerPool'], 'metadata'>
}

/** Partitions of each topic as the first answer of the brokers told. */
export class FirstAnswer {
  readonly #cluster: KnownTopics
  readonly #until = performance.now() + FRESH_MS
  readonly #partitions: Map<string, number>

  /** @param cluster just connected by `connectSoon` */
  constructor(cluster: KnownTopics) {
    this.#cluster = cluster
    const topics = cluster.brokerPool.metadata?.topicMetadata ?? []
    this.#partitions = new Map(topics.map(({ topic, partitionMetadata }) => [topic, partitionMetadata.length]))
  }

  /** Partitions of the topic; undefined when the brokers must be asked. Each is told once: who asks again may know of a change. */
  take(topic: string): number | undefined {
    const count = performance.now() < this.#until ? this.#partitions.get(topic) : undefined
    this.#partitions.delete(topic)
    // Kept up to date from here on, as if it had been asked for by name.
    if (count !== undefined) this.#cluster.targetTopics.add(topic)
    return count
  }
}
