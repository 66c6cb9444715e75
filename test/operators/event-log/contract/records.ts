// Records: what they carry, where they go, which are refused, and how they are read again.

import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { deadLetter, deadLetterTopic } from '../../../../operators/event-log/dead-letter.ts'
import type { LogMessage, NewRecord } from '../../../../operators/event-log/event-log.ts'
import { type LogSubject, numbered, sortedNumbers, upTo, valuesOf } from './subject.ts'

export function describeRecords(subject: LogSubject): void {
  const { readAll, send } = subject
  describe('records', () => {
    test('come back with their seven fields and their headers', async () => {
      await send([
        { key: '005930', value: '삼성전자', timestamp: 1712218367797, headers: { source: 'krx', raw: Buffer.of(0) } },
      ])
      const [message] = await readAll()
      expect(message).toEqual({
        key: Buffer.from('005930'),
        value: Buffer.from('삼성전자'),
        topic: subject.topic,
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
      await subject.log.ensureTopic(appending, { partitions: 1, timestampType: 'append' })
      const before = Date.now() - 1_000
      await send([{ value: 'x', timestamp: 5 }], appending)
      const [message] = await readAll(appending)
      expect(message?.timestampType).toBe('append')
      expect(message?.timestamp).toBeGreaterThan(before)
    })

    test('are told where they went', async () => {
      const producer = await subject.log.producer()
      expect(await producer.send(subject.topic, [{ value: 'a', partition: 1 }])).toEqual([
        { topic: subject.topic, partition: 1, first: 0, last: 0 },
      ])
      const appended = await producer.send(subject.topic, [
        { value: 'b', partition: 1 },
        { value: 'c', partition: 2 },
        { value: 'd', partition: 1 },
      ])
      expect([...appended].sort((a, b) => a.partition - b.partition)).toEqual([
        { topic: subject.topic, partition: 1, first: 1, last: 2 },
        { topic: subject.topic, partition: 2, first: 0, last: 0 },
      ])
    })

    test.each(['none', 'gzip', 'snappy'] as const)('sent with compression %s are the same', async (compression) => {
      const producer = await subject.log.producer({ compression })
      await producer.send(subject.topic, numbered(500))
      await producer.close()
      expect(sortedNumbers(await readAll())).toEqual(upTo(500))
    })

    test('that no log can hold are refused, and nothing of the call is sent', async () => {
      const producer = await subject.log.producer()
      // What a caller without types may do.
      const bad = { value: undefined } as unknown as NewRecord
      await expect(producer.send(subject.topic, [{ value: 'good' }, bad])).rejects.toThrow(/record 2 .*found undefined/)
      await expect(producer.send(subject.topic, [{ value: 'x', timestamp: Number.NaN }])).rejects.toThrow(/epoch ms/)
      await expect(producer.send(subject.topic, [{ value: 'x', partition: 3 }])).rejects.toThrow(/it has 3/)
      expect(await readAll()).toEqual([])
    })
  })

  test('a range of one partition is read again, exactly', async () => {
    await send(upTo(2_500).map((i) => ({ value: String(i), partition: 1 })))
    const range = async (from: number, to: number) => {
      const messages: LogMessage[] = []
      for await (const batch of subject.log.readRange(subject.topic, 1, from, to)) messages.push(...batch)
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
    const letters = deadLetterTopic(subject.topic)
    expect(letters).toBe(`${subject.topic}.dlq`)
    await subject.log.ensureTopic(letters, { partitions: 1 })
    if (bad !== undefined) await send([deadLetter(bad, 'not JSON')], letters)
    const [letter] = await readAll(letters)
    expect([String(letter?.key), String(letter?.value), letter?.timestamp]).toEqual(['k', '{bad', 1_000])
    const headers = Object.entries(letter?.headers ?? {}).map(([header, value]) => [header, String(value)])
    expect(Object.fromEntries(headers)).toEqual({
      trace: '7',
      'dlq.reason': 'not JSON',
      'dlq.topic': subject.topic,
      'dlq.partition': '2',
      'dlq.offset': '0',
    })
  })
}

/** Partitions of k0 … k6 among 3, from kafkajs's own partitioner. */
const KAFKA_PLACES: readonly (readonly number[])[] = [[2], [2], [0], [1], [1], [0], [1]]
