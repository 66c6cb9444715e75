// Are the last hours there? A missed hour is silent in the run that did not happen, so the next run looks back.
//
// It tells and fails nothing: the hour it runs for is whole, and a gap is filled by a backfill, not by a retry of this task.

import { openWarehouse } from '../../operators/warehouse/open.ts'
import { getOperatorContext, type OperatorContext } from '../../sdk/index.ts'
import { type HourSlot, hourSlotAt, hourSlotOf } from './slot.ts'
import { knownHours, rowsByHour } from './table.ts'

const HOUR = 3_600_000

export interface CheckHours {
  /** How many hours to look back, the run's own included. Default 24. */
  readonly hours?: number
  /** Default `hive_default`. */
  readonly warehouseConnId?: string
  /** Default `hdfs_default`. */
  readonly lakeConnId?: string
}

/** What was found (the task's XCom). Hours are named by their start, such as `2026-01-05T09:00:00+09:00`. */
export type CheckedHours = {
  readonly from: string
  readonly to: string
  readonly present: number
  readonly missing: readonly string[]
}

interface CheckedHour {
  readonly slot: HourSlot
  readonly rows: number
}

/** The hours to look at: the last ones up to the run's, but none before the first that the table ever had. */
function hoursToCheck(own: HourSlot, known: readonly number[], hours: number): readonly HourSlot[] {
  const first = Math.max(own.start - (hours - 1) * HOUR, Math.min(known[0] ?? own.start, own.start))
  return Array.from({ length: (own.start - first) / HOUR + 1 }, (_, i) => hourSlotAt(first + i * HOUR))
}

/** Missing hours that follow each other, as one range: its first and its last. */
function rangesOf(missing: readonly HourSlot[]): readonly (readonly [first: HourSlot, last: HourSlot])[] {
  const ranges: [HourSlot, HourSlot][] = []
  for (const slot of missing) {
    const range = ranges.at(-1)
    if (range !== undefined && slot.start - range[1].start === HOUR) range[1] = slot
    else ranges.push([slot, slot])
  }
  return ranges
}

function tellMissing(op: OperatorContext, missing: readonly HourSlot[]): void {
  for (const [first, last] of rangesOf(missing)) {
    const hours = (last.start - first.start) / HOUR + 1
    op.log.warn(
      { from: first.text, to: last.text, hours },
      `gmarket.best has no rows of ${hours === 1 ? 'an hour' : `${hours} hours`}; to fill ${hours === 1 ? 'it' : 'them'}: ` +
        `dagctl backfill create --dag-id ${op.dagId} --from-date ${first.text} --to-date ${last.text}`,
    )
  }
}

async function publishHours(op: OperatorContext, checked: readonly CheckedHour[], missing: number): Promise<void> {
  await op.publish('hours', {
    title: `The last ${checked.length} hours of gmarket.best: ${missing === 0 ? 'none is missing' : `${missing} missing`}`,
    columns: [
      { name: 'hour', type: 'instant' },
      { name: 'rows', type: 'number' },
      { name: 'state', type: 'text' },
    ],
    rows: checked.map(({ slot, rows }) => [slot.text, rows, rows === 0 ? 'missing' : 'there']),
    charts: [{ kind: 'bar', x: 'hour', y: ['rows'] }],
  })
}

/**
 * Looks at the last hours of the table up to the run's own, publishes the report `hours`, and warns of those without rows, with
 * the command that fills them. Safe to repeat. Call it inside a task, after the hour is in the table.
 */
export async function checkHours(options: CheckHours = {}): Promise<CheckedHours> {
  const op = getOperatorContext('checkHours')
  const { hours = 24, warehouseConnId = 'hive_default', lakeConnId = 'hdfs_default' } = options
  if (!Number.isInteger(hours) || hours < 1)
    throw new RangeError(`hours must be a whole number above 0, found ${hours}`)
  const own = hourSlotOf(op.run)
  const warehouse = await openWarehouse(op, warehouseConnId, lakeConnId)
  try {
    const slots = hoursToCheck(own, await knownHours(warehouse, op), hours)
    const counts = await rowsByHour(warehouse, op, [...new Set(slots.map(({ dt }) => dt))])
    const checked = slots.map((slot) => ({ slot, rows: counts.get(slot.start) ?? 0 }))
    const missing = checked.filter(({ rows }) => rows === 0).map(({ slot }) => slot)
    await publishHours(op, checked, missing.length)
    tellMissing(op, missing)
    const from = slots[0]?.text ?? own.text
    op.log.info({ from, to: own.text, hours: checked.length, missing: missing.length }, 'hours checked')
    return { from, to: own.text, present: checked.length - missing.length, missing: missing.map(({ text }) => text) }
  } finally {
    await warehouse.close()
  }
}
