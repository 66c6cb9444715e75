#!/usr/bin/env node
// `dagctl`: reads the arguments, runs one command, ends with a documented exit code and one readable line.

import { Command, CommanderError } from 'commander'
import { productVersion } from '../runtime/paths.ts'
import { addBackfillCommands } from './commands/backfill.ts'
import { addCheckCommand } from './commands/check.ts'
import { addConnectionCommands } from './commands/connections.ts'
import { addDagCommands } from './commands/dags.ts'
import { addDbCommands } from './commands/db.ts'
import { addImportCrontabCommand } from './commands/import-crontab.ts'
import { addInitCommands } from './commands/init.ts'
import { addPlanCommand } from './commands/plan.ts'
import { addPoolCommands } from './commands/pools.ts'
import { addProcessCommands } from './commands/processes.ts'
import { addStandaloneCommand } from './commands/standalone.ts'
import { addTaskCommands } from './commands/tasks.ts'
import { addTestCommand } from './commands/test.ts'
import { addUserCommands } from './commands/users.ts'
import { addVariableCommands } from './commands/variables.ts'
import { addWhyCommand } from './commands/why.ts'
import { describeError, EXIT, exitCodeOf } from './exit.ts'
import { exitCode, print, setExitCode, surviveClosedOutput, tell } from './output.ts'

function makeProgram(): Command {
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
  addStandaloneCommand(program)
  addDbCommands(program)
  addProcessCommands(program)
  addDagCommands(program)
  addTaskCommands(program)
  addWhyCommand(program)
  addBackfillCommands(program)
  addPoolCommands(program)
  addCheckCommand(program)
  addPlanCommand(program)
  addInitCommands(program)
  addTestCommand(program)
  addVariableCommands(program)
  addConnectionCommands(program)
  addUserCommands(program)
  addImportCrontabCommand(program)
  return program
}

async function main(): Promise<void> {
  const program = makeProgram()
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
