// The words of the pages. Sentences stand in English where they are used and are looked up in the catalogue of the
// reader's language; a sentence it lacks is shown in English. `{name}` takes a value, `{n#run#runs}` the form for a count.

export type Values = Readonly<Record<string, string | number>>

export type Catalogue = Readonly<Record<string, string>>

/** A piece of a sentence; values may be shown as code. */
export interface Part {
  readonly text: string
  readonly isCode: boolean
}

const PLACE = /\{(\w+)(?:#([^#}]*)#([^#}]*))?\}/g

export function sentence(
  catalogue: Catalogue,
  english: string,
  values: Values = {},
  code: readonly string[] = [],
): Part[] {
  const template = catalogue[english] ?? english
  const parts: Part[] = []
  let at = 0
  for (const match of template.matchAll(PLACE)) {
    const [whole, name = '', one, other] = match
    const value = values[name]
    parts.push({ text: template.slice(at, match.index), isCode: false })
    if (one !== undefined && other !== undefined) parts.push({ text: Number(value) === 1 ? one : other, isCode: false })
    else parts.push({ text: value === undefined ? whole : String(value), isCode: code.includes(name) })
    at = match.index + whole.length
  }
  parts.push({ text: template.slice(at), isCode: false })
  return parts.filter((part) => part.text !== '')
}

/** What the engine says after `dagctl:`, as a sentence of its own. */
export const asSentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`

export const plain = (parts: readonly Part[]): string => parts.map((part) => part.text).join('')

/** English needs no catalogue: the sentences are its own. Korean is the next file beside this one. */
export const english: Catalogue = {}

const NUMBERS = [
  'No',
  'One',
  'Two',
  'Three',
  'Four',
  'Five',
  'Six',
  'Seven',
  'Eight',
  'Nine',
  'Ten',
  'Eleven',
  'Twelve',
]
/** A count at the start of a sentence. */
export const countWord = (n: number): string => NUMBERS[n] ?? String(n)
