// Windows of a stream: bounded, each record in every sink, and the offset moved last, whatever fails in between.

import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { deadLetterTopic } from '../../../../operators/event-log/dead-letter.ts'
import { type EventLog, type Position, ProducerFencedError } from '../../../../operators/event-log/event-log.ts'
import {
  type ConsumeWindow,
  consumeFrom,
  type StreamWindow,
  type WindowSink,
} from '../../../../operators/event-log/window.ts'
import type { Parse } from '../../../../operators/event-log/window-read.ts'
import { type MadeUp, madeUpContext } from '../../../support/made-up-context.ts'
import { type LogSubject, numbered, sortedNumbers, upTo } from './subject.ts'

interface MemorySink extends WindowSink<number> {
  readonly windows: StreamWindow<number>[]
  readonly rows: Set<number>
}

/** Keeps what it was given. @param fail called before each window; may throw */
function memorySink(name = 'memory', fail: (window: StreamWindow<number>) => void = () => undefined): MemorySink {
  const windows: StreamWindow<number>[] = []
  const rows = new Set<number>()
  return {
    name,
    windows,
    rows,
    put: async (_op, window) => {
      windows.push(window)
      fail(window)
      for (const { value } of window.records) rows.add(value)
      return { written: window.records.length }
    },
  }
}

/** A sink whose own transaction moves the offset. */
function keeperSink(fail: (window: StreamWindow<number>) => void = () => undefined) {
  const kept = { positions: [] as readonly Position[] }
  const sink = memorySink('keeper', (window) => {
    fail(window)
    kept.positions = window.end
  })
  return { ...sink, kept, positions: async () => kept.positions }
}

const parse: Parse<number> = ({ value }) => {
  const number = Number(String(value))
  return Number.isInteger(number) ? { value: number } : { fault: `no number: ${String(value)}` }
}
const sorted = (rows: Iterable<number>) => [...rows].sort((a, b) => a - b)
const failOnce = (error = new Error('the sink is away')) => {
  let hasFailed = false
  return () => {
    if (hasFailed) return
    hasFailed = true
    throw error
  }
}

