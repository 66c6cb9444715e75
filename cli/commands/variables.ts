// `dagctl variables …`, with Airflow's verbs and options.

import type { Command } from 'commander'
import { BaramError, notFound } from '../../core/errors.ts'
import { parseExactJson } from '../../core/exact-json.ts'
import { MASK } from '../../core/masker.ts'
import type { OnExisting } from '../../engine/admin/setting.ts'
import type { Variable } from '../../engine/admin/vault.ts'
import { withContext } from '../context.ts'
import { count } from '../count.ts'
import type { VariableView } from '../deployment/deployment.ts'
import { withDeployment } from '../deployment/open.ts'
import {
  type Entry,
  type FileFormat,
  fileFormat,
  formatEnv,
  formatObject,
  parseEntries,
  readTextFile,
  STANDARD_OUTPUT,
  writeSecretFile,
} from '../exchange-file.ts'
import { withOutput } from '../options.ts'
import { jsonText, print, printRows, readFormat, tell } from '../output.ts'

interface ListFlags {
  readonly output: string
  readonly showValues?: boolean
  readonly hideSensitive?: boolean
}

const shownValue = (variable: VariableView, flags: ListFlags) =>
  flags.hideSensitive === true && variable.isSensitive ? MASK : variable.value

async function printList(flags: ListFlags): Promise<void> {
  const format = readFormat(flags.output)
  await withDeployment(async ({ variables }) => {
    const rows = (await variables.list()).map((variable) => ({
      key: variable.key,
      ...(flags.showValues === true ? { value: shownValue(variable, flags) } : {}),
      description: variable.description,
    }))
    printRows(rows, format, flags.showValues === true ? ['key', 'value', 'description'] : ['key', 'description'])
  })
}

/** @throws BaramError INPUT_INVALID; the text itself may be a secret and is not told */
function readJson(text: string, what: string): unknown {
  try {
    return parseExactJson(text)
  } catch (cause) {
    throw new BaramError('INPUT_INVALID', `${what} must be JSON, which it is not`, { cause })
  }
}

async function printOne(key: string, flags: { json?: boolean; default?: string }): Promise<void> {
  await withDeployment(async ({ variables }) => {
    const value = (await variables.value(key)) ?? flags.default
    if (value === undefined) throw notFound('variable', key)
    print(flags.json === true ? jsonText(readJson(value, `variable ${key}`)) : value)
  })
}

async function setOne(key: string, value: string, flags: { json?: boolean; description?: string }): Promise<void> {
  if (flags.json === true) readJson(value, 'the value')
  await withDeployment(async ({ variables }) => {
    await variables.set({ key, value, description: flags.description ?? null })
    if (variables.isOverridden(key)) print(`Variable ${key} set; the environment overrides it for this process`)
    else print(`Variable ${key} set`)
  })
}

async function deleteOne(key: string): Promise<void> {
  await withDeployment(async ({ variables }) => {
    await variables.remove(key)
    print(`Variable ${key} deleted`)
  })
}

type Imported = Pick<Variable, 'key' | 'value' | 'description'>

/** A value as text, or `{value, description}` as Airflow exports it. */
function readEntry(entry: unknown): Pick<Variable, 'value' | 'description'> {
  if (typeof entry === 'string') return { value: entry, description: null }
  if (typeof entry === 'object' && entry !== null && 'value' in entry) {
    const { value } = entry
    const description = 'description' in entry && typeof entry.description === 'string' ? entry.description : null
    return { value: typeof value === 'string' ? value : JSON.stringify(value), description }
  }
  return { value: JSON.stringify(entry), description: null }
}

const EXISTING: readonly OnExisting[] = ['overwrite', 'fail', 'skip']

export const importText = (text: string, format: FileFormat, file: string): readonly Imported[] =>
  parseEntries(text, format, file).map(([key, entry]) => ({ key, ...readEntry(entry) }))

async function importFile(file: string, flags: { actionOnExistingKey: string; fileFormat?: string }): Promise<void> {
  const existing = EXISTING.find((action) => action === flags.actionOnExistingKey)
  if (existing === undefined)
    throw new BaramError('INPUT_INVALID', `-a is one of ${EXISTING.join(', ')}; found ${flags.actionOnExistingKey}`)
  const imported = importText(readTextFile(file), fileFormat(file, flags.fileFormat), file)
  await withDeployment(async ({ variables }) => {
    let done = 0
    for (const { key, value, description } of imported)
      if (await variables.set({ key, value, description, existing })) done++
    print(`${done} of ${count(imported.length, 'variable')} imported`)
  })
}

/** Without descriptions in an .env file, which has no place for them. */
export function exportText(variables: readonly Imported[], format: FileFormat): string {
  if (format === 'env') return formatEnv(variables.map(({ key, value }): Entry<string> => [key, value]))
  return formatObject(
    variables.map(({ key, value, description }) => [key, description === null ? value : { value, description }]),
    format,
  )
}

async function exportFile(file: string, flags: { fileFormat?: string }): Promise<void> {
  const format = fileFormat(file, flags.fileFormat)
  await withContext(async ({ vault }) => {
    const variables = await vault.listVariables()
    const text = exportText(variables, format)
    if (format === 'env' && variables.some(({ description }) => description !== null))
      tell('An .env file has no place for descriptions; .json and .yaml have.')
    if (file === STANDARD_OUTPUT) print(text)
    else {
      writeSecretFile(file, text)
      print(`${count(variables.length, 'variable')} written to ${file}, secrets in plain text`)
    }
  })
}

export function addVariableCommands(program: Command): void {
  const variables = program.command('variables').description('variables that tasks read')
  withOutput(variables.command('list').description('keys'))
    .option('--show-values', 'values as well')
    .option('--hide-sensitive', 'secret ones as ***')
    .action(printList)
  variables
    .command('get')
    .argument('<key>')
    .option('-j, --json', 'parse the value')
    .option('-d, --default <value>', 'when there is none')
    .action(printOne)
  variables
    .command('set')
    .argument('<key>')
    .argument('<value>')
    .option('-j, --json', 'the value must be JSON')
    .option('--description <text>')
    .action(setOne)
  variables.command('delete').argument('<key>').action(deleteOne)
  variables
    .command('import')
    .argument('<file>', 'ends in .json, .yaml, .yml or .env')
    .option('-a, --action-on-existing-key <action>', 'overwrite, fail or skip', 'overwrite')
    .option('--file-format <format>', 'json, yaml or env; default: what the ending says')
    .action(importFile)
  variables
    .command('export')
    .argument('<file>', 'ends in .json, .yaml, .yml or .env; - for standard output')
    .option('--file-format <format>', 'json, yaml or env; default: what the ending says, json for -')
    .action(exportFile)
}
