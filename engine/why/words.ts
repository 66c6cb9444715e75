// Words that every explanation uses: a time in the DAG's zone, lists that end, who holds a slot.

import { clockSeconds, moment, zoneName } from '../../core/times.ts'
import type { Holder } from '../../store/postgres/why.ts'

/** One sentence, and a code for programs. */
export interface Why {
  readonly code: string
  readonly sentence: string
}

/** `10:15:02 KST`, with its day when that is another. */
export function at(instant: number, zone: string, now: number): string {
  const text = Math.abs(instant - now) < 43_200_000 ? clockSeconds(instant, zone) : moment(instant, zone, now)
  return `${text} ${zoneName(zone, instant)}`
}

/** `a, b and 3 more` */
export function listed(names: readonly string[], most = 3): string {
  const rest = names.length - most
  if (rest > 0) return `${names.slice(0, most).join(', ')} and ${rest} more`
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`
}

const holderName = ({ dagId, taskId, mapIndex, runId }: Holder): string =>
  `${dagId}.${taskId}${mapIndex < 0 ? '' : `[${mapIndex}]`} of run ${runId}`

/** `, held by min_candle.collect of run …`; nothing when nobody does. */
export const heldBy = (holders: readonly Holder[]): string =>
  holders.length === 0 ? '' : `, held by ${listed(holders.map(holderName))}`
