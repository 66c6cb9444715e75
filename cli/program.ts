// The commands of `dagctl` as one commander program.

import { Command } from 'commander'
import { productVersion } from '../runtime/paths.ts'
import { commandName, filesFor } from './command-files.ts'
import { print, tell } from './output.ts'
import { pathOf, reachOf } from './reach.ts'
import { setTarget, type TargetOptions } from './target.ts'
import { setRaw } from './visible.ts'

/** The program with the command that the arguments call; with all of them for help. */
export async function makeProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('dagctl')
  program
    .description('Baram: an Airflow-compatible DAG scheduler in TypeScript')
    .option('--debug', 'show the stack of an error')
    .option('--raw', 'print control characters of logs and values as they are')
    .option('--url <url>', 'of a server to speak to instead of this machine: docs/remote.md')
    .option('--token <token>', 'for that server; BARAM_TOKEN and dagctl login keep it out of the list of processes')
    .option('--profile <name>', 'a server that dagctl login has stored; local for this machine')
    .configureHelp({ showGlobalOptions: true, minWidthToWrap: 20 })
    .hook('preAction', (_, action) => setTarget(reachOf(pathOf(action), program.opts<TargetOptions>())))
    .showHelpAfterError('(run dagctl --help for the commands)')
    .exitOverride()
    // Its sentences name what was typed.
    .configureOutput({ writeErr: (text) => tell(text.trimEnd()) })
    .on('option:raw', () => setRaw(true))
  // Options of the program are read after a command too, where `--version` is the command's own (`dags source`).
  if (commandName(args) === undefined) program.version(productVersion, '-V, --version', 'print the version')
  program
    .command('version')
    .description('print the version')
    .action(() => print(productVersion))
  for (const { load } of filesFor(args)) (await load())(program)
  return program
}
