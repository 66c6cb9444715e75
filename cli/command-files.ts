// Which file holds which command. A call loads the file of its own command and nothing of the others: that is half of the
// time it takes to start, and half of what each process of a deployment loads.

import type { Command } from 'commander'

interface CommandFile {
  readonly names: readonly string[]
  load(): Promise<(program: Command) => void>
}

/** In the order of `dagctl --help`. */
export const commandFiles: readonly CommandFile[] = [
  { names: ['standalone'], load: async () => (await import('./commands/standalone.ts')).addStandaloneCommand },
  { names: ['db'], load: async () => (await import('./commands/db.ts')).addDbCommands },
  {
    names: ['scheduler', 'worker', 'webserver', 'api-server'],
    load: async () => (await import('./commands/processes.ts')).addProcessCommands,
  },
  { names: ['dags', 'trigger'], load: async () => (await import('./commands/dags.ts')).addDagCommands },
  { names: ['runs'], load: async () => (await import('./commands/runs.ts')).addRunCommands },
  { names: ['tasks', 'logs'], load: async () => (await import('./commands/tasks.ts')).addTaskCommands },
  { names: ['why'], load: async () => (await import('./commands/why.ts')).addWhyCommand },
  { names: ['backfill'], load: async () => (await import('./commands/backfill.ts')).addBackfillCommands },
  { names: ['pools'], load: async () => (await import('./commands/pools.ts')).addPoolCommands },
  { names: ['check'], load: async () => (await import('./commands/check.ts')).addCheckCommand },
  { names: ['plan'], load: async () => (await import('./commands/plan.ts')).addPlanCommand },
  { names: ['init', 'new'], load: async () => (await import('./commands/init.ts')).addInitCommands },
  { names: ['test'], load: async () => (await import('./commands/test.ts')).addTestCommand },
  { names: ['variables'], load: async () => (await import('./commands/variables.ts')).addVariableCommands },
  { names: ['connections'], load: async () => (await import('./commands/connections.ts')).addConnectionCommands },
  { names: ['doctor'], load: async () => (await import('./commands/doctor.ts')).addDoctorCommand },
  { names: ['tail'], load: async () => (await import('./commands/tail.ts')).addTailCommand },
  { names: ['users', 'info'], load: async () => (await import('./commands/users.ts')).addUserCommands },
  {
    names: ['import-crontab'],
    load: async () => (await import('./commands/import-crontab.ts')).addImportCrontabCommand,
  },
  { names: ['login', 'logout', 'profiles'], load: async () => (await import('./commands/login.ts')).addLoginCommands },
  {
    names: ['completion', 'complete'],
    load: async () => (await import('./commands/completion.ts')).addCompletionCommands,
  },
]

/** Options of the program that take a value. */
const WITH_VALUE = ['--url', '--token', '--profile']

/** The command that is called, if any. */
export const commandName = (args: readonly string[]): string | undefined =>
  args.find((arg, i) => !arg.startsWith('-') && !WITH_VALUE.includes(args[i - 1] ?? ''))

/** The file of the command that is called; all of them for help, for a name that is none (it may be nearly one), and for what tells of all. */
export function filesFor(args: readonly string[]): readonly CommandFile[] {
  const name = commandName(args)
  if (name === 'version') return []
  const own = commandFiles.find(({ names }) => name !== undefined && names.includes(name))
  return own === undefined || name === 'completion' ? commandFiles : [own]
}
