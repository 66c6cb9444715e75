// `dagctl users …` and `dagctl info`.

import { hostname } from 'node:os'
import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import { BaramError } from '../../core/errors.ts'
import { createAccount, listAccounts, makeSignInToken, ROLES, resetPassword } from '../../engine/admin/accounts.ts'
import { loadConfig } from '../../runtime/config.ts'
import { randomText } from '../../runtime/ids.ts'
import { productVersion } from '../../runtime/paths.ts'
import { listRunningJobs } from '../../store/postgres/jobs.ts'
import { CLI_ACTOR, withContext } from '../context.ts'
import { withOutput } from '../options.ts'
import { print, printRows, readFormat, when } from '../output.ts'

/** 22 letters of 56: 128 bits. */
export const newPassword = (): string => randomText(22)
const LINK_MS = 10 * 60_000

/** A password given by option, on standard input, or generated. */
async function readPassword(flags: {
  password?: string
  passwordStdin?: boolean
}): Promise<{ password: string; isMade: boolean }> {
  if (flags.password !== undefined) return { password: flags.password, isMade: false }
  if (flags.passwordStdin !== true) return { password: newPassword(), isMade: true }
  for await (const line of createInterface({ input: process.stdin })) return { password: line, isMade: false }
  throw new BaramError('INPUT_INVALID', 'there is no password on standard input')
}

interface CreateFlags {
  readonly username: string
  readonly role: string
  readonly password?: string
  readonly passwordStdin?: boolean
}

async function create(flags: CreateFlags): Promise<void> {
  const role = ROLES.find((known) => known === flags.role.toLowerCase())
  if (role === undefined)
    throw new BaramError('INPUT_INVALID', `a role is one of ${ROLES.join(', ')}; found ${flags.role}`)
  const { password, isMade } = await readPassword(flags)
  await withContext(async (context) => {
    await createAccount(context, { username: flags.username, password, role, mustChangePassword: isMade }, CLI_ACTOR)
    print(`User ${flags.username} created with role ${role}${isMade ? `; password ${password}` : ''}`)
  })
}

async function reset(flags: { username: string; password?: string; passwordStdin?: boolean }): Promise<void> {
  const { password, isMade } = await readPassword(flags)
  await withContext(async (context) => {
    await resetPassword(context, { username: flags.username, password, mustChangePassword: isMade }, CLI_ACTOR)
    print(`Password of ${flags.username} reset${isMade ? ` to ${password}` : ''}; its sessions and tokens have ended`)
  })
}

async function info(): Promise<void> {
  const config = loadConfig()
  print(`Baram ${productVersion}, Node ${process.versions.node} on ${hostname()} (${process.platform} ${process.arch})`)
  print(`home        ${config.home}`)
  print(`dags        ${config.dagsFolder}`)
  print(`logs        ${config.logFolder}`)
  print(`database    ${config.databaseUrl === null ? 'embedded Postgres' : 'configured by URL'}`)
  await withContext(async ({ database }) => {
    for (const job of await listRunningJobs(database))
      print(`${job.jobType.padEnd(18)} pid ${job.pid} on ${job.hostname}`)
  })
}

export function addUserCommands(program: Command): void {
  const users = program.command('users').description('who may sign in')
  users
    .command('create')
    .requiredOption('-u, --username <name>')
    .option('-r, --role <role>', ROLES.join(', '), 'viewer')
    .option('-p, --password <password>', 'generated and printed if omitted')
    .option('--password-stdin', 'read the password from standard input')
    .action(create)
  withOutput(users.command('list')).action(async (flags: { output: string }) => {
    const format = readFormat(flags.output)
    await withContext(async ({ database }) => {
      const rows = (await listAccounts(database)).map(({ username, role, isActive, createdAt }) => ({
        username,
        role,
        is_active: isActive,
        created_at: when(createdAt),
      }))
      printRows(rows, format, ['username', 'role', 'is_active', 'created_at'])
    })
  })
  users
    .command('reset-password')
    .requiredOption('-u, --username <name>')
    .option('-p, --password <password>', 'generated and printed if omitted')
    .option('--password-stdin', 'read the password from standard input')
    .action(reset)
  users
    .command('link')
    .description('a link that signs in once, within ten minutes')
    .option('-u, --username <name>', 'whom', 'admin')
    .action((flags: { username: string }) =>
      withContext(async ({ database, config }) =>
        print(
          `http://localhost:${config.port}/sign-in?token=${await makeSignInToken(database, flags.username, LINK_MS)}`,
        ),
      ),
    )
  program.command('info').description('versions, folders and running processes').action(info)
}
