// JSON as people read it.

/** Laid out for reading; text that is cut, or no JSON, stays as it is. */
export function prettyJson(text: string, isCut = false): string {
  if (isCut) return `${text}…`
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

/** `1 character`, `20,512 characters` */
export const charactersText = (n: number): string => `${n.toLocaleString('en')} ${n === 1 ? 'character' : 'characters'}`
