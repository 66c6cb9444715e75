// What an attempt's result asks for, kept within what can be stored and waited for (docs/reliability.md rule 19).

import type { AttemptResult } from './protocol.ts'
import { cutText, isStorableInstant, MAX_DELAY_MS, MAX_DELAY_SECONDS, repairText, storableFault } from './storable.ts'

export interface BoundedResult {
  readonly result: AttemptResult
  /** What was asked for and is not kept, as a sentence for the log; null = all of it is. */
  readonly note: string | null
}

/** Airflow keeps 500 characters of a failure's message as its reason. */
const REASON_LENGTH = 500

/** What leaves the child: secrets in it are masked before it is cut to a reason. */
const MESSAGE_LENGTH = 65_536

/** The message of a failure as a child tells it. */
export const messageText = (text: string): string => cutText(repairText(text), MESSAGE_LENGTH)

/** A failure's or skip's own words as they are stored and shown; secrets are masked in them before. */
export const reasonText = (text: string): string => cutText(repairText(text), REASON_LENGTH)

const tooLong = (what: string, ms: number): string =>
  `${what} of ${ms / 1000} s is longer than ${MAX_DELAY_SECONDS} s (366 days) and was cut to that; delays are in seconds`

const failure = (message: string): BoundedResult => ({
  result: { kind: 'failure', message, isRetryable: true },
  note: message,
})

type Deferred = AttemptResult & { kind: 'defer' }

function boundWait(result: Deferred): BoundedResult {
  const { wait, timeoutMs } = result
  if (wait.kind === 'time' && !isStorableInstant(wait.at))
    return failure(`the task waits for a date outside the years 1 to 9999 (${wait.at} ms since 1970)`)
  if (wait.kind === 'trigger' && storableFault(wait.name) !== null)
    return failure(`the name of a trigger must be text ${storableFault(wait.name)}`)
  if (timeoutMs === null || timeoutMs <= MAX_DELAY_MS) return { result, note: null }
  return { result: { ...result, timeoutMs: MAX_DELAY_MS }, note: tooLong('the time limit of the wait', timeoutMs) }
}

/** Texts repaired, delays cut; a wait for what is no date fails the try. */
export function boundResult(result: AttemptResult): BoundedResult {
  switch (result.kind) {
    case 'failure': {
      const { retryAfterMs } = result
      const bounded = { ...result, message: reasonText(result.message) }
      if (retryAfterMs === undefined || retryAfterMs <= MAX_DELAY_MS) return { result: bounded, note: null }
      const note = tooLong('the delay until the next try', retryAfterMs)
      return { result: { ...bounded, retryAfterMs: MAX_DELAY_MS }, note }
    }
    case 'skip':
      return { result: { ...result, message: result.message === null ? null : reasonText(result.message) }, note: null }
    case 'reschedule':
      if (result.afterMs <= MAX_DELAY_MS) return { result, note: null }
      return {
        result: { ...result, afterMs: MAX_DELAY_MS },
        note: tooLong('the delay until the next look', result.afterMs),
      }
    case 'defer':
      return boundWait(result)
    case 'success':
      return { result, note: null }
  }
}
