// Each command is found in the file that the table names, and nowhere else.

import { Command } from 'commander'
import { expect, it } from 'vitest'
import { commandFiles, filesFor } from '../../cli/command-files.ts'
import { makeProgram } from '../../cli/program.ts'
import { productVersion } from '../../runtime/paths.ts'

it.each(commandFiles.map((file) => [file.names.join(', '), file] as const))('%s', async (_, { names, load }) => {
  const program = new Command()
  ;(await load())(program)
  expect(program.commands.flatMap((command) => [command.name(), ...command.aliases()])).toEqual(names)
})

it.each([
  [['dags', 'list'], ['dags']],
  [['--debug', 'logs', 'hello', 'say'], ['tasks']],
  [['version'], []],
])('%j loads its own file alone', (args, names) => {
  expect(filesFor(args).map((file) => file.names[0])).toEqual(names)
})

it.each([[[]], [['--help']], [['help', 'dags']], [['dgas']]])('%j loads all', (args) => {
  expect(filesFor(args)).toBe(commandFiles)
})

it.each(['--version', '-V'])('%s prints the version of the product', async (flag) => {
  const said: string[] = []
  const program = (await makeProgram([flag])).configureOutput({ writeOut: (text) => said.push(text) })
  await expect(program.parseAsync([flag], { from: 'user' })).rejects.toThrow(productVersion)
  expect(said).toEqual([`${productVersion}\n`])
})