export function describeWindows(subject: LogSubject): void {
  describe('a window', () => {
    const seconds = () => subject.idleMs / 1_000
    const run = (
      options: Partial<ConsumeWindow<number>> & Pick<ConsumeWindow<number>, 'sinks' | 'group'>,
      more: Partial<MadeUp> & { log?: EventLog } = {},
    ) => {
      const op = madeUpContext({ embeddedRoot: '/nowhere', ...more })
      const until = { records: 10, seconds: seconds(), ...options.until }
      const given = { topic: subject.topic, parse, idleSeconds: 0, ...options, until }
      return consumeFrom(op, more.log ?? subject.log, given).then((window) => ({ window, op }))
    }
    const storedSum = async (group: string) =>
      (await subject.log.storedOffsets(group, subject.topic)).reduce((sum: number, offset) => sum + (offset ?? 0), 0)
    const deadLetters = async () => {
      const messages = await subject.readAll(deadLetterTopic(subject.topic))
      return messages.map(({ value, headers }) => [String(value), String(headers['dlq.reason'])])
    }

    test('ends after so many records, and the next one continues there', async () => {
      const [group, sink] = [randomUUID(), memorySink()]
      await subject.send(numbered(25))
      const counts = []
      for (let i = 0; i < 3; i += 1) counts.push((await run({ group, sinks: [sink] })).window.rowsRead)
      expect(counts).toEqual([10, 10, 5])
      expect(sorted(sink.rows)).toEqual(upTo(25))
      expect(sink.windows.flatMap(({ records }) => records)).toHaveLength(25)
    })

    test('holds more than one poll gives, also when no time is left', async () => {
      await subject.send(numbered(350))
      const { window } = await run({ group: randomUUID(), sinks: [memorySink()], until: { records: 300, seconds: 0 } })
      expect(window.rowsRead).toBe(300)
    })

    test('tells what it read and how much is left', async () => {
      const group = randomUUID()
      await subject.send(numbered(25))
      const { window, op } = await run({ group, sinks: [memorySink()] })
      expect(window).toMatchObject({ rowsRead: 10, rowsWritten: 10, rowsRejected: 0, repeated: false })
      expect(window.lag).toBeGreaterThanOrEqual(15)
      expect(window.freshness).toBeGreaterThanOrEqual(0)
      const { offsets, lag, rowsPerSecond, freshness } = window
      const stream = { lag, rowsPerSecond, freshness }
      expect(op.effects).toMatchObject([{ kind: 'event_log', rowsRead: 10, rowsWritten: 10, offsets, stream }])
    })

    test('ends after so many bytes', async () => {
      const sink = memorySink()
      await subject.send(numbered(25))
      await run({ group: randomUUID(), sinks: [sink], until: { records: 1_000, bytes: 1 } })
      expect(sink.windows).toHaveLength(1)
      expect(sink.rows.size).toBeLessThan(26)
    })

    test('puts a record that cannot be used into the dead letters with its reason, once', async () => {
      const [group, sink] = [randomUUID(), memorySink()]
      await subject.send([...numbered(3), { value: 'x', key: 'a' }])
      const { window } = await run({ group, sinks: [sink] })
      expect(window).toMatchObject({ rowsRead: 4, rowsWritten: 3, rowsRejected: 1 })
      await run({ group, sinks: [sink] })
      expect(await deadLetters()).toEqual([['x', 'no number: x']])
      expect(sorted(sink.rows)).toEqual([0, 1, 2])
    })

    test('of nothing but bad records moves on', async () => {
      const [group, sink] = [randomUUID(), memorySink()]
      await subject.send([{ value: 'x' }])
      expect((await run({ group, sinks: [sink] })).window).toMatchObject({ rowsRead: 1, rowsRejected: 1 })
      expect((await run({ group, sinks: [sink] })).window.rowsRead).toBe(0)
      expect(sink.windows).toEqual([])
    })

    test('a record that a sink refuses goes to the dead letters too', async () => {
      const group = randomUUID()
      const picky: WindowSink<number> = {
        name: 'picky',
        put: async (_op, { records }) => {
          const rejected = records.filter(({ value }) => value === 1).map(({ message }) => [message, 'odd'] as const)
          return { written: records.length - rejected.length, rejected }
        },
      }
      await subject.send(numbered(3))
      expect((await run({ group, sinks: [picky, memorySink()] })).window).toMatchObject({
        rowsRead: 3,
        rowsRejected: 1,
      })
      expect(await deadLetters()).toEqual([['1', 'picky: odd']])
    })

    test('a sink that does not account for every record fails it', async () => {
      await subject.send(numbered(3))
      const lossy: WindowSink<number> = { name: 'lossy', put: async () => ({ written: 2 }) }
      await expect(run({ group: randomUUID(), sinks: [lossy] })).rejects.toThrow(
        /lossy was given 3 records and tells of 2/,
      )
    })

    test('one sink that fails keeps the offset, and the window is repeated as it was', async () => {
      const group = randomUUID()
      const [good, bad] = [memorySink('good'), memorySink('bad', failOnce())]
      await subject.send([...numbered(7), { value: 'x', key: 'k1' }])
      await expect(run({ group, sinks: [good, bad] })).rejects.toThrow('the sink is away')
      expect(await storedSum(group)).toBe(0)
      // More has come since: it is for the next window.
      await subject.send(numbered(9, 7))
      const { window } = await run({ group, sinks: [good, bad] })
      expect(window).toMatchObject({ rowsRead: 8, rowsWritten: 7, rowsRejected: 1, repeated: true })
      const given = good.windows.map(({ start, end, sequence, records }) => [
        start,
        end,
        sequence,
        records.map(({ value }) => value).sort(),
      ])
      expect(given[1]).toEqual(given[0])
      await run({ group, sinks: [good, bad] })
      expect(sorted(good.rows)).toEqual(upTo(16))
      expect(sorted(bad.rows)).toEqual(upTo(16))
      expect(await deadLetters()).toHaveLength(1)
    })

    test('two sinks that fail are both told', async () => {
      await subject.send(numbered(1))
      const sinks = ['one', 'two'].map((name) => memorySink(name, failOnce()))
      await expect(run({ group: randomUUID(), sinks })).rejects.toThrow('the sinks one and two failed')
    })

    test('of a group that was set back begins anew, whatever was planned', async () => {
      const [group, sink] = [randomUUID(), memorySink()]
      await subject.send(numbered(25))
      for (let i = 0; i < 3; i += 1) await run({ group, sinks: [sink] })
      const consumer = await subject.log.consumer({ group, topics: [subject.topic] })
      await consumer.commit(upTo(3).map((partition) => ({ topic: subject.topic, partition, offset: 0 })))
      await consumer.close()
      const { window } = await run({ group, sinks: [sink] })
      expect(window).toMatchObject({ rowsRead: 10, repeated: false })
    })

    test('of a lost worker that lives on cannot move the offset', async () => {
      const group = randomUUID()
      await subject.send(numbered(5))
      const newer = memorySink('newer')
      const lost = memorySink('lost')
      const slow: WindowSink<number> = {
        name: 'slow',
        put: async (op, window) => {
          await run({ group, sinks: [newer] }, { log: await subject.client() })
          return lost.put(op, window)
        },
      }
      await expect(run({ group, sinks: [slow] })).rejects.toThrow(ProducerFencedError)
      expect(sorted(newer.rows)).toEqual(upTo(5))
      expect(newer.windows.map(({ end }) => end)).toEqual(lost.windows.map(({ end }) => end))
    })

    test('from the latest record skips what was there, and nothing that comes between two runs', async () => {
      const [group, sink] = [randomUUID(), memorySink()]
      await subject.send(numbered(5))
      await run({ group, sinks: [sink], from: 'latest' })
      await subject.send(numbered(3, 5))
      await run({ group, sinks: [sink], from: 'latest' })
      expect(sorted(sink.rows)).toEqual([5, 6, 7])
    })

    test.each([
      [{ until: { records: 0 } }, /until.records must be a whole number from 1, found 0/],
      [{ until: { seconds: -1 } }, /until.seconds must be 0 or more, found -1/],
      [{ until: { bytes: 0 } }, /until.bytes must be 1 or more, found 0/],
      [{ sinks: [] }, /sinks must name one sink or more/],
      [{ sinks: [keeperSink(), keeperSink()] }, /one sink can keep the positions, found keeper and keeper/],
      [{ idleSeconds: Number.NaN }, /idleSeconds must be 0 or more, found NaN/],
      [{ group: '' }, /group "" must have/],
    ])('is refused with options that cannot be used: %o', async (options, message) => {
      await expect(run({ group: 'g', sinks: [memorySink()], ...options })).rejects.toThrow(message)
    })
  })

  describe('a window whose positions a sink keeps', () => {
    test('is told to the log by the next try where one was killed between the two, also when nothing is new', async () => {
      const [group, sink] = [randomUUID(), keeperSink()]
      await subject.send(numbered(5))
      const options = { topic: subject.topic, parse, until: { seconds: 0 }, idleSeconds: 0, sinks: [sink] }
      const op = madeUpContext({ embeddedRoot: '/nowhere' })
      await consumeFrom(op, subject.log, { ...options, group: randomUUID() })
      // To this group the sink stands ahead of the log, as after such a kill.
      expect(await consumeFrom(op, subject.log, { ...options, group })).toMatchObject({ rowsRead: 0 })
      const stored = await subject.log.storedOffsets(group, subject.topic)
      expect(stored.map((offset) => offset ?? 0)).toEqual(sink.kept.positions.map(({ offset }) => offset))
    })

    test('starts where the sink stands, and the log is told', async () => {
      const [group, sink] = [randomUUID(), keeperSink()]
      await subject.send([...numbered(12), { value: 'x', key: 'k1' }])
      const until = { records: 10, seconds: subject.idleMs / 1_000 }
      const options = { topic: subject.topic, group, parse, until, idleSeconds: 0, sinks: [memorySink(), sink] }
      const op = madeUpContext({ embeddedRoot: '/nowhere' })
      await consumeFrom(op, subject.log, options)
      await consumeFrom(op, subject.log, options)
      expect(sorted(sink.rows)).toEqual(upTo(12))
      const stored = await subject.log.storedOffsets(group, subject.topic)
      expect(stored).toEqual(sink.kept.positions.map(({ offset }) => offset))
      expect(sortedNumbers(await subject.readAll()).filter(Number.isInteger)).toEqual(upTo(12))
    })

    test('buries a bad record once, although the sink failed after that', async () => {
      const [group, sink] = [randomUUID(), keeperSink(failOnce())]
      await subject.send([...numbered(3), { value: 'x', key: 'k1' }])
      const until = { records: 10, seconds: subject.idleMs / 1_000 }
      const options = { topic: subject.topic, group, parse, until, idleSeconds: 0, sinks: [sink] }
      const op = madeUpContext({ embeddedRoot: '/nowhere' })
      await expect(consumeFrom(op, subject.log, options)).rejects.toThrow('the sink is away')
      expect(await subject.readAll(deadLetterTopic(subject.topic))).toHaveLength(1)
      expect((await consumeFrom(op, subject.log, options)).repeated).toBe(true)
      expect(await subject.readAll(deadLetterTopic(subject.topic))).toHaveLength(1)
      expect(sorted(sink.rows)).toEqual([0, 1, 2])
    })
  })

  describe('an idle stream', () => {
    const idle = (more: Partial<MadeUp>, options: Partial<ConsumeWindow<number>> = {}) => {
      const op = madeUpContext({ embeddedRoot: '/nowhere', triedAt: new Date(0), ...more })
      const clock = { now: () => 100_000, sleep: () => Promise.resolve() }
      const given = { topic: subject.topic, group: randomUUID(), parse, sinks: [memorySink()], until: { seconds: 0 } }
      return { op, window: consumeFrom(op, subject.log, { ...given, clock, ...options }) }
    }

    test.each([
      [0, 1],
      [3, 8],
      [9, 60],
    ])('reschedules its task, rescheduled %i times, after %i s', async (rescheduleCount, after) => {
      await expect(idle({ rescheduleCount }).window).rejects.toMatchObject({ name: 'TaskRescheduled', after })
    })

    test('waits no longer than it may', async () => {
      await expect(idle({ rescheduleCount: 9 }, { idleSeconds: 105 }).window).rejects.toMatchObject({ after: 5 })
    })

    test('ends its run with an empty window when it has been waited for long enough', async () => {
      const { op, window } = idle({}, { idleSeconds: 100 })
      expect(await window).toMatchObject({ rowsRead: 0, rowsWritten: 0, lag: 0, freshness: null })
      expect(op.effects).toMatchObject([{ rowsRead: 0 }])
    })
  })
}
