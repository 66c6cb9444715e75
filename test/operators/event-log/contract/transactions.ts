// Transactions: records and offsets together, aborted or fenced without a trace.

import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { ProducerFencedError } from '../../../../operators/event-log/event-log.ts'
import { type LogSubject, numbered, sortedNumbers, upTo, valuesOf } from './subject.ts'

export function describeTransactions(subject: LogSubject): void {
  const { client, drain, readAll, send } = subject
  describe('a transaction', () => {
    test('shows its records and stores its offsets at once, when it commits', async () => {
      const out = `o-${randomUUID()}`
      await subject.log.ensureTopic(out, { partitions: 2 })
      await send(numbered(10))
      const group = randomUUID()
      const consumer = await subject.log.consumer({ group, topics: [subject.topic] })
      const read = await drain(consumer)
      const transactions = await subject.log.transactions(randomUUID())
      const transaction = await transactions.begin()
      await transaction.send(out, read.map(({ value }) => ({ value })).slice(0, 5))
      await transaction.send(out, read.map(({ value }) => ({ value })).slice(5))
      await transaction.storeOffsets(group, consumer.positions())
      expect(await readAll(out)).toEqual([])
      expect(await subject.log.storedOffsets(group, subject.topic)).toEqual([null, null, null])
      const appended = await transaction.commit()
      expect(appended.reduce((sum, { first, last }) => sum + last - first + 1, 0)).toBe(10)
      expect(sortedNumbers(await readAll(out))).toEqual(upTo(10))
      expect((await subject.log.lag(group, subject.topic)).map(({ lag }) => lag)).toEqual([0, 0, 0])
    })

    test('that is committed shows what it has stored at once, and one that is open does not', async () => {
      const transactions = await subject.log.transactions(randomUUID())
      const group = randomUUID()
      for (const offset of upTo(20).map((i) => i + 1)) {
        const transaction = await transactions.begin()
        await transaction.storeOffsets(group, [{ topic: subject.topic, partition: 1, offset }])
        await transaction.commit()
        expect(await subject.log.storedOffsets(group, subject.topic)).toEqual([null, offset, null])
      }
      const open = await transactions.begin()
      await open.storeOffsets(group, [{ topic: subject.topic, partition: 1, offset: 99 }])
      expect(await subject.log.storedOffsets(group, subject.topic)).toEqual([null, 20, null])
      await open.abort()
    })

    test('that is aborted leaves nothing, and the next one can begin', async () => {
      const transactions = await subject.log.transactions(randomUUID())
      const group = randomUUID()
      const aborted = await transactions.begin()
      await aborted.send(subject.topic, numbered(5))
      await aborted.storeOffsets(group, [{ topic: subject.topic, partition: 0, offset: 9 }])
      await aborted.abort()
      await expect(aborted.send(subject.topic, numbered(1))).rejects.toThrow()
      const next = await transactions.begin()
      await next.send(subject.topic, [{ value: 'kept' }])
      await next.commit()
      expect(valuesOf(await readAll())).toEqual(['kept'])
      expect(await subject.log.storedOffsets(group, subject.topic)).toEqual([null, null, null])
    })

    test('one at a time, as many as wanted', async () => {
      const transactions = await subject.log.transactions(randomUUID())
      for (let i = 0; i < 5; i += 1) {
        const transaction = await transactions.begin()
        await expect(transactions.begin()).rejects.toThrow(/open already/)
        await transaction.send(subject.topic, numbered(10, i * 10))
        await transaction.commit()
      }
      expect(sortedNumbers(await readAll())).toEqual(upTo(50))
    })

    test('of an older opening of the id is fenced', async () => {
      const id = randomUUID()
      const old = await subject.log.transactions(id)
      const transaction = await old.begin()
      await transaction.send(subject.topic, numbered(3))
      const newer = await (await client()).transactions(id)
      await expect(transaction.commit()).rejects.toThrow(ProducerFencedError)
      const next = await newer.begin()
      await next.send(subject.topic, [{ value: 'newer' }])
      await next.commit()
      expect(valuesOf(await readAll())).toEqual(['newer'])
    })
  })
}
