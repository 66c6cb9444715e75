// The tries of an instance as pages show them.

import { clockSeconds, duration, moment } from '../../../../core/times.ts'
import { reasonText } from '../../../../engine/why/run.ts'
import type { EventRow, TryRow } from '../../../../store/postgres/read-task-instances.ts'
import { cellState, STATE_NAMES } from '../../../states/cells.ts'

export const triesLine = (ti: Pick<TryRow, 'tryNumber' | 'maxTries'>): string =>
  ti.tryNumber === 0 ? 'not tried yet' : `try ${ti.tryNumber} of ${ti.maxTries + 1}`

export function tryView(row: TryRow, zone: string, now: number, cause: string | null) {
  return {
    number: row.tryNumber,
    state: row.state,
    name: STATE_NAMES[cellState(row.state)],
    took:
      row.duration === null && row.startDate !== null && row.state === 'running'
        ? duration((now - row.startDate) / 1000)
        : duration(row.duration),
    start: row.startDate,
    end: row.endDate,
    clock: row.startDate === null ? '—' : clockSeconds(row.startDate, zone),
    moment: row.startDate === null ? '—' : moment(row.startDate, zone, now),
    host: row.hostname,
    pid: row.pid,
    cause,
  }
}

/** The cause of each try, from the ledger. */
export function causesByTry(events: readonly EventRow[], zone: string): ReadonlyMap<number, string> {
  const causes = new Map<number, string>()
  for (const event of events) {
    const text = event.toState === 'running' ? null : reasonText(event.because, zone)
    if (event.fromState === 'running' && event.tryNumber !== null && text !== null && !causes.has(event.tryNumber))
      causes.set(event.tryNumber, text)
  }
  return causes
}
