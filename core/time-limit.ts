// `executionTimeout`: how much of it a try has left. It covers the whole try, deferral included (Airflow: "determined from the
// total runtime, not individual executions between deferrals"); a rescheduled try has all of it for each poke.

import type { Outcome } from './settle.ts'

/** How a stretch of a try begins. Instants are epoch ms. */
export interface Stretch {
  readonly triedAt: number
  /** Not null: it goes on after a deferral. */
  readonly resume: object | null
}

/** Milliseconds that a stretch which begins now may take; null = no limit. `limit`: seconds. */
export function limitLeftMs(limit: number | null, { triedAt, resume }: Stretch, now: number): number | null {
  if (limit === null) return null
  return resume === null ? limit * 1000 : Math.max(0, limit * 1000 - Math.max(0, now - triedAt))
}

/** A deferral that waits no longer than the try may last. */
export function boundDeferral<T extends Outcome>(result: T, leftMs: number | null): T {
  if (result.kind !== 'defer' || leftMs === null) return result
  return { ...result, timeoutMs: Math.min(result.timeoutMs ?? Number.POSITIVE_INFINITY, Math.max(0, leftMs)) }
}

/** The clocks of a worker and of the database may differ by so much, ms. */
const SLACK_MS = 1000

/** Whether what ended a deferral was the limit of its try, and not the wait's own time-out. */
export const isOverLimit = (limit: number | null, triedAt: number | null, now: number): limit is number =>
  limit !== null && triedAt !== null && now - triedAt >= limit * 1000 - SLACK_MS
