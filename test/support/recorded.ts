// The only reader of recorded data. It lies outside the repository and is never copied into it; where it is absent, tests that
// need it are reported as skipped.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe } from 'vitest'

const root = process.env['BARAM_TEST_DATA'] ?? resolve(import.meta.dirname, '../../../shared/data')

/** Is the named set (`upbit`, …) here? */
function hasRecorded(set: string): boolean {
  return existsSync(join(root, set))
}

/** `describe` where the set is recorded, else a skipped one that says what is missing. */
export function describeRecorded(set: string, name: string, body: () => void): void {
  if (hasRecorded(set)) describe(name, body)
  else describe.skip(`${name} (skipped: no recorded data of ${set}; set BARAM_TEST_DATA)`, body)
}

/** Absolute path of a recorded file. */
export function recordedPath(set: string, name: string): string {
  return join(root, set, name)
}

/** Names in a set, sorted; of an absent set: none. */
export function recordedNames(set: string): readonly string[] {
  return hasRecorded(set) ? readdirSync(join(root, set)).sort() : []
}

export function recordedJson(set: string, name: string): unknown {
  return JSON.parse(readFileSync(recordedPath(set, name), 'utf8'))
}

/** Rows of a gzipped CSV without quoting, as objects of text; of an absent set: none. */
export function recordedCsv(set: string, name: string): readonly Readonly<Record<string, string>>[] {
  if (!hasRecorded(set)) return []
  const [head, ...lines] = gunzipSync(readFileSync(recordedPath(set, name)))
    .toString('utf8')
    .trimEnd()
    .split('\n')
  const names = (head ?? '').split(',')
  return lines.map((line) => {
    const values = line.split(',')
    return Object.fromEntries(names.map((name, i) => [name, values[i] ?? '']))
  })
}

/** As recordedCsv, with quoting and perhaps a byte-order mark. Values hold no line breaks. */
export function recordedQuotedCsv(set: string, name: string): readonly Readonly<Record<string, string>>[] {
  if (!hasRecorded(set)) return []
  const lines = readFileSync(recordedPath(set, name), 'utf8')
    .replace(/^\ufeff/, '')
    .trimEnd()
    .split(/\r?\n/)
  const cells = (line: string) =>
    [...`,${line}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
      quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'),
    )
  const names = cells(lines[0] ?? '')
  return lines.slice(1).map((line) => Object.fromEntries(cells(line).map((value, i) => [names[i] ?? String(i), value])))
}
