// Consumers: groups and their stored offsets, seeking, waiting, and several producers at once.

import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type LogSubject, numbered, sortedNumbers, upTo, valuesOf } from './subject.ts'

export function describeConsumers(subject: LogSubject): void {
  const { client, drain, readAll, send, idleMs } = subject
  describe('a consumer', () => {
    test('reads on where its group has committed, and lag falls to 0', async () => {
      await send(numbered(100))
      const group = randomUUID()
      const first = await subject.log.consumer({ group, topics: [subject.topic] })
      const read = await first.poll({ max: 40 })
      await first.commit()
      const uncommitted = await first.poll({ max: 10 })
      expect(uncommitted.length).toBeGreaterThan(0)
      await first.close()
      const lag = (await subject.log.lag(group, subject.topic)).reduce((sum, one) => sum + one.lag, 0)
      expect(lag).toBe(100 - read.length)

      const second = await (await client()).consumer({ group, topics: [subject.topic] })
      const rest = await drain(second, 7)
      expect(sortedNumbers([...read, ...rest])).toEqual(upTo(100))
      await second.commit()
      expect((await subject.log.lag(group, subject.topic)).map((one) => one.lag)).toEqual([0, 0, 0])
    })

    test('gives at most what it is asked for', async () => {
      await send(numbered(50))
      const consumer = await subject.log.consumer({ group: randomUUID(), topics: [subject.topic] })
      expect((await consumer.poll({ max: 3 })).length).toBe(3)
    })

    test('of a group without stored offsets begins at the earliest, or only with what comes', async () => {
      await send(numbered(5))
      const late = await subject.log.consumer({ group: randomUUID(), topics: [subject.topic], from: 'latest' })
      expect(await late.poll({ waitMs: idleMs })).toEqual([])
      await send([{ value: 'new' }])
      expect(valuesOf(await late.poll({ waitMs: 5_000 }))).toEqual(['new'])
      expect(await readAll()).toHaveLength(6)
    })

    test('waits for the first record', async () => {
      const consumer = await subject.log.consumer({ group: randomUUID(), topics: [subject.topic] })
      const polling = consumer.poll({ waitMs: 10_000 })
      await send([{ value: 'at last' }])
      expect(valuesOf(await polling)).toEqual(['at last'])
    })

    test('seeks', async () => {
      await send(upTo(10).map((i) => ({ value: String(i), partition: 1 })))
      const consumer = await subject.log.consumer({ group: randomUUID(), topics: [subject.topic] })
      await drain(consumer)
      await consumer.seek(subject.topic, 1, 7)
      expect(valuesOf(await drain(consumer))).toEqual(['7', '8', '9'])
      await consumer.seek(subject.topic, 1, 'earliest')
      expect(valuesOf(await consumer.poll({ max: 1 }))).toEqual(['0'])
      await consumer.seek(subject.topic, 1, 'end')
      expect(await consumer.poll({ waitMs: idleMs })).toEqual([])
    })

    test('begins where it is told to, and elsewhere where its group has committed', async () => {
      await send(upTo(30).map((i) => ({ value: String(i), partition: i % 3 })))
      const group = randomUUID()
      const topics = [subject.topic]
      const first = await subject.log.consumer({ group, topics, partitions: [2] })
      await drain(first)
      await first.commit()
      const at = (partition: number, offset: number) => ({ topic: subject.topic, partition, offset })
      const all = [at(0, 8), at(1, 9), at(2, 10)]
      const told = await subject.log.consumer({ group, topics, start: all })
      expect(told.positions()).toEqual(all)
      expect(sortedNumbers(await drain(told))).toEqual([24, 27, 28])
      const partly = await subject.log.consumer({ group, topics, start: [at(0, 9), { ...at(1, 9), topic: 'another' }] })
      expect(partly.positions()).toEqual([at(0, 9), at(1, 0), at(2, 10)])
      expect(sortedNumbers(await drain(partly))).toEqual([...upTo(10).map((i) => 3 * i + 1), 27].sort((a, b) => a - b))
    })

    test('of some partitions leaves the others alone', async () => {
      await send(upTo(9).map((i) => ({ value: String(i), partition: i % 3 })))
      const group = randomUUID()
      const consumer = await subject.log.consumer({ group, topics: [subject.topic], partitions: [0, 2] })
      expect(sortedNumbers(await drain(consumer))).toEqual([0, 2, 3, 5, 6, 8])
      await consumer.commit()
      expect(await subject.log.storedOffsets(group, subject.topic)).toEqual([3, null, 3])
      await expect(subject.log.consumer({ group, topics: [subject.topic], partitions: [3] })).rejects.toThrow(
        /has 3 partitions/,
      )
    })

    test('whose stored offset the log does not have begins again', async () => {
      await send(upTo(3).map((i) => ({ value: String(i), partition: 0 })))
      const group = randomUUID()
      const transactions = await subject.log.transactions(randomUUID())
      const transaction = await transactions.begin()
      await transaction.storeOffsets(group, [{ topic: subject.topic, partition: 0, offset: 1_000 }])
      await transaction.commit()
      const consumer = await subject.log.consumer({ group, topics: [subject.topic] })
      expect(valuesOf(await drain(consumer))).toEqual(['0', '1', '2'])
    })

    test('reads what several producers send at once, each record once', async () => {
      const clients = await Promise.all([client(), client(), client()])
      await Promise.all(
        clients.map(async (one, i) => {
          const producer = await one.producer()
          for (let batch = 0; batch < 10; batch += 1)
            await producer.send(subject.topic, numbered(20, i * 200 + batch * 20))
          await producer.close()
        }),
      )
      expect(sortedNumbers(await readAll())).toEqual(upTo(600))
    })
  })
}
