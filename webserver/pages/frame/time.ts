// A time as pages show it.

import { moment, relative, zoneName } from '../../../core/times.ts'
import { escapeHtml } from './markup.ts'

/** A time with its zone in the title and its instant for machines. */
export function timeMarkup(at: number, zone: string, now: number, isRelative = false, withZone = false): string {
  const name = zoneName(zone, at)
  const text = isRelative && Math.abs(at - now) < 86_400_000 ? relative(at, now) : moment(at, zone, now)
  const title = `${moment(at, zone, now)} ${name} · ${moment(at, 'UTC', now)} UTC`
  const shown = withZone && !isRelative ? `${text} ${name}` : text
  return `<time datetime="${new Date(at).toISOString()}" title="${escapeHtml(title)}">${escapeHtml(shown)}</time>`
}
