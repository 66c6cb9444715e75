// What a run tells of its window: counts, offsets, and the stream's lag, rate and freshness.

import type { OperatorContext } from '../../sdk/index.ts'
import type { PartitionOffsets } from './event-log.ts'
import type { ReadWindow } from './window-read.ts'

/** One window (the task's XCom). */
export type ConsumedWindow = {
  readonly topic: string
  readonly group: string
  readonly rowsRead: number
  readonly rowsWritten: number
  readonly rowsRejected: number
  /** Of keys and values. */
  readonly bytes: number
  /** First and last offset by partition. */
  readonly offsets: { readonly [partition: string]: readonly [number, number] }
  /** Offsets that were still to read when the window was settled. */
  readonly lag: number
  /** From the beginning of the read until the offset had moved. */
  readonly seconds: number
  readonly rowsPerSecond: number
  /** Seconds between the newest record's timestamp and the end of the window; null for an empty one. */
  readonly freshness: number | null
  /** Whether an earlier try had begun this window. */
  readonly repeated: boolean
}

interface Settled<T> {
  readonly topic: string
  readonly group: string
  readonly read: ReadWindow<T>
  /** Of the topic, at the end of the window. */
  readonly offsets: readonly PartitionOffsets[]
  readonly rejected: number
  /** On the process's own clock. */
  readonly startedAt: number
  /** Epoch ms. */
  readonly now: number
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits))

export function resultOf<T>({ topic, group, read, offsets, rejected, startedAt, now }: Settled<T>): ConsumedWindow {
  const reached = new Map(read.end.map(({ partition, offset }) => [partition, offset]))
  const lag = offsets.reduce(
    (sum, { partition, earliest, end }) => sum + Math.max(0, end - (reached.get(partition) ?? earliest)),
    0,
  )
  const seconds = (performance.now() - startedAt) / 1_000
  return {
    topic,
    group,
    rowsRead: read.count,
    rowsWritten: read.count - rejected,
    rowsRejected: rejected,
    bytes: read.bytes,
    offsets: read.offsets,
    lag,
    seconds: rounded(seconds, 3),
    rowsPerSecond: rounded(read.count / Math.max(seconds, 0.001), 1),
    freshness: read.newest === null ? null : rounded(Math.max(0, now - read.newest) / 1_000, 3),
    repeated: read.isRepeated,
  }
}

/** The window as an effect, with how the stream stood when it was settled. */
export async function tellWindow(op: OperatorContext, window: ConsumedWindow): Promise<void> {
  const { topic, group, rowsRead, rowsWritten, rowsRejected, bytes, offsets, lag, seconds, rowsPerSecond, freshness } =
    window
  await op.record({
    kind: 'event_log',
    target: `${topic} (group ${group})`,
    rowsRead,
    rowsWritten,
    rowsRejected,
    bytes,
    offsets,
    stream: { lag, rowsPerSecond, freshness },
  })
  op.log.info({ topic, group, rowsRead, rowsRejected, lag, seconds, rowsPerSecond, freshness }, 'window settled')
}
