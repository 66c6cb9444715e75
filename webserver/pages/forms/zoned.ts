// Wall-clock times of a zone, as date inputs hold them (`2026-01-05T09:00`), and the instants they mean.

const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known !== undefined) return known
  const two = '2-digit'
  const made = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    year: 'numeric',
    month: two,
    day: two,
    hour: two,
    minute: two,
    second: two,
    hourCycle: 'h23',
  })
  formats.set(zone, made)
  return made
}

/** `2026-01-05T09:00:00` in the zone. */
function wallClock(at: number, zone: string): string {
  const parts = new Map(
    formatOf(zone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  )
  const of = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? ''
  return `${of('year').padStart(4, '0')}-${of('month')}-${of('day')}T${of('hour')}:${of('minute')}:${of('second')}`
}

/** As a `datetime-local` input holds it: without seconds where there are none. */
export const localOf = (at: number, zone: string): string => wallClock(at, zone).replace(/:00$/, '')

const offsetMs = (at: number, zone: string): number =>
  Date.parse(`${wallClock(at, zone)}Z`) - Math.floor(at / 1000) * 1000

/** The instant of a wall-clock time; one that a change of clocks skips or doubles is taken with the offset before it. */
export function instantOf(local: string, zone: string): number | null {
  const guess = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$/.test(local) ? Date.parse(`${local}Z`) : Number.NaN
  if (Number.isNaN(guess)) return null
  const first = guess - offsetMs(guess, zone)
  return guess - offsetMs(Math.min(first, guess - offsetMs(first, zone)), zone)
}

/** `2026-01-05T09:00:00+09:00` */
export function zonedIso(at: number, zone: string): string {
  const minutes = Math.round(offsetMs(at, zone) / 60_000)
  if (minutes === 0) return `${wallClock(at, zone)}Z`
  const two = (value: number) => String(value).padStart(2, '0')
  const size = Math.abs(minutes)
  return `${wallClock(at, zone)}${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
}
