// Replays: begun again where they stopped, each record once, however they were killed.

import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { ProducerFencedError } from '../../../../operators/event-log/event-log.ts'
import { openReplay } from '../../../../operators/event-log/replay.ts'
import { type LogSubject, sortedNumbers, upTo } from './subject.ts'

export function describeReplays(subject: LogSubject): void {
  const { client, readAll } = subject
  describe('a replay', () => {
    const source = upTo(100)
    const batch = (from: number, to: number) => [
      { topic: subject.topic, records: source.slice(from, to).map((i) => ({ key: `k${i % 7}`, value: String(i) })) },
    ]

    test('goes on where it stopped, and again changes nothing', async () => {
      const id = randomUUID()
      const first = await openReplay(subject.log, { id, topic: subject.topic })
      expect(first.position).toBe(0)
      await first.append(batch(0, 30), 30)
      await first.append(batch(30, 60), 60)
      await first.close()
      const second = await openReplay(await client(), { id, topic: subject.topic })
      expect(second.position).toBe(60)
      await second.append(batch(60, 100), 100)
      await second.close()
      const third = await openReplay(subject.log, { id, topic: subject.topic })
      expect(third.position).toBe(100)
      await expect(third.append(batch(0, 1), 100)).rejects.toThrow(/must grow/)
      expect(sortedNumbers(await readAll())).toEqual(source)
    })

    // What a killed process does: it stops between two calls and never closes.
    test.each(['begin', 'send', 'store'] as const)('abandoned after %s is taken over', async (step) => {
      const id = randomUUID()
      const replay = await openReplay(subject.log, { id, topic: subject.topic })
      await replay.append(batch(0, 40), 40)
      await replay.close()
      const killed = await (await client()).transactions(id)
      const transaction = await killed.begin()
      if (step !== 'begin') await transaction.send(subject.topic, batch(40, 70)[0]?.records ?? [])
      if (step === 'store')
        await transaction.storeOffsets(`${id}.replay`, [{ topic: subject.topic, partition: 0, offset: 70 }])
      const next = await openReplay(await client(), { id, topic: subject.topic })
      expect(next.position).toBe(40)
      await next.append(batch(40, 100), 100)
      if (step !== 'begin') await expect(transaction.commit()).rejects.toThrow(ProducerFencedError)
      expect(sortedNumbers(await readAll())).toEqual(source)
    })

    test('killed after each batch in turn ends with each record once', async () => {
      const id = randomUUID()
      for (;;) {
        const replay = await openReplay(await client(), { id, topic: subject.topic })
        if (replay.position === 100) break
        await replay.append(batch(replay.position, replay.position + 20), replay.position + 20)
      }
      expect(sortedNumbers(await readAll())).toEqual(source)
    })
  })
}
