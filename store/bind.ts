// Statements with many values name them (`:dagId`) instead of counting to $16.

import { BaramError } from '../core/errors.ts'

interface Numbered {
  readonly text: string
  readonly names: readonly string[]
}

/** `:name`, but no cast (`::text`), no slice (`[1:2]`) and no time format (`HH24:MI`). */
const NAME = /(?<![:\w\]]):([a-z]\w*)/gi

const known = new Map<string, Numbered>()

function number(text: string): Numbered {
  const names: string[] = []
  const numbered = text.replace(NAME, (_, name: string) => {
    if (!names.includes(name)) names.push(name)
    return `$${names.indexOf(name) + 1}`
  })
  return { text: numbered, names }
}

/**
 * A statement with `:name`s as what `query` and `rowsOf` take: its text with `$1`… and the values in that order.
 * `text` is constant: it is read once.
 * @throws BaramError INVARIANT when a name has no value, or a value no name
 */
export function bind(text: string, values: Readonly<Record<string, unknown>>): [text: string, values: unknown[]] {
  let statement = known.get(text)
  if (statement === undefined) {
    statement = number(text)
    known.set(text, statement)
  }
  const { names } = statement
  const given = Object.keys(values)
  if (given.length !== names.length || !names.every((name) => Object.hasOwn(values, name))) throw unlike(names, given)
  return [statement.text, names.map((name) => values[name])]
}

function unlike(names: readonly string[], given: readonly string[]): BaramError {
  const missing = names.find((name) => !given.includes(name))
  const surplus = given.find((name) => !names.includes(name))
  return new BaramError(
    'INVARIANT',
    missing === undefined ? `the statement does not name :${surplus}` : `:${missing} has no value`,
  )
}
