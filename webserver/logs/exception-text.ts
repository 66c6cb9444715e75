// A line's exception as text: our own `exception` (a stack, its causes below it), or Airflow's `error_detail`, told alike.

import type { LogLine } from './log-file.ts'

/** As deep as causes and groups of a document from elsewhere are followed. */
const MOST_LEVELS = 10

type Value = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Value =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const list = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : [])
const text = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value)

/** Python tells the outermost frame first, JavaScript the innermost. */
const frames = (value: unknown): string[] =>
  list(value)
    .filter(isObject)
    .map((frame) => `    at ${text(frame['name'])} (${text(frame['filename'])}:${text(frame['lineno'])})`)
    .reverse()

function thrown(item: Value, level: number): string[] {
  const parts = level < MOST_LEVELS ? list(item['exceptions']) : []
  return [
    `${text(item['exc_type'])}: ${text(item['exc_value'])}`,
    ...list(item['exc_notes']).map(text),
    ...frames(item['frames']),
    ...parts.flatMap((part, i) => prefixed(`Error ${i + 1} of ${parts.length}: `, chain(list(part), level + 1))),
  ]
}

const prefixed = (prefix: string, [first = '', ...rest]: readonly string[]): string[] => [prefix + first, ...rest]

/** An exception, then what caused it. */
const chain = (items: readonly unknown[], level: number): string[] =>
  items
    .filter(isObject)
    .flatMap((item, i) => (i === 0 ? thrown(item, level) : prefixed('Caused by: ', thrown(item, level))))

export function exceptionText(line: LogLine): string | null {
  const { exception, error_detail: detail } = line
  if (typeof exception === 'string' && exception !== '') return exception
  const lines = chain(list(detail), 0)
  return lines.length === 0 ? null : lines.join('\n')
}
