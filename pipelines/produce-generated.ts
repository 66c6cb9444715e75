// Generated records into a topic, each once however often the producer is killed; paced by the wall clock where that is wanted.

import { systemClock } from '../operators/clock.ts'
import { type EventLog, type NewRecord, openReplay } from '../operators/event-log/index.ts'
import { FailTask, type OperatorContext } from '../sdk/index.ts'

/** Numbers of the source a transaction. */
const BATCH = 5_000

export interface ProduceGenerated {
  readonly op: OperatorContext
  readonly log: EventLog
  readonly topic: string
  /** Names the plan: the same for every try of it, and another for another plan. */
  readonly id: string
  /** Of the source: `records` is asked for the numbers 0 to below it. */
  readonly count: number
  /** Numbers a second; 0 = as fast as the log takes them. */
  readonly pace: number
  /** The same for the same number. */
  readonly records: (n: number) => readonly NewRecord[]
}

/** Appends what the topic lacks of the plan. */
export async function produceGenerated({ op, log, topic, id, count, pace, records }: ProduceGenerated): Promise<void> {
  const work = await openReplay(log, { id, topic })
  const batch = pace > 0 ? Math.max(1, Math.min(BATCH, Math.floor(pace))) : BATCH
  const [begin, startedAt] = [work.position, performance.now()]
  try {
    while (work.position < count) {
      op.signal.throwIfAborted()
      const [from, to] = [work.position, Math.min(work.position + batch, count)]
      const sent = Array.from({ length: to - from }, (_, i) => records(from + i)).flat()
      await work.append([{ topic, records: sent }], to)
      const due = pace > 0 ? startedAt + ((to - begin) / pace) * 1_000 - performance.now() : 0
      if (due > 0) await systemClock.sleep(due, op.signal)
    }
  } finally {
    await work.close()
  }
}

/** @throws FailTask below `least` */
export function checkCount(name: string, value: number, least: number): number {
  if (Number.isFinite(value) && value >= least) return value
  throw new FailTask(`${name} must be ${least} or more, found ${value}`)
}
