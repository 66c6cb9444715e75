// The tries of an instance as pages show them.

import { clockSeconds, duration, moment } from '../../../../core/times.ts'
import { reasonText } from '../../../../engine/why/run.ts'
import type { EventRow, TryRow } from '../../../../store/postgres/read-task-instances.ts'
import { cellState, STATE_NAMES } from '../../../states/cells.ts'

export const triesLine = (ti: Pick<TryRow, 'try_number' | 'max_tries'>): string =>
  ti.try_number === 0 ? 'not tried yet' : `try ${ti.try_number} of ${ti.max_tries + 1}`

export function tryView(row: TryRow, zone: string, now: number, cause: string | null) {
  return {
    number: row.try_number,
    state: row.state,
    name: STATE_NAMES[cellState(row.state)],
    took:
      row.duration === null && row.start_date !== null && row.state === 'running'
        ? duration((now - row.start_date) / 1000)
        : duration(row.duration),
    start: row.start_date,
    end: row.end_date,
    clock: row.start_date === null ? '—' : clockSeconds(row.start_date, zone),
    moment: row.start_date === null ? '—' : moment(row.start_date, zone, now),
    host: row.hostname,
    pid: row.pid,
    cause,
  }
}

/** The cause of each try, from the ledger. */
export function causesByTry(events: readonly EventRow[]): ReadonlyMap<number, string> {
  const causes = new Map<number, string>()
  for (const event of events) {
    const text = event.to_state === 'running' ? null : reasonText(event.because)
    if (event.from_state === 'running' && event.try_number !== null && text !== null && !causes.has(event.try_number))
      causes.set(event.try_number, text)
  }
  return causes
}
