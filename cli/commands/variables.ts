// `dagctl variables …`, with Airflow's verbs and options.

import { readFileSync, writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { BaramError } from '../../core/errors.ts'
import { MASK } from '../../core/secret-names.ts'
import type { OnExisting, Variable } from '../../engine/vault.ts'
import { CLI_USER, readJsonObject, withContext, withOutput } from '../context.ts'
import { print, printRows, readFormat } from '../output.ts'

interface ListFlags {
  readonly output: string
  readonly showValues?: boolean
  readonly hideSensitive?: boolean
}

const shownValue = (variable: Variable, flags: ListFlags) =>
  flags.hideSensitive === true && variable.isSensitive ? MASK : variable.value

async function printList(flags: ListFlags): Promise<void> {
  const format = readFormat(flags.output)
  await withContext(async ({ vault }) => {
    const rows = (await vault.listVariables()).map((variable) => ({
      key: variable.key,
      ...(flags.showValues === true ? { value: shownValue(variable, flags) } : {}),
      description: variable.description,
    }))
    printRows(rows, format, flags.showValues === true ? ['key', 'value', 'description'] : ['key', 'description'])
  })
}

async function printOne(key: string, flags: { json?: boolean; default?: string }): Promise<void> {
  await withContext(async ({ vault }) => {
    const value = (await vault.getVariable(key)) ?? flags.default
    if (value === undefined) throw new BaramError('NOT_FOUND', `there is no variable ${key}`)
    print(flags.json === true ? JSON.stringify(JSON.parse(value), null, 2) : value)
  })
}

async function setOne(key: string, value: string, flags: { json?: boolean; description?: string }): Promise<void> {
  if (flags.json === true) JSON.parse(value)
  await withContext(async ({ vault }) => {
    await vault.setVariable(key, value, flags.description ?? null, CLI_USER)
    if (vault.isVariableOverridden(key)) print(`Variable ${key} set; the environment overrides it for this process`)
    else print(`Variable ${key} set`)
  })
}

async function deleteOne(key: string): Promise<void> {
  await withContext(async ({ vault }) => {
    if (!(await vault.deleteVariable(key, CLI_USER))) throw new BaramError('NOT_FOUND', `there is no variable ${key}`)
    print(`Variable ${key} deleted`)
  })
}

/** A value as text, or `{value, description}` as Airflow exports it. */
function readEntry(entry: unknown): { value: string; description: string | null } {
  if (typeof entry === 'string') return { value: entry, description: null }
  if (typeof entry === 'object' && entry !== null && 'value' in entry) {
    const { value } = entry
    const description = 'description' in entry && typeof entry.description === 'string' ? entry.description : null
    return { value: typeof value === 'string' ? value : JSON.stringify(value), description }
  }
  return { value: JSON.stringify(entry), description: null }
}

const EXISTING: readonly OnExisting[] = ['overwrite', 'fail', 'skip']

async function importFile(file: string, flags: { actionOnExistingKey: string }): Promise<void> {
  const existing = EXISTING.find((action) => action === flags.actionOnExistingKey)
  if (existing === undefined)
    throw new BaramError('INPUT_INVALID', `-a is one of ${EXISTING.join(', ')}; found ${flags.actionOnExistingKey}`)
  const entries = Object.entries(readJsonObject(readFileSync(file, 'utf8'), `the file ${file}`))
  await withContext(async ({ vault }) => {
    let done = 0
    for (const [key, entry] of entries) {
      const { value, description } = readEntry(entry)
      if (await vault.setVariable(key, value, description, CLI_USER, { existing })) done++
    }
    print(`${done} of ${entries.length} variables imported`)
  })
}

async function exportFile(file: string): Promise<void> {
  await withContext(async ({ vault }) => {
    const variables = await vault.listVariables()
    const text = JSON.stringify(
      Object.fromEntries(
        variables.map(({ key, value, description }) => [key, description === null ? value : { value, description }]),
      ),
      null,
      2,
    )
    if (file === '-') print(text)
    else {
      writeFileSync(file, `${text}\n`, { mode: 0o600 })
      print(`${variables.length} variables written to ${file}, secrets in plain text`)
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
    .argument('<file>')
    .option('-a, --action-on-existing-key <action>', 'overwrite, fail or skip', 'overwrite')
    .action(importFile)
  variables.command('export').argument('<file>', 'a file, or - for standard output').action(exportFile)
}
