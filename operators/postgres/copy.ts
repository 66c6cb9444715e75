// Rows as the text format of COPY: one line a row, tabs between values, and nothing in a value that means something.

import { PostgresValueError, toParameter } from './values.ts'

/** Names of COPY's escapes; a backslash itself is one of them. */
const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}

function copyValue(value: unknown): string {
  const parameter = toParameter(value)
  if (parameter === null) return '\\N'
  const text = typeof parameter === 'string' ? parameter : `\\x${parameter.toString('hex')}`
  return text.replaceAll(/[\\\b\f\n\r\t\v]/g, (character) => ESCAPES[character] ?? character)
}

function copyLine(row: readonly unknown[], columns: readonly string[], number: number): string {
  if (row.length !== columns.length)
    throw new PostgresValueError(`row ${number} has ${row.length} values for ${columns.length} columns`)
  const values = row.map((value, i) => {
    try {
      return copyValue(value)
    } catch (cause) {
      if (!(cause instanceof PostgresValueError)) throw cause
      throw new PostgresValueError(`row ${number}, column ${columns[i]}: ${cause.message}`, { cause })
    }
  })
  return `${values.join('\t')}\n`
}

/** Longest text held before it is sent, whatever the batch. */
const MOST_CHARACTERS = 262_144

/** Lines in pieces of so many rows. Rows count from 1 in messages. */
export async function* copyText(
  rows: AsyncIterable<readonly unknown[]> | Iterable<readonly unknown[]>,
  columns: readonly string[],
  batch: number,
): AsyncGenerator<string> {
  let text = ''
  let number = 0
  let held = 0
  for await (const row of rows) {
    number += 1
    held += 1
    text += copyLine(row, columns, number)
    if (held < batch && text.length < MOST_CHARACTERS) continue
    yield text
    text = ''
    held = 0
  }
  if (text !== '') yield text
}
