// A worker takes queued attempts for its free slots.

import type { Slots, TurnResult, TurnRunner } from '../transaction/run-transaction.ts'

/** Takes queued attempts for free slots. */
export function claim(turns: TurnRunner, slots: Slots): Promise<TurnResult> {
  return turns.run({ runs: [], slots, isBatch: true, act: () => undefined })
}
