#!/usr/bin/env node
// `dagctl`: reads the arguments, runs one command, ends with a documented exit code and one readable line.

import { CommanderError } from 'commander'
import { describeError, EXIT, exitCodeOf } from './exit.ts'
import { exitCode, setExitCode, surviveClosedOutput, tell } from './output.ts'
import { makeProgram } from './program.ts'

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
