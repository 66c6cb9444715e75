// How the log is searched: literally, without regard to case. The server and the marks in the browser agree by this file.

/**
 * Lower case, letter by letter: of the same length, so that an index in it is an index in the text ('İ' alone would become
 * two units), and the same wherever the letter stands (Greek has another small sigma at the end of a word).
 */
export function foldCase(text: string): string {
  const lower = text.toLowerCase().replaceAll('ς', 'σ')
  if (lower.length === text.length) return lower
  let folded = ''
  for (const letter of text) {
    const small = letter.toLowerCase()
    folded += small.length === letter.length ? small : letter
  }
  return folded.replaceAll('ς', 'σ')
}

/** Where `needle` (folded already) begins in the text, without overlaps. */
export function hitsIn(text: string, needle: string): number[] {
  if (needle === '') return []
  const folded = foldCase(text)
  const found: number[] = []
  for (let at = folded.indexOf(needle); at !== -1; at = folded.indexOf(needle, at + needle.length)) found.push(at)
  return found
}
