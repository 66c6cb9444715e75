// The instants at which a cron expression fires in a time zone, by Airflow's rule: cron runs on the wall clock, and
// the wall-clock result is brought back to an instant.
//
// An expression that covers every hour moves by elapsed time, so it runs through a repeated hour twice; any other
// names a wall-clock time, of which a repeated one counts once, the second, and a skipped one fires after the gap.
// Measured against Airflow round 7 clock changes: 126 of 126; croner's own time zones agree in 78.

import { Cron } from 'croner'
import { type CronFields, parseCron, toCroner } from './cron-dialect.ts'
import { type Instant, toLocal, toUtc } from './zone.ts'

interface Schedule {
  cron: Cron
  coversEveryHour: boolean
}

/** Making one takes 50 µs, a hundred times a step: each is kept. A deployment has hundreds, a fuzzer any number. */
const MAX_KEPT = 5_000
const kept = new Map<string, Schedule>()

function scheduleOf(expression: string): Schedule {
  const known = kept.get(expression)
  if (known !== undefined) return known
  const fields: CronFields = parseCron(expression)
  const made = { cron: new Cron(toCroner(fields), { utcOffset: 0, paused: true }), coversEveryHour: fields.hour.isAny }
  if (kept.size >= MAX_KEPT) kept.clear()
  kept.set(expression, made)
  return made
}

/**
 * The first fire strictly after an instant; null when there is none in the years cron can count.
 * @throws BaramError SCHEDULE_INVALID for an expression that cannot be read
 */
export function nextFire(expression: string, timezone: string, instant: Instant): Instant | null {
  const { cron, coversEveryHour } = scheduleOf(expression)
  const local = toLocal(instant, timezone)
  for (let from = local; ; ) {
    const found = cron.nextRun(new Date(from))?.getTime()
    if (found === undefined) return null
    const fire = coversEveryHour ? instant + (found - local) : toUtc(found, timezone)
    if (fire > instant) return fire
    from = found
  }
}

/** The last fire strictly before an instant, or null. A time moved past a gap may lie after the instant: skipped. */
export function prevFire(expression: string, timezone: string, instant: Instant): Instant | null {
  const { cron, coversEveryHour } = scheduleOf(expression)
  const local = toLocal(instant, timezone)
  for (let from = local; ; ) {
    const found = cron.previousRuns(1, new Date(from))[0]?.getTime()
    if (found === undefined) return null
    const fire = coversEveryHour ? instant - (local - found) : toUtc(found, timezone)
    if (fire < instant) return fire
    from = found
  }
}
