// A deterministic source into a topic, once: killed anywhere and started again, each of its records is in the log exactly once.
//
// Every batch is a transaction of two things: the records, and how far the source has been read with them (a number of the caller's,
// stored as the offset of a group of its own). A kill leaves both or neither. Opening the same id again fences whoever still runs,
// settles what it left, and only then reads the number: so the number always tells what is in the log. The source must give the same
// records in the same order each time; it goes on behind the position.

import type { Appended, EventLog, NewRecord } from './event-log.ts'

export interface Send {
  readonly topic: string
  readonly records: readonly NewRecord[]
}

export interface ReplayOptions {
  /**
   * Names the work, such as `stock_replay/2024-03-18`: the same for every try of it, and another for other work. Re-running the same
   * work appends nothing.
   */
  readonly id: string
  /** Where the position is stored with: a topic of the records. It is gone when the topic is. */
  readonly topic: string
}

/**
 * On Kafka the position is a stored offset: the broker forgets it a week (`offsets.retention.minutes`) after the last batch, as it
 * does the records by default. Where records are kept for longer, raise that too, or a re-run after a week appends them again.
 */
export interface Replay {
  /** How far the source is in the log; 0 at first. */
  readonly position: number
  /**
   * Appends records of any topics (bad ones to a dead-letter topic) and moves the position, at once or not at all. After an error the
   * replay is over: whether the batch is in, the next `openReplay` knows.
   * @param position more than the one before: how much of the source is in the log with these
   */
  append(sends: readonly Send[], position: number): Promise<readonly Appended[]>
  close(): Promise<void>
}

export async function openReplay(log: EventLog, { id, topic }: ReplayOptions): Promise<Replay> {
  const producer = await log.transactions(id)
  const group = `${id}.replay`
  const stored = await log.storedOffsets(group, topic)
  let position = stored[0] ?? 0
  return {
    get position() {
      return position
    },
    async append(sends, next) {
      if (!Number.isSafeInteger(next) || next <= position)
        throw new RangeError(`replay ${id}: the position must grow, from ${position}, found ${next}`)
      const transaction = await producer.begin()
      try {
        for (const send of sends) await transaction.send(send.topic, send.records)
        await transaction.storeOffsets(group, [{ topic, partition: 0, offset: next }])
      } catch (error) {
        await transaction.abort().catch(() => undefined)
        throw error
      }
      const appended = await transaction.commit()
      position = next
      return appended
    },
    close: () => producer.close(),
  }
}
