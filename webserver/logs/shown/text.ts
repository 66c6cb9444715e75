// A log line as people read it: its sentence, then its fields as `name=value`. Used by the server and, for lines that arrive
// while the page is open, by the browser.

const plain = (value: unknown): string =>
  typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : (JSON.stringify(value) ?? 'undefined')

export function logText(event: string, fields: unknown): string {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return event
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${plain(value)}`)
  return shown.length === 0 ? event : `${event}  ${shown.join(' ')}`
}
