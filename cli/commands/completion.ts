// `dagctl completion bash|zsh|fish`, and what its scripts ask: `dagctl complete dags|profiles`.

import type { Command } from 'commander'
import { BaramError } from '../../core/errors.ts'
import { loadConfig } from '../../runtime/config.ts'
import { makeLogger } from '../../runtime/logger.ts'
import { modelsOf, SHELLS } from '../completion/model.ts'
import { completionScript } from '../completion/scripts.ts'
import { print } from '../output.ts'
import { LOCAL, readProfiles } from '../profiles.ts'
import { type Target, target } from '../target.ts'

/** Somebody waits with a finger on the key, ms. */
const ASK_MS = 3_000

function printScript(program: Command, text: string): void {
  const shell = SHELLS.find((known) => known === text)
  if (shell === undefined)
    throw new BaramError(
      'INPUT_INVALID',
      `the shell must be one of ${SHELLS.join(', ')}, found ${JSON.stringify(text)}`,
    )
  print(completionScript(shell, modelsOf(program)))
}

/** Of the deployment if its database runs: a key that is pressed starts none. */
async function localIds(): Promise<readonly string[]> {
  const { openRunning } = await import('../wire.ts')
  const { localDags } = await import('../deployment/local/dags.ts')
  const database = await openRunning(loadConfig(), makeLogger('dagctl', 'silent'))
  if (database === null) return []
  try {
    return await localDags({ database }).ids()
  } finally {
    await database.close()
  }
}

async function remoteIds({ url, token }: Target): Promise<readonly string[]> {
  const { RestClient } = await import('../deployment/remote/client.ts')
  const { dagsOf } = await import('../deployment/remote/dags.ts')
  return dagsOf(new RestClient({ url, token, timeLimitMs: ASK_MS })).ids()
}

const SOURCES: Readonly<Record<string, () => readonly string[] | Promise<readonly string[]>>> = {
  dags() {
    const server = target()
    return server === null ? localIds() : remoteIds(server)
  },
  profiles: () => [LOCAL, ...readProfiles().profiles.keys()],
}

async function printIds(what: string): Promise<void> {
  const source = Object.hasOwn(SOURCES, what) ? SOURCES[what] : undefined
  if (source === undefined)
    throw new BaramError(
      'INPUT_INVALID',
      `what is completed must be one of ${Object.keys(SOURCES).join(', ')}, found ${what}`,
    )
  // A shell splits at blanks, and a terminal obeys signs that are not seen: names with either are left out.
  const ids = (await source()).filter((id) => /^[^\s\p{C}]+$/u.test(id))
  if (ids.length > 0) print(ids.join('\n'))
}

export function addCompletionCommands(program: Command): void {
  program
    .command('completion')
    .description('a script that completes commands, options and DAG ids: source <(dagctl completion bash)')
    .argument('<shell>', SHELLS.join(', '))
    .action((shell: string) => printScript(program, shell))
  program.command('complete', { hidden: true }).argument('<kind>').description('what may be completed').action(printIds)
}
