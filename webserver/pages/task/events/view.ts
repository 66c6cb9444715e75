// The ledger of an instance as its page shows it.

import { clockSeconds, day } from '../../../../core/times.ts'
import { reasonText } from '../../../../engine/why/run.ts'
import type { EventRow } from '../../../../store/postgres/read-task-instances.ts'
import { cellState, STATE_NAMES } from '../../../states/cells.ts'

export const eventsView = (events: readonly EventRow[], zone: string) =>
  events.map((event) => ({
    at: event.at,
    clock: clockSeconds(event.at, zone),
    day: day(event.at, zone),
    from: event.fromState === null ? null : STATE_NAMES[cellState(event.fromState)],
    to: event.toState,
    toName: STATE_NAMES[cellState(event.toState)],
    try: event.tryNumber,
    who: event.who,
    why: reasonText(event.because, zone),
  }))
