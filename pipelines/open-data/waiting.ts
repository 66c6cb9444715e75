// When to ask again for hours that the service does not have yet. The real one serves a day once it is over, by about ten in the
// morning; the simulated one an hour a minute after it.

import { nextMidnight } from '../../operators/open-data-kr/day.ts'
import { HOUR } from './slot.ts'

const LIVE_STEP_MS = HOUR
const SIMULATED_STEP_MS = 30_000
/** The service's clock and ours may differ. */
const AFTER_MIDNIGHT_MS = 10 * 60_000
const DAY_MS = 24 * HOUR

export interface Waiting {
  /** Epoch ms of the last hour that is wanted. */
  readonly lastHour: number
  readonly now: number
  readonly isSimulated: boolean
  /** Days after the hour's own day. */
  readonly giveUpAfterDays: number
}

/** Seconds until the next look; null when the hours are so old that they will not come any more. */
export function secondsToNextLook({ lastHour, now, isSimulated, giveUpAfterDays }: Waiting): number | null {
  const dayIsOver = nextMidnight(lastHour)
  if (now >= dayIsOver + giveUpAfterDays * DAY_MS) return null
  if (isSimulated) return Math.ceil((Math.max(lastHour + 2 * SIMULATED_STEP_MS, now + SIMULATED_STEP_MS) - now) / 1_000)
  return Math.ceil((Math.max(dayIsOver + AFTER_MIDNIGHT_MS, now + LIVE_STEP_MS) - now) / 1_000)
}
