// A time as pages show it.

import { moment, relative, zoneName } from '../../../core/times.ts'
import { element, type Html, text } from './element.ts'

/** A time with its zone in the title and its instant for machines. */
export function timeMarkup(at: number, zone: string, now: number, isRelative = false, withZone = false): Html {
  const name = zoneName(zone, at)
  const words = isRelative && Math.abs(at - now) < 86_400_000 ? relative(at, now) : moment(at, zone, now)
  const title = `${moment(at, zone, now)} ${name} · ${moment(at, 'UTC', now)} UTC`
  const shown = withZone && !isRelative ? `${words} ${name}` : words
  return element('time', { datetime: new Date(at).toISOString(), title }, text(shown))
}
