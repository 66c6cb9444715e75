#!/usr/bin/env node
// `dagctl`: reads the arguments, runs one command, ends with a documented exit code and one readable line.

import { Command, CommanderError } from 'commander'
import { productVersion } from '../runtime/paths.ts'
import { filesFor } from './command-files.ts'
import { describeError, EXIT, exitCodeOf } from './exit.ts'
import { exitCode, print, setExitCode, surviveClosedOutput, tell } from './output.ts'

async function makeProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('dagctl')
  program
    .description('Baram: an Airflow-compatible DAG scheduler in TypeScript')
    .option('--debug', 'show the stack of an error')
    .showHelpAfterError('(run dagctl --help for the commands)')
    .exitOverride()
  program
    .command('version')
    .description('print the version')
    .action(() => print(productVersion))
  for (const { load } of filesFor(args)) (await load())(program)
  return program
}

async function main(): Promise<void> {
  const program = await makeProgram(process.argv.slice(2))
  try {
    await program.parseAsync()
  } catch (error) {
    if (error instanceof CommanderError) setExitCode(error.exitCode === 0 ? EXIT.ok : EXIT.usage)
    else {
      tell(describeError(error, program.opts<{ debug?: boolean }>().debug === true))
      setExitCode(exitCodeOf(error))
    }
  }
}

surviveClosedOutput()
await main()
// Handles that a failed command left open must not keep it alive.
process.exit(exitCode())
