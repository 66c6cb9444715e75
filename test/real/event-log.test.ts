// The event log's contract on real Kafka, and what only a cluster can show.

import kafka from 'kafkajs'
import { describe, expect, test, vi } from 'vitest'
import { type EventLog, EventLogError } from '../../operators/event-log/event-log.ts'
import { openEventLog } from '../../operators/event-log/open.ts'
import { openReplay } from '../../operators/event-log/replay.ts'
import { eventLogContract } from '../operators/event-log/contract.ts'
import { madeUpContext } from '../support/operator-context.ts'
import { onRealServers } from '../support/real-servers.ts'

const contextOf = (servers: string, more: object = {}) =>
  madeUpContext({
    embeddedRoot: '/nowhere',
    connections: [
      { id: 'kafka_default', type: 'kafka', extra: JSON.stringify({ 'bootstrap.servers': servers, ...more }) },
    ],
  })

const open = (servers: string) => openEventLog(contextOf(servers))
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

/** Counts and collects with kafkajs's own group consumer: a reader that shares nothing with ours. */
async function readIndependently(servers: string, topic: string, expected: number): Promise<readonly number[]> {
  const client = new kafka.Kafka({ brokers: servers.split(','), logLevel: kafka.logLevel.NOTHING })
  const consumer = client.consumer({ groupId: `independent-${topic}` })
  await consumer.connect()
  try {
    await consumer.subscribe({ topic, fromBeginning: true })
    const seen: number[] = []
    await consumer.run({ eachMessage: async ({ message }) => void seen.push(Number(message.value)) })
    await expect.poll(() => seen.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(expected)
    return seen.sort((a, b) => a - b)
  } finally {
    await consumer.disconnect()
  }
}

await onRealServers(['kafka'], (servers) => {
  const address = servers.kafka.endpoints['kafka'] ?? ''
  eventLogContract('Kafka', () => open(address), 300)

  describe('a Kafka that cannot be used', () => {
    test('because nothing listens is told in seconds', async () => {
      const opening = open('127.0.0.1:1')
      await expect(opening).rejects.toThrow(EventLogError)
      await expect(opening).rejects.toThrow(/connecting: .*ECONNREFUSED.*nothing listens there/)
    })

    test('because its name is not known says so', async () => {
      await expect(open('kafka.invalid:9092')).rejects.toThrow(/is not known on this host/)
    })

    test('because it wants no login says what to check', async () => {
      const op = contextOf(address, {
        'security.protocol': 'SASL_PLAINTEXT',
        'sasl.username': 'u',
        'sasl.password': 'geheim',
      })
      const opening = openEventLog(op)
      await expect(opening).rejects.toThrow(/check/)
      await expect(opening).rejects.not.toThrow(/geheim/)
    })
  })

  test('a record larger than the broker takes is told with the limit, and the producer ends', async () => {
    const log = await open(address)
    await log.ensureTopic('large', { partitions: 1 })
    const producer = await log.producer()
    await expect(producer.send('large', [{ value: Buffer.alloc(2_000_000) }])).rejects.toThrow(/max.message.bytes/)
    await expect(producer.send('large', [{ value: 'small' }])).rejects.toThrow(/has failed: open another/)
    await log.close()
  })

  test('a topic that was deleted this very moment is made again', async () => {
    const log = await open(address)
    const admin = new kafka.Kafka({ brokers: [address], logLevel: kafka.logLevel.NOTHING }).admin()
    await admin.connect()
    for (const partitions of upTo(20).map((i) => (i % 5) + 1)) {
      expect(await log.ensureTopic('again', { partitions })).toBe(true)
      const { topics } = await admin.fetchTopicMetadata({ topics: ['again'] })
      expect(topics[0]?.partitions).toHaveLength(partitions)
      await admin.deleteTopics({ topics: ['again'] })
    }
    await admin.disconnect()
    await log.close()
  })

  test('an idle connection does not keep the process busy', async () => {
    const log = await open(address)
    await log.ensureTopic('idle')
    const consumer = await log.consumer({ group: 'idle', topics: ['idle'] })
    const timers = vi.spyOn(globalThis, 'setTimeout')
    await consumer.poll({ waitMs: 1_000 })
    const count = timers.mock.calls.length
    timers.mockRestore()
    // kafkajs as it is makes some 900 a second and connection.
    expect(count).toBeLessThan(150)
    await log.close()
  })

  test('the attempt’s signal ends a poll at once', async () => {
    const controller = new AbortController()
    const op = { ...contextOf(address), signal: controller.signal }
    const log = await openEventLog(op)
    await log.ensureTopic('aborted')
    const consumer = await log.consumer({ group: 'aborted', topics: ['aborted'] })
    const polling = consumer.poll({ waitMs: 60_000 })
    controller.abort(new Error('cleared'))
    await expect(polling).rejects.toThrow('cleared')
    await log.close()
  })
})

await onRealServers(['kafka3'], ({ kafka3 }) => {
  const address = kafka3.endpoints['kafka'] ?? ''
  const COUNT = 200_000

  async function withBrokerKilled(log: EventLog, topic: string, produce: (batch: number) => Promise<unknown>) {
    await log.ensureTopic(topic, { partitions: 6, replicas: 3 })
    let killing: Promise<void> | undefined
    for (let batch = 0; batch < COUNT / 1_000; batch += 1) {
      if (batch === 50) killing = kafka3.kill('broker-2')
      await produce(batch)
    }
    await killing
    await kafka3.restart('broker-2')
  }
  const batchOf = (batch: number) => upTo(1_000).map((i) => ({ value: String(batch * 1_000 + i) }))

  test('one of three brokers killed in the middle loses and doubles nothing', async () => {
    const log = await open(address)
    const topic = `killed-${Date.now()}`
    const producer = await log.producer()
    await withBrokerKilled(log, topic, (batch) => producer.send(topic, batchOf(batch)))
    expect(await readIndependently(address, topic, COUNT)).toEqual(upTo(COUNT))
    await log.close()
  }, 180_000)

  test('a replay goes on through the death of a broker, however often it must be opened again', async () => {
    const log = await open(address)
    const topic = `replayed-${Date.now()}`
    const target = { id: topic, topic }
    await log.ensureTopic(topic, { partitions: 6, replicas: 3 })
    let replay = await openReplay(log, target)
    await withBrokerKilled(log, topic, async (batch) => {
      for (let isDone = false; !isDone; ) {
        try {
          if (replay.position <= batch * 1_000)
            await replay.append([{ topic, records: batchOf(batch) }], (batch + 1) * 1_000)
          isDone = true
        } catch (error) {
          if (!(error instanceof EventLogError)) throw error
          replay = await openReplay(log, target)
        }
      }
    })
    expect(await readIndependently(address, topic, COUNT)).toEqual(upTo(COUNT))
    await log.close()
  }, 180_000)
})
