// What every event log adapter must do. Run it with a factory: files, and a real Kafka.

import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { deadLetter, deadLetterTopic } from '../../../operators/event-log/dead-letter.ts'
import {
  type Consumer,
  type EventLog,
  EventLogError,
  type LogMessage,
  type NewRecord,
  ProducerFencedError,
  UnknownTopicError,
} from '../../../operators/event-log/event-log.ts'
import { openReplay } from '../../../operators/event-log/replay.ts'

/** Each call gives another client of one and the same log. */
export type OpenEventLog = () => Promise<EventLog>

const numbered = (count: number, from = 0): NewRecord[] =>
  Array.from({ length: count }, (_, i) => ({ key: `k${(from + i) % 7}`, value: String(from + i) }))

const valuesOf = (messages: readonly LogMessage[]) => messages.map(({ value }) => String(value))
const sortedNumbers = (messages: readonly LogMessage[]) =>
  valuesOf(messages)
    .map(Number)
    .sort((a, b) => a - b)
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

/** @param idleMs after so long without a record all is taken to be read: 0 where a look is enough, more over a network */
export function eventLogContract(name: string, open: OpenEventLog, idleMs = 0): void {
  /** Polls until nothing more comes. */
  async function drain(consumer: Consumer, max = 1_000): Promise<LogMessage[]> {
    const messages: LogMessage[] = []
    for (;;) {
      const batch = await consumer.poll({ max, waitMs: idleMs })
      if (batch.length === 0) return messages
      messages.push(...batch)
    }
  }

  describe(`the event log contract on ${name}`, () => {
    let log: EventLog
    let topic: string
    const opened: EventLog[] = []
    const client = async () => {
      const one = await open()
      opened.push(one)
      return one
    }
    beforeEach(async () => {
      log = await client()
      topic = `t-${randomUUID()}`
      await log.ensureTopic(topic, { partitions: 3 })
    })
    afterEach(async () => {
      for (const one of opened.splice(0)) await one.close()
    })

    const send = async (records: readonly NewRecord[], to = topic) => {
      const producer = await log.producer()
      const appended = await producer.send(to, records)
      await producer.close()
      return appended
    }
    const readAll = async (of = topic, by = log) => {
      const consumer = await by.consumer({ group: randomUUID(), topics: [of] })
      const messages = await drain(consumer)
      await consumer.close()
      return messages
    }

    describe('records', () => {
      test('come back with their seven fields and their headers', async () => {
        await send([
          { key: '005930', value: '삼성전자', timestamp: 1712218367797, headers: { source: 'krx', raw: Buffer.of(0) } },
        ])
        const [message] = await readAll()
        expect(message).toEqual({
          key: Buffer.from('005930'),
          value: Buffer.from('삼성전자'),
          topic,
          partition: message?.partition,
          offset: 0,
          timestamp: 1712218367797,
          timestampType: 'create',
          headers: { source: Buffer.from('krx'), raw: Buffer.of(0) },
        })
      })

      test('may lack key and value, and empty is not missing', async () => {
        await send([
          { value: null, partition: 0 },
          { key: '', value: '', partition: 0 },
        ])
        expect((await readAll()).map(({ key, value }) => [key, value])).toEqual([
          [null, null],
          [Buffer.alloc(0), Buffer.alloc(0)],
        ])
      })

      test('of one key stay in one partition, the one Kafka puts it into, in order', async () => {
        await send(numbered(70))
        const messages = await readAll()
        const partitionOf = (key: string) =>
          new Set(messages.filter((m) => String(m.key) === key).map((m) => m.partition))
        // Asked of Kafka's own client: murmur2 of the key, its sign cut off, modulo 3.
        expect(['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6'].map((key) => [...partitionOf(key)])).toEqual(KAFKA_PLACES)
        expect(valuesOf(messages.filter(({ key }) => String(key) === 'k3')).map(Number)).toEqual(
          upTo(10).map((i) => i * 7 + 3),
        )
      })

      test('without a key are spread over the partitions', async () => {
        await send(upTo(30).map((i) => ({ value: String(i) })))
        const counts = new Map<number, number>()
        for (const { partition } of await readAll()) counts.set(partition, (counts.get(partition) ?? 0) + 1)
        expect([...counts.values()]).toEqual([10, 10, 10])
      })

      test('of a topic of type append carry the log’s time', async () => {
        const appending = `a-${randomUUID()}`
        await log.ensureTopic(appending, { partitions: 1, timestampType: 'append' })
        const before = Date.now() - 1_000
        await send([{ value: 'x', timestamp: 5 }], appending)
        const [message] = await readAll(appending)
        expect(message?.timestampType).toBe('append')
        expect(message?.timestamp).toBeGreaterThan(before)
      })

      test('are told where they went', async () => {
        const producer = await log.producer()
        expect(await producer.send(topic, [{ value: 'a', partition: 1 }])).toEqual([
          { topic, partition: 1, first: 0, last: 0 },
        ])
        const appended = await producer.send(topic, [
          { value: 'b', partition: 1 },
          { value: 'c', partition: 2 },
          { value: 'd', partition: 1 },
        ])
        expect([...appended].sort((a, b) => a.partition - b.partition)).toEqual([
          { topic, partition: 1, first: 1, last: 2 },
          { topic, partition: 2, first: 0, last: 0 },
        ])
      })

      test.each(['none', 'gzip', 'snappy'] as const)('sent with compression %s are the same', async (compression) => {
        const producer = await log.producer({ compression })
        await producer.send(topic, numbered(500))
        await producer.close()
        expect(sortedNumbers(await readAll())).toEqual(upTo(500))
      })

      test('that no log can hold are refused, and nothing of the call is sent', async () => {
        const producer = await log.producer()
        // What a caller without types may do.
        const bad = { value: undefined } as unknown as NewRecord
        await expect(producer.send(topic, [{ value: 'good' }, bad])).rejects.toThrow(/record 2 .*found undefined/)
        await expect(producer.send(topic, [{ value: 'x', timestamp: Number.NaN }])).rejects.toThrow(/epoch ms/)
        await expect(producer.send(topic, [{ value: 'x', partition: 3 }])).rejects.toThrow(/it has 3/)
        expect(await readAll()).toEqual([])
      })
    })

    describe('a topic', () => {
      test('is made once', async () => {
        expect(await log.ensureTopic(topic, { partitions: 3 })).toBe(false)
        expect(await log.ensureTopic(topic)).toBe(false)
      })

      test('that has fewer partitions than asked for is not changed', async () => {
        await expect(log.ensureTopic(topic, { partitions: 4 })).rejects.toThrow(/has 3 partitions, asked for 4/)
      })

      test('that is missing is told, by whoever asks', async () => {
        const missing = `m-${randomUUID()}`
        await expect(log.offsets(missing)).rejects.toThrow(UnknownTopicError)
        await expect(log.consumer({ group: 'g', topics: [missing] })).rejects.toThrow(UnknownTopicError)
        const producer = await log.producer()
        await expect(producer.send(missing, [{ value: 'x' }])).rejects.toThrow(UnknownTopicError)
      })

      test.each(['', '..', 'a/b', '가', 'x'.repeat(250)])('cannot be named %j', async (bad) => {
        await expect(log.ensureTopic(bad)).rejects.toThrow(EventLogError)
      })

      test('tells its offsets', async () => {
        await send([
          { value: 'a', partition: 0 },
          { value: 'b', partition: 2 },
          { value: 'c', partition: 2 },
        ])
        expect(await log.offsets(topic)).toEqual([
          { partition: 0, earliest: 0, end: 1 },
          { partition: 1, earliest: 0, end: 0 },
          { partition: 2, earliest: 0, end: 2 },
        ])
      })
    })

    describe('a consumer', () => {
      test('reads on where its group has committed, and lag falls to 0', async () => {
        await send(numbered(100))
        const group = randomUUID()
        const first = await log.consumer({ group, topics: [topic] })
        const read = await first.poll({ max: 40 })
        await first.commit()
        const uncommitted = await first.poll({ max: 10 })
        expect(uncommitted.length).toBeGreaterThan(0)
        await first.close()
        const lag = (await log.lag(group, topic)).reduce((sum, one) => sum + one.lag, 0)
        expect(lag).toBe(100 - read.length)

        const second = await (await client()).consumer({ group, topics: [topic] })
        const rest = await drain(second, 7)
        expect(sortedNumbers([...read, ...rest])).toEqual(upTo(100))
        await second.commit()
        expect((await log.lag(group, topic)).map((one) => one.lag)).toEqual([0, 0, 0])
      })

      test('gives at most what it is asked for', async () => {
        await send(numbered(50))
        const consumer = await log.consumer({ group: randomUUID(), topics: [topic] })
        expect((await consumer.poll({ max: 3 })).length).toBe(3)
      })

      test('of a group without stored offsets begins at the earliest, or only with what comes', async () => {
        await send(numbered(5))
        const late = await log.consumer({ group: randomUUID(), topics: [topic], from: 'latest' })
        expect(await late.poll({ waitMs: idleMs })).toEqual([])
        await send([{ value: 'new' }])
        expect(valuesOf(await late.poll({ waitMs: 5_000 }))).toEqual(['new'])
        expect(await readAll()).toHaveLength(6)
      })

      test('waits for the first record', async () => {
        const consumer = await log.consumer({ group: randomUUID(), topics: [topic] })
        const polling = consumer.poll({ waitMs: 10_000 })
        await send([{ value: 'at last' }])
        expect(valuesOf(await polling)).toEqual(['at last'])
      })

      test('seeks', async () => {
        await send(upTo(10).map((i) => ({ value: String(i), partition: 1 })))
        const consumer = await log.consumer({ group: randomUUID(), topics: [topic] })
        await drain(consumer)
        await consumer.seek(topic, 1, 7)
        expect(valuesOf(await drain(consumer))).toEqual(['7', '8', '9'])
        await consumer.seek(topic, 1, 'earliest')
        expect(valuesOf(await consumer.poll({ max: 1 }))).toEqual(['0'])
        await consumer.seek(topic, 1, 'end')
        expect(await consumer.poll({ waitMs: idleMs })).toEqual([])
      })

      test('of some partitions leaves the others alone', async () => {
        await send(upTo(9).map((i) => ({ value: String(i), partition: i % 3 })))
        const group = randomUUID()
        const consumer = await log.consumer({ group, topics: [topic], partitions: [0, 2] })
        expect(sortedNumbers(await drain(consumer))).toEqual([0, 2, 3, 5, 6, 8])
        await consumer.commit()
        expect(await log.storedOffsets(group, topic)).toEqual([3, null, 3])
        await expect(log.consumer({ group, topics: [topic], partitions: [3] })).rejects.toThrow(/has 3 partitions/)
      })

      test('whose stored offset the log does not have begins again', async () => {
        await send(upTo(3).map((i) => ({ value: String(i), partition: 0 })))
        const group = randomUUID()
        const transactions = await log.transactions(randomUUID())
        const transaction = await transactions.begin()
        await transaction.storeOffsets(group, [{ topic, partition: 0, offset: 1_000 }])
        await transaction.commit()
        const consumer = await log.consumer({ group, topics: [topic] })
        expect(valuesOf(await drain(consumer))).toEqual(['0', '1', '2'])
      })

      test('reads what several producers send at once, each record once', async () => {
        const clients = await Promise.all([client(), client(), client()])
        await Promise.all(
          clients.map(async (one, i) => {
            const producer = await one.producer()
            for (let batch = 0; batch < 10; batch += 1) await producer.send(topic, numbered(20, i * 200 + batch * 20))
            await producer.close()
          }),
        )
        expect(sortedNumbers(await readAll())).toEqual(upTo(600))
      })
    })

    test('a range of one partition is read again, exactly', async () => {
      await send(upTo(2_500).map((i) => ({ value: String(i), partition: 1 })))
      const range = async (from: number, to: number) => {
        const messages: LogMessage[] = []
        for await (const batch of log.readRange(topic, 1, from, to)) messages.push(...batch)
        return valuesOf(messages)
      }
      expect(await range(1_200, 1_203)).toEqual(['1200', '1201', '1202'])
      expect(await range(2_498, 9_999)).toEqual(['2498', '2499'])
      expect(await range(0, 2_500)).toEqual(upTo(2_500).map(String))
      expect(await range(5, 5)).toEqual([])
    })

    test('a bad record goes to the dead-letter topic as it was, with the reason', async () => {
      await send([{ key: 'k', value: '{bad', partition: 2, timestamp: 1_000, headers: { trace: '7' } }])
      const [bad] = await readAll()
      const letters = deadLetterTopic(topic)
      expect(letters).toBe(`${topic}.dlq`)
      await log.ensureTopic(letters, { partitions: 1 })
      if (bad !== undefined) await send([deadLetter(bad, 'not JSON')], letters)
      const [letter] = await readAll(letters)
      expect([String(letter?.key), String(letter?.value), letter?.timestamp]).toEqual(['k', '{bad', 1_000])
      const headers = Object.entries(letter?.headers ?? {}).map(([header, value]) => [header, String(value)])
      expect(Object.fromEntries(headers)).toEqual({
        trace: '7',
        'dlq.reason': 'not JSON',
        'dlq.topic': topic,
        'dlq.partition': '2',
        'dlq.offset': '0',
      })
    })

    describe('a transaction', () => {
      test('shows its records and stores its offsets at once, when it commits', async () => {
        const out = `o-${randomUUID()}`
        await log.ensureTopic(out, { partitions: 2 })
        await send(numbered(10))
        const group = randomUUID()
        const consumer = await log.consumer({ group, topics: [topic] })
        const read = await drain(consumer)
        const transactions = await log.transactions(randomUUID())
        const transaction = await transactions.begin()
        await transaction.send(out, read.map(({ value }) => ({ value })).slice(0, 5))
        await transaction.send(out, read.map(({ value }) => ({ value })).slice(5))
        await transaction.storeOffsets(group, consumer.positions())
        expect(await readAll(out)).toEqual([])
        expect(await log.storedOffsets(group, topic)).toEqual([null, null, null])
        const appended = await transaction.commit()
        expect(appended.reduce((sum, { first, last }) => sum + last - first + 1, 0)).toBe(10)
        expect(sortedNumbers(await readAll(out))).toEqual(upTo(10))
        expect((await log.lag(group, topic)).map(({ lag }) => lag)).toEqual([0, 0, 0])
      })

      test('that is aborted leaves nothing, and the next one can begin', async () => {
        const transactions = await log.transactions(randomUUID())
        const group = randomUUID()
        const aborted = await transactions.begin()
        await aborted.send(topic, numbered(5))
        await aborted.storeOffsets(group, [{ topic, partition: 0, offset: 9 }])
        await aborted.abort()
        await expect(aborted.send(topic, numbered(1))).rejects.toThrow()
        const next = await transactions.begin()
        await next.send(topic, [{ value: 'kept' }])
        await next.commit()
        expect(valuesOf(await readAll())).toEqual(['kept'])
        expect(await log.storedOffsets(group, topic)).toEqual([null, null, null])
      })

      test('one at a time, as many as wanted', async () => {
        const transactions = await log.transactions(randomUUID())
        for (let i = 0; i < 5; i += 1) {
          const transaction = await transactions.begin()
          await expect(transactions.begin()).rejects.toThrow(/open already/)
          await transaction.send(topic, numbered(10, i * 10))
          await transaction.commit()
        }
        expect(sortedNumbers(await readAll())).toEqual(upTo(50))
      })

      test('of an older opening of the id is fenced', async () => {
        const id = randomUUID()
        const old = await log.transactions(id)
        const transaction = await old.begin()
        await transaction.send(topic, numbered(3))
        const newer = await (await client()).transactions(id)
        await expect(transaction.commit()).rejects.toThrow(ProducerFencedError)
        const next = await newer.begin()
        await next.send(topic, [{ value: 'newer' }])
        await next.commit()
        expect(valuesOf(await readAll())).toEqual(['newer'])
      })
    })

    describe('a replay', () => {
      const source = upTo(100)
      const batch = (from: number, to: number) => [
        { topic, records: source.slice(from, to).map((i) => ({ key: `k${i % 7}`, value: String(i) })) },
      ]

      test('goes on where it stopped, and again changes nothing', async () => {
        const id = randomUUID()
        const first = await openReplay(log, { id, topic })
        expect(first.position).toBe(0)
        await first.append(batch(0, 30), 30)
        await first.append(batch(30, 60), 60)
        await first.close()
        const second = await openReplay(await client(), { id, topic })
        expect(second.position).toBe(60)
        await second.append(batch(60, 100), 100)
        await second.close()
        const third = await openReplay(log, { id, topic })
        expect(third.position).toBe(100)
        await expect(third.append(batch(0, 1), 100)).rejects.toThrow(/must grow/)
        expect(sortedNumbers(await readAll())).toEqual(source)
      })

      // What a killed process does: it stops between two calls and never closes.
      test.each(['begin', 'send', 'store'] as const)('abandoned after %s is taken over', async (step) => {
        const id = randomUUID()
        const replay = await openReplay(log, { id, topic })
        await replay.append(batch(0, 40), 40)
        await replay.close()
        const killed = await (await client()).transactions(id)
        const transaction = await killed.begin()
        if (step !== 'begin') await transaction.send(topic, batch(40, 70)[0]?.records ?? [])
        if (step === 'store') await transaction.storeOffsets(`${id}.replay`, [{ topic, partition: 0, offset: 70 }])
        const next = await openReplay(await client(), { id, topic })
        expect(next.position).toBe(40)
        await next.append(batch(40, 100), 100)
        if (step !== 'begin') await expect(transaction.commit()).rejects.toThrow(ProducerFencedError)
        expect(sortedNumbers(await readAll())).toEqual(source)
      })

      test('killed after each batch in turn ends with each record once', async () => {
        const id = randomUUID()
        for (;;) {
          const replay = await openReplay(await client(), { id, topic })
          if (replay.position === 100) break
          await replay.append(batch(replay.position, replay.position + 20), replay.position + 20)
        }
        expect(sortedNumbers(await readAll())).toEqual(source)
      })
    })
  })
}

/** Partitions of k0 … k6 among 3, from kafkajs's own partitioner. */
const KAFKA_PLACES: readonly (readonly number[])[] = [[2], [2], [0], [1], [1], [0], [1]]
