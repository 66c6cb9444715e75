// What the parts of the event log contract share: an adapter and a topic of its own for each test.

import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach } from 'vitest'
import type { Consumer, EventLog, LogMessage, NewRecord } from '../../../../operators/event-log/event-log.ts'

/** Each call gives another client of one and the same log. */
export type OpenEventLog = () => Promise<EventLog>

export const numbered = (count: number, from = 0): NewRecord[] =>
  Array.from({ length: count }, (_, i) => ({ key: `k${(from + i) % 7}`, value: String(from + i) }))

export const valuesOf = (messages: readonly LogMessage[]) => messages.map(({ value }) => String(value))
export const sortedNumbers = (messages: readonly LogMessage[]) =>
  valuesOf(messages)
    .map(Number)
    .sort((a, b) => a - b)
export const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

export interface LogSubject {
  readonly log: EventLog
  /** A topic of this test, with three partitions. */
  readonly topic: string
  /** After so long without a record all is taken to be read. */
  readonly idleMs: number
  /** Another client of the same log. */
  client(): Promise<EventLog>
  /** Polls until nothing more comes. */
  drain(consumer: Consumer, max?: number): Promise<LogMessage[]>
  /** Sends with a producer of its own. */
  send(records: readonly NewRecord[], to?: string): ReturnType<Awaited<ReturnType<EventLog['producer']>>['send']>
  /** All of a topic, read by a group of its own. */
  readAll(of?: string, by?: EventLog): Promise<LogMessage[]>
}

/** Call once inside the contract's `describe`. */
export function useEventLog(open: OpenEventLog, idleMs: number): LogSubject {
  async function drain(consumer: Consumer, max = 1_000): Promise<LogMessage[]> {
    const messages: LogMessage[] = []
    for (;;) {
      const batch = await consumer.poll({ max, waitMs: idleMs })
      if (batch.length === 0) return messages
      messages.push(...batch)
    }
  }

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
  return {
    get log() {
      return log
    },
    get topic() {
      return topic
    },
    idleMs,
    client,
    drain,
    send,
    readAll,
  }
}
