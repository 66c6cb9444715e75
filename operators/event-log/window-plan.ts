// Bounds of a window: where it starts, and where an earlier try of it has decided that it ends.
//
// A plan is two groups' offsets, stored at once: `<group>.window-start` and `<group>.window-end`. It counts while the group stands at
// its start: once the offset has moved, or somebody has set it elsewhere, the plan is of the past.

import type { OperatorContext } from '../../sdk/index.ts'
import { startOf } from './embedded-consumer.ts'
import type { EventLog, PartitionOffsets, Position, TransactionalProducer } from './event-log.ts'
import { together } from './together.ts'

interface BeginWindow {
  readonly op: OperatorContext
  readonly log: EventLog
  readonly producer: TransactionalProducer
  readonly topic: string
  readonly group: string
  readonly from: 'earliest' | 'latest'
  /** Of a sink that keeps the positions: they count for more than the log's. */
  readonly kept: readonly Position[]
}

export interface WindowBounds {
  readonly start: readonly Position[]
  /** The log's own positions are not those of the start: a try was killed after its sink had moved them, and before the log's. */
  readonly isLate: boolean
  /** Where the window ends that an earlier try had begun; null when there is none. */
  readonly planned: readonly Position[] | null
}

const planGroups = (group: string) => ({ start: `${group}.window-start`, end: `${group}.window-end` })

/** Records that the log has dropped before they were read cannot be read by anybody: somebody must hear of it. */
function warnOfGap(
  op: OperatorContext,
  topic: string,
  stored: number | null,
  { partition, earliest }: PartitionOffsets,
): void {
  if (stored === null || stored >= earliest) return
  op.log.warn(
    { topic, partition, stored, earliest, lost: earliest - stored },
    'the log keeps these records no longer: raise the retention of the topic, or run the stream more often',
  )
}

type StoredOffsets = readonly (number | null)[]

/** @param from what the plan's group of starts has stored; `to` that of ends */
function plannedEnd(start: readonly Position[], from: StoredOffsets, to: StoredOffsets): readonly Position[] | null {
  // A partition that was added since has no plan: it is read in the next window.
  const isCurrent = start.every(({ partition, offset }) => (from[partition] ?? offset) === offset)
  const end = start.map((position) => ({ ...position, offset: to[position.partition] ?? position.offset }))
  const isAhead = end.some(({ offset }, i) => offset > (start[i]?.offset ?? 0))
  return isCurrent && isAhead ? end : null
}

/** Reads where the window starts, and whether it was begun before. */
export async function beginWindow(request: BeginWindow): Promise<WindowBounds> {
  const { op, log, producer, topic, group, from, kept } = request
  const groups = planGroups(group)
  // Nobody else moves these any more: the transactional id is open.
  const [offsets, stored, plannedFrom, plannedTo] = await Promise.all([
    log.offsets(topic),
    log.storedOffsets(group, topic),
    log.storedOffsets(groups.start, topic),
    log.storedOffsets(groups.end, topic),
  ])
  const start = offsets.map((found) => {
    const { partition } = found
    const known = kept.find((position) => position.partition === partition)?.offset ?? stored[partition] ?? null
    warnOfGap(op, topic, known, found)
    return { topic, partition, offset: startOf(found, known ?? undefined, from) }
  })
  const isNew = stored.every((offset) => offset === null) && kept.length === 0
  // "Latest" is decided once: what comes between two runs that found nothing must not be skipped.
  if (isNew && from === 'latest') await store(producer, [[group, start]])
  const isLate = kept.some(({ partition, offset }) => (stored[partition] ?? 0) < offset)
  return { start, isLate, planned: plannedEnd(start, plannedFrom, plannedTo) }
}

/** From here on every try of this window reads the same records. */
export function storePlan(
  producer: TransactionalProducer,
  group: string,
  start: readonly Position[],
  end: readonly Position[],
): Promise<void> {
  const groups = planGroups(group)
  return store(producer, [
    [groups.start, start],
    [groups.end, end],
  ])
}

async function store(
  producer: TransactionalProducer,
  groups: readonly (readonly [group: string, positions: readonly Position[]])[],
): Promise<void> {
  const transaction = await producer.begin()
  await together(groups.map(([group, positions]) => transaction.storeOffsets(group, positions)))
  await transaction.commit()
}
