// References from the source to the documents, in one form each, and whether they lead anywhere:
//
//   docs/dispatch.md · docs/dispatch.md#traps · docs/reliability.md rule 14 · docs/reliability.md rules 8 and 9
//   docs/reliability.md invariants I1 and I2 · docs/reliability.md fault K2

/** A document's text by its path; null when there is none. */
export type ReadDocument = (path: string) => string | null

const ID = /\b(?:[A-Z])?\d+[a-z]?\b/g
const LIST = String.raw`[A-Z]?\d+[a-z]?(?:(?:, | and )[A-Z]?\d+[a-z]?)*`
const REFERENCE = new RegExp(
  String.raw`(docs/[\w-]+\.md)(?:#([\w-]+)| (?:(?:rules?|invariants?|faults?) (${LIST})))?`,
  'g',
)
/** Documents that are not in the repository, and numbers that name no document. */
const FOREIGN =
  /\b(?:RELIABILITY|DISPATCH|CONTRACT|TS-SDK|DESIGN|SEEDS|PERFORMANCE|LIBRARIES|SERVICES|STYLE|WORDS|HABITS)(?:\.md\b| §| rule| [A-Z]\d)/g
const BARE = /(?<!docs\/reliability\.md )\b[Rr]ules? \d+\b/g

/** Prose as one line: a reference may be broken over two lines of a comment. */
const unbroken = (source: string): string => source.replaceAll(/\s*\n\s*(?:\/\/|\*(?!\/)|#)?\s*/g, ' ')

/** As GitHub makes the anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')

const anchorsOf = (text: string): ReadonlySet<string> =>
  new Set([...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading ?? '')))

/** Numbers of rules (`14. …`) and ids of table rows (`| K2 |`). */
const numbersOf = (text: string): ReadonlySet<string> =>
  new Set([...text.matchAll(/^(?:(\d+)\. |\| ([A-Z]\d+[a-z]?) \|)/gm)].map(([, rule, row]) => rule ?? row ?? ''))

function faultOf(path: string, anchor: string | undefined, ids: string | undefined, read: ReadDocument): string | null {
  const text = read(path)
  if (text === null) return `${path} does not exist`
  if (anchor !== undefined && !anchorsOf(text).has(anchor)) return `${path} has no heading #${anchor}`
  const missing = [...(ids ?? '').matchAll(ID)].map(([id]) => id).filter((id) => !numbersOf(text).has(id))
  return missing.length > 0 ? `${path} has no number ${missing.join(', ')}` : null
}

/** How many references a source has, and what is wrong with them. */
export function checkReferences(source: string, read: ReadDocument): { count: number; faults: string[] } {
  const prose = unbroken(source)
  const found = [...prose.matchAll(REFERENCE)]
  const faults = found.flatMap(([, path, anchor, ids]) => faultOf(path ?? '', anchor, ids, read) ?? [])
  const unnamed = [...prose.matchAll(FOREIGN), ...prose.matchAll(BARE)].map(
    ([text]) =>
      `"${text}" names no document of the repository; write docs/reliability.md rule 14 or docs/dispatch.md#traps`,
  )
  return { count: found.length, faults: [...faults, ...unnamed] }
}

/** Paths of the repository that a document names in backticks; patterns and places on a user's disk are none. */
export function pathsIn(text: string, folders: ReadonlySet<string>): string[] {
  const quoted = [...text.matchAll(/`([\w.-]+\/[\w./-]*)`/g)].map(([, path]) => path ?? '')
  return quoted.filter((path) => folders.has(path.split('/')[0] ?? '') && /(?:\/|\.\w+)$/.test(path))
}
