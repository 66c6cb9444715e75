// Topics: made once, told when missing, with their offsets.

import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { EventLogError, UnknownTopicError } from '../../../../operators/event-log/event-log.ts'
import type { LogSubject } from './subject.ts'

export function describeTopics(subject: LogSubject): void {
  const { send } = subject
  describe('a topic', () => {
    test('is made once', async () => {
      expect(await subject.log.ensureTopic(subject.topic, { partitions: 3 })).toBe(false)
      expect(await subject.log.ensureTopic(subject.topic)).toBe(false)
    })

    test('that has fewer partitions than asked for is not changed', async () => {
      await expect(subject.log.ensureTopic(subject.topic, { partitions: 4 })).rejects.toThrow(
        /has 3 partitions, asked for 4/,
      )
    })

    test('that is missing is told, by whoever asks', async () => {
      const missing = `m-${randomUUID()}`
      await expect(subject.log.offsets(missing)).rejects.toThrow(UnknownTopicError)
      await expect(subject.log.consumer({ group: 'g', topics: [missing] })).rejects.toThrow(UnknownTopicError)
      const producer = await subject.log.producer()
      await expect(producer.send(missing, [{ value: 'x' }])).rejects.toThrow(UnknownTopicError)
    })

    test.each(['', '..', 'a/b', '가', 'x'.repeat(250)])('cannot be named %j', async (bad) => {
      await expect(subject.log.ensureTopic(bad)).rejects.toThrow(EventLogError)
    })

    test('tells its offsets', async () => {
      await send([
        { value: 'a', partition: 0 },
        { value: 'b', partition: 2 },
        { value: 'c', partition: 2 },
      ])
      expect(await subject.log.offsets(subject.topic)).toEqual([
        { partition: 0, earliest: 0, end: 1 },
        { partition: 1, earliest: 0, end: 0 },
        { partition: 2, earliest: 0, end: 2 },
      ])
    })
  })
}
