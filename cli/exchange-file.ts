// The files that `connections` and `variables` are exported to and imported from: JSON, YAML or KEY=value lines, told by
// their ending, as Airflow does. What export writes, import reads back.

import { readFileSync, writeFileSync } from 'node:fs'
import { extname } from 'node:path'
import { BaramError, messageOf } from '../core/errors.ts'
import { parseExactJson } from '../core/exact-json.ts'
import { jsonText, QUOTED, yaml } from './output.ts'
import { escapeUnseen, hasUnseen } from './visible.ts'

export type FileFormat = 'json' | 'yaml' | 'env'

const FORMATS: ReadonlyMap<string, FileFormat> = new Map([
  ['json', 'json'],
  ['yaml', 'yaml'],
  ['yml', 'yaml'],
  ['env', 'env'],
])
/** Airflow's name of standard output. */
export const STANDARD_OUTPUT = '-'

/**
 * What the ending says, unless `--file-format` does.
 * @throws BaramError INPUT_INVALID for another ending or format, naming the three
 */
export function fileFormat(file: string, given: string | undefined): FileFormat {
  // `.env` itself is a name without an ending to `extname`.
  const ending = extname(`x${file.slice(file.lastIndexOf('/') + 1)}`).slice(1)
  if (given === undefined && file === STANDARD_OUTPUT) return 'json'
  const format = FORMATS.get((given ?? ending).toLowerCase())
  if (format !== undefined) return format
  throw new BaramError(
    'INPUT_INVALID',
    given === undefined
      ? `the file must end in .json, .yaml (or .yml) or .env, found ${JSON.stringify(file)}; or give --file-format`
      : `--file-format must be json, yaml or env, found ${JSON.stringify(given)}`,
  )
}

/** One thing by its key; in an .env file all values are text. */
export type Entry<Value = unknown> = readonly [key: string, value: Value]

/** Reads back as itself, and is one line that says what it means. */
const isPlain = (value: string): boolean =>
  value.trim() === value && !value.startsWith('"') && !/[\n\t]/.test(value) && !hasUnseen(value)

function envLine([key, value]: Entry<string>): string {
  if (key.includes('=') || key.startsWith('#') || !isPlain(key) || key === '')
    throw new BaramError(
      'INPUT_INVALID',
      `the key ${JSON.stringify(key)} cannot stand in an .env file, whose lines are KEY=value; export to .json or .yaml`,
    )
  // Airflow's lines have no quotes; a value that needs them (line breaks, blanks at an end) is a JSON string.
  return `${key}=${isPlain(value) ? value : escapeUnseen(JSON.stringify(value))}`
}

/** @throws BaramError INPUT_INVALID when a key cannot be told from its value */
export const formatEnv = (entries: readonly Entry<string>[]): string => entries.map(envLine).join('\n')

/** JSON or YAML; keys keep their order. */
export function formatObject(entries: readonly Entry[], format: 'json' | 'yaml'): string {
  const all = Object.fromEntries(entries)
  return format === 'json' ? jsonText(all) : escapeUnseen(yaml().stringify(all, QUOTED)).trimEnd()
}

function unquote(value: string): string {
  if (!/^".*"$/s.test(value)) return value
  try {
    return String(JSON.parse(value))
  } catch {
    return value // Airflow's: quotes are part of the value.
  }
}

function parseEnv(text: string, file: string): Entry<string>[] {
  return text.split('\n').flatMap((raw, i): Entry<string>[] => {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) return []
    const at = line.indexOf('=')
    // The line may hold a secret: it is not told.
    if (at <= 0)
      throw new BaramError('INPUT_INVALID', `${file}:${i + 1} must be KEY=value, as every line of an .env file`)
    return [[line.slice(0, at).trimEnd(), unquote(line.slice(at + 1).trimStart())]]
  })
}

/** Integers beyond 2^53 as text, as `parseExactJson` has them. */
const exactYaml = (text: string): unknown =>
  yaml().parse(
    text,
    (_, value: unknown) => {
      if (typeof value !== 'bigint') return value
      const number = Number(value)
      return Number.isSafeInteger(number) ? number : String(value)
    },
    { intAsBigInt: true },
  )

/** @throws BaramError INPUT_INVALID with the file and what it must be */
export function parseEntries(text: string, format: FileFormat, file: string): readonly Entry[] {
  if (format === 'env') return parseEnv(text, file)
  const what = `${file} must be ${format === 'json' ? 'a JSON object' : 'a YAML mapping'} of values by key`
  let all: unknown
  try {
    all = format === 'json' ? parseExactJson(text) : exactYaml(text)
  } catch (cause) {
    throw new BaramError('INPUT_INVALID', `${what}: ${messageOf(cause)}`, { cause })
  }
  if (typeof all !== 'object' || all === null || Array.isArray(all))
    throw new BaramError(
      'INPUT_INVALID',
      `${what}, found ${all === null ? 'nothing' : Array.isArray(all) ? 'a list' : typeof all}`,
    )
  return Object.entries(all)
}

/** @throws BaramError NOT_FOUND */
export function readTextFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new BaramError('NOT_FOUND', `the file ${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
}

/** Readable by its owner alone: secrets stand in it in plain text. @throws BaramError INPUT_INVALID */
export function writeSecretFile(file: string, text: string): void {
  try {
    writeFileSync(file, `${text}\n`, { mode: 0o600 })
  } catch (cause) {
    throw new BaramError('INPUT_INVALID', `the file ${file} cannot be written: ${messageOf(cause)}`, { cause })
  }
}
