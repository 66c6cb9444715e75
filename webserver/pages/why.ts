// Why a task instance is as it is, in a sentence: what it waits for, since when, and until when if that is known.

import { describeReason, type Reason } from '../../core/reasons.ts'
import { maskByName } from '../../core/secret-names.ts'
import type { SerializedTask } from '../../core/serialized.ts'
import {
  type EventRow,
  findLive,
  type InstanceListRow,
  type LiveRow,
  type WaitRow,
} from '../../store/postgres/read-task-instances.ts'
import type { Web } from '../deps.ts'
import { clockSeconds, moment, relative, zoneName } from '../text/times.ts'

/** A stored reason as a sentence; one of another version as nothing. */
export function reasonText(because: unknown): string | null {
  if (typeof because !== 'object' || because === null || !('code' in because)) return null
  try {
    // Written by our own engine; a code this version does not know throws and is told as nothing.
    return describeReason(because as Reason)
  } catch {
    return null
  }
}

/** `10:15:02 KST`, with its day when that is another. */
function at(instant: number, zone: string, now: number): string {
  const text = Math.abs(instant - now) < 43_200_000 ? clockSeconds(instant, zone) : moment(instant, zone, now)
  return `${text} ${zoneName(zone, instant)}`
}

const ARGUMENT = 120
/** `url=https://…, attempt=3`; what is named like a secret reads `***`. */
function argumentsText(kwargs: unknown): string {
  const masked = maskByName(kwargs)
  if (typeof masked !== 'object' || masked === null) return ''
  return Object.entries(masked)
    .map(([name, value]) => {
      const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
      return `${name}=${text.length > ARGUMENT ? `${text.slice(0, ARGUMENT)}…` : text}`
    })
    .join(', ')
}

function timeOf(kwargs: unknown): number | null {
  const value = typeof kwargs === 'object' && kwargs !== null && 'at' in kwargs ? kwargs.at : null
  const instant = typeof value === 'string' ? Date.parse(value) : value
  return typeof instant === 'number' && Number.isFinite(instant) ? instant : null
}

function waitText(wait: WaitRow, live: LiveRow | null, zone: string, now: number): string {
  const since = `Waits without a slot since ${at(wait.created, zone, now)}`
  const due = live?.ready_at ?? null
  if (wait.kind === 'time') {
    const until = timeOf(wait.kwargs) ?? due
    return until === null ? `${since}.` : `${since}, until ${at(until, zone, now)} (${relative(until, now)}).`
  }
  const args = argumentsText(wait.kwargs)
  const what = `${since} for the trigger ${wait.classpath}${args === '' ? '' : ` with ${args}`}`
  const until = due === null ? '' : `, until ${at(due, zone, now)} at the latest (${relative(due, now)})`
  const holder = wait.triggerer_id === null ? ' No triggerer has taken it yet.' : ''
  return `${what}${until}.${holder}`
}

/** When a sensor that gave its slot back looks again, how often it has looked, and when it gives up. */
function rescheduleText(ti: InstanceListRow, task: SerializedTask | null, now: number): string {
  const zone = ti.timezone
  const next =
    ti.ready_at === null
      ? 'Looks again later'
      : `Looks again ${relative(ti.ready_at, now)}, at ${at(ti.ready_at, zone, now)}`
  const looks = ti.reschedule_count === 1 ? 'once' : `${ti.reschedule_count} times`
  const so =
    ti.start_date === null || ti.reschedule_count === 0
      ? ''
      : ` It has looked ${looks} since ${at(ti.start_date, zone, now)}`
  const seconds = task?.options['timeout']
  const end =
    typeof seconds === 'number' && ti.start_date !== null
      ? `${so === '' ? ' It' : ' and'} gives up at ${at(ti.start_date + seconds * 1000, zone, now)}`
      : ''
  return `${next}.${so}${end}${so + end === '' ? '' : '.'}`
}

/** What the instance does or waits for, now. */
export async function whyText(
  web: Web,
  ti: InstanceListRow,
  task: SerializedTask | null,
  events: readonly EventRow[],
  now: number,
): Promise<string | null> {
  switch (ti.state) {
    case 'up_for_retry':
      if (ti.ready_at === null) break
      return `Tries again ${relative(ti.ready_at, now)}, at ${at(ti.ready_at, ti.timezone, now)} (try ${ti.try_number + 1} of ${ti.max_tries + 1}).`
    case 'up_for_reschedule':
      return rescheduleText(ti, task, now)
    case 'deferred':
      if (ti.wait === null) break
      return waitText(ti.wait, await findLive(web.database, ti.dag_run_id, ti.id), ti.timezone, now)
    case 'scheduled':
    case 'queued': {
      const held = reasonText((await findLive(web.database, ti.dag_run_id, ti.id))?.because)
      if (held !== null) return held
      break
    }
    default:
  }
  return reasonText(events[0]?.because) ?? (ti.state === null ? 'Waits for its upstream tasks.' : null)
}
