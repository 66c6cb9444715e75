// Times as people read them: in a zone that is always named, relative within a day, exact beyond.

const ABBREVIATIONS: Readonly<Record<string, string>> = {
  UTC: 'UTC',
  'Etc/UTC': 'UTC',
  'Asia/Seoul': 'KST',
  'Asia/Tokyo': 'JST',
  'Asia/Kolkata': 'IST',
  'Asia/Singapore': 'SGT',
  'Asia/Hong_Kong': 'HKT',
}

const formats = new Map<string, Intl.DateTimeFormat>()

function format(zone: string, kind: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone}|${kind}`
  const known = formats.get(key)
  if (known !== undefined) return known
  let made: Intl.DateTimeFormat
  try {
    made = new Intl.DateTimeFormat('en-GB', { timeZone: zone, ...options })
  } catch {
    made = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', ...options })
  }
  formats.set(key, made)
  return made
}

export function zoneName(zone: string, at: number): string {
  const known = ABBREVIATIONS[zone]
  if (known !== undefined) return known
  const parts = format(zone, 'zone', { timeZoneName: 'short', hour: 'numeric' }).formatToParts(at)
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? zone
}

export const clock = (at: number, zone: string): string =>
  format(zone, 'clock', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(at)

export const clockSeconds = (at: number, zone: string): string =>
  format(zone, 'seconds', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }).format(at)

/** `Tue 2 Dec` */
export function day(at: number, zone: string): string {
  const parts = format(zone, 'day', { weekday: 'short', day: 'numeric', month: 'short' }).formatToParts(at)
  const of = (type: string) => parts.find((part) => part.type === type)?.value ?? ''
  return `${of('weekday')} ${of('day')} ${of('month')}`
}

const year = (at: number, zone: string): string => format(zone, 'year', { year: 'numeric' }).format(at)

/** The clock alone on the same day, with its day otherwise, with its year when that is another. */
export function moment(at: number, zone: string, now: number): string {
  if (day(at, zone) === day(now, zone) && Math.abs(at - now) < 2 * 86_400_000) return clock(at, zone)
  const withYear = year(at, zone) === year(now, zone) ? '' : ` ${year(at, zone)}`
  return `${day(at, zone)}${withYear}, ${clock(at, zone)}`
}

export function relative(at: number, now: number): string {
  const seconds = Math.round(Math.abs(at - now) / 1000)
  const text = span(seconds)
  if (seconds < 5) return 'now'
  return at > now ? `in ${text}` : `${text} ago`
}

function span(seconds: number): string {
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return minutes % 60 === 0 || hours > 5 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} d`
}

/** `0.4 s`, `52 s`, `1 m 04 s`, `2 h 46 m` */
export function duration(seconds: number | null): string {
  if (seconds === null) return '—'
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes} m ${String(whole % 60).padStart(2, '0')} s`
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} m`
}

/** `start → end KST (start → end UTC)`; the UTC part only where it differs. */
export function interval(start: number | null, end: number | null, zone: string, now: number): string | null {
  if (start === null || end === null) return null
  const ends = (z: string) =>
    day(start, z) === day(end, z)
      ? `${moment(start, z, now)} → ${clock(end, z)}`
      : `${moment(start, z, now)} → ${moment(end, z, now)}`
  const name = zoneName(zone, start)
  return name === 'UTC' ? `${ends('UTC')} UTC` : `${ends(zone)} ${name} (${ends('UTC')} UTC)`
}
