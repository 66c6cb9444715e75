// Terminal colours in a log line: SGR sequences become classes, every other escape sequence is dropped. 256 and true colours
// take the nearest of the sixteen, which both themes can show with enough contrast.

export interface Span {
  readonly text: string
  /** Classes, or '' for plain text. */
  readonly cls: string
}

// CSI; OSC, DCS and their kin up to their end; two-byte escapes; an ESC that begins nothing.
const ESCAPE = /(?:\x1b\[|\x9b)([0-?]*)[ -/]*([@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]|\x1b/g

/** The text as people read it. */
export const plainText = (text: string): string => (/[\x1b\x9b]/.test(text) ? text.replace(ESCAPE, '') : text)

const PALETTE = [
  [0, 0, 0],
  [205, 0, 0],
  [0, 205, 0],
  [205, 205, 0],
  [0, 0, 238],
  [205, 0, 205],
  [0, 205, 205],
  [229, 229, 229],
  [127, 127, 127],
  [255, 0, 0],
  [0, 255, 0],
  [255, 255, 0],
  [92, 92, 255],
  [255, 0, 255],
  [0, 255, 255],
  [255, 255, 255],
] as const

function nearest(red: number, green: number, blue: number): number {
  let best = 0
  let least = Number.POSITIVE_INFINITY
  for (const [i, [r, g, b]] of PALETTE.entries()) {
    const distance = (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2
    if (distance < least) {
      least = distance
      best = i
    }
  }
  return best
}

/** Steps of xterm's colour cube. */
const CUBE = [0, 95, 135, 175, 215, 255] as const

function indexed(n: number): number | null {
  if (n < 16) return n
  if (n > 255) return null
  if (n >= 232) return nearest(8 + (n - 232) * 10, 8 + (n - 232) * 10, 8 + (n - 232) * 10)
  const step = (by: number) => CUBE[Math.floor((n - 16) / by) % 6] ?? 0
  return nearest(step(36), step(6), step(1))
}

interface Style {
  fg: number | null
  bg: number | null
  readonly flags: Set<string>
}

/** Flags by the code that sets them; the code that ends them. */
const SET: Readonly<Record<number, string>> = {
  1: 'bold',
  2: 'dim',
  3: 'italic',
  4: 'under',
  7: 'inverse',
  9: 'strike',
}
const UNSET: Readonly<Record<number, readonly string[]>> = {
  21: ['bold'],
  22: ['bold', 'dim'],
  23: ['italic'],
  24: ['under'],
  27: ['inverse'],
  29: ['strike'],
}

/** `38;5;n`, `38;2;r;g;b`: the colour, and how many codes it took. */
function extended(codes: readonly number[], at: number): { color: number | null; used: number } {
  if (codes[at + 1] === 5) return { color: indexed(codes[at + 2] ?? 0), used: 2 }
  if (codes[at + 1] === 2)
    return { color: nearest(codes[at + 2] ?? 0, codes[at + 3] ?? 0, codes[at + 4] ?? 0), used: 4 }
  return { color: null, used: 1 }
}

function apply(style: Style, parameters: string): void {
  const codes = parameters.split(/[;:]/).map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : 0))
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0
    if (code === 0) {
      style.fg = style.bg = null
      style.flags.clear()
    } else if (code === 38 || code === 48) {
      const { color, used } = extended(codes, i)
      if (code === 38) style.fg = color
      else style.bg = color
      i += used
    } else if (code >= 30 && code <= 37) style.fg = code - 30
    else if (code >= 90 && code <= 97) style.fg = code - 82
    else if (code >= 40 && code <= 47) style.bg = code - 40
    else if (code >= 100 && code <= 107) style.bg = code - 92
    else if (code === 39) style.fg = null
    else if (code === 49) style.bg = null
    else {
      const flag = SET[code]
      if (flag !== undefined) style.flags.add(flag)
      for (const ended of UNSET[code] ?? []) style.flags.delete(ended)
    }
  }
}

function classesOf({ fg, bg, flags }: Style): string {
  const isInverse = flags.has('inverse')
  const [front, back] = isInverse ? [bg, fg] : [fg, bg]
  const names: string[] = []
  if (front !== null) names.push(`af${front}`)
  if (back !== null) names.push(`ab${back}`)
  // Without colours of its own, inverse swaps those of the page.
  if (isInverse && back === null) names.push('a-inverse')
  for (const flag of flags) if (flag !== 'inverse') names.push(`a-${flag}`)
  return names.join(' ')
}

/** The text in pieces of one style each; their texts together are `plainText(text)`. Each line begins plain. */
export function ansiSpans(text: string): Span[] {
  if (!/[\x1b\x9b]/.test(text)) return text === '' ? [] : [{ text, cls: '' }]
  const spans: Span[] = []
  const style: Style = { fg: null, bg: null, flags: new Set() }
  let cls = ''
  const push = (piece: string) => {
    const last = spans.at(-1)
    if (piece === '') return
    if (last?.cls === cls) spans[spans.length - 1] = { text: last.text + piece, cls }
    else spans.push({ text: piece, cls })
  }
  let at = 0
  for (const match of text.matchAll(ESCAPE)) {
    push(text.slice(at, match.index))
    at = match.index + match[0].length
    // Private parameters (`?`, `>`) are no colours.
    if (match[2] === 'm' && /^[\d;:]*$/.test(match[1] ?? '')) {
      apply(style, match[1] ?? '')
      cls = classesOf(style)
    }
  }
  push(text.slice(at))
  return spans
}
