// The texts in which a secret may turn up: itself, each of its lines, and what JSON, URLs and base64 make of them.

/** `[logging] min_length_masked_secret`: shorter secrets would hide half of every text. */
export const MIN_LENGTH = 5
/** A line of a secret (a key in PEM) that is shorter is no secret by itself: a brace, an empty comment. */
const LEAST_LINE = 8
/** A piece of base64 that is shorter stands in too many other texts. */
const LEAST_BASE64 = 6
/** Where `base64` and PEM break their lines. */
const LINE_WIDTHS = [76, 64] as const

/** As JSON writers for ASCII have it (Python's by default): `\uXXXX` for all else. */
const asciiJson = (text: string): string =>
  JSON.stringify(text)
    .slice(1, -1)
    .replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

function jsonForms(text: string): string[] {
  const plain = JSON.stringify(text).slice(1, -1)
  // JSON inside JSON: the body of a request in a log line.
  return [plain, JSON.stringify(plain).slice(1, -1), asciiJson(text)]
}

function urlForms(text: string): string[] {
  // Half of a surrogate pair has no form in a URL.
  if (!text.isWellFormed()) return []
  const part = encodeURIComponent(text)
  const forms = [part, encodeURI(text), part.replaceAll('%20', '+')]
  return [...forms, ...forms.map((form) => form.replaceAll(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase()))]
}

function encode(bytes: Uint8Array): string {
  let units = ''
  for (const byte of bytes) units += String.fromCharCode(byte)
  return btoa(units)
}

/**
 * What base64 makes of a text wherever it stands in a longer one (`user:password`): there are three ways, by its offset
 * modulo 3; letters that also tell of its neighbours are left out.
 */
function base64Forms(text: string): string[] {
  const bytes = new TextEncoder().encode(text)
  const forms: string[] = []
  for (const offset of [0, 1, 2]) {
    const padded = new Uint8Array(offset + bytes.length)
    padded.set(bytes, offset)
    const whole = encode(padded).slice(offset === 0 ? 0 : offset + 1, Math.floor((padded.length * 8) / 6))
    forms.push(whole)
    if (offset === 0)
      for (const width of LINE_WIDTHS)
        for (let at = 0; whole.length > width && at < whole.length; at += width) forms.push(whole.slice(at, at + width))
  }
  const wanted = forms.filter((form) => form.length >= LEAST_BASE64)
  return [...wanted, ...wanted.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))]
}

/** Nothing for a text that is too short to be hidden, and for `airflow` (a password of too many examples). */
export function formsOf(secret: string): ReadonlySet<string> {
  const found = new Set<string>()
  const take = (text: string, least: number): void => {
    if (text.length < least || text.toLowerCase() === 'airflow') return
    for (const form of [text, ...jsonForms(text), ...urlForms(text), ...base64Forms(text)]) found.add(form)
  }
  take(secret, MIN_LENGTH)
  take(secret.trim(), MIN_LENGTH)
  const lines = secret.split(/\r\n|[\r\n]/)
  if (lines.length > 1)
    for (const line of lines) {
      take(line, LEAST_LINE)
      take(line.trim(), LEAST_LINE)
    }
  return found
}
