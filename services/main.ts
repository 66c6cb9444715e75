// `npm run services -- up|down|status [names…]`: real servers on this machine, left running until `down`.

import { join } from 'node:path'
import Table from 'cli-table3'
import { Command, CommanderError } from 'commander'
import { ServiceError, type ServiceProblem } from './launcher/errors.ts'
import { launcherOf, readServerName, type ServerName, serverNames } from './launcher/registry.ts'
import { findServer, type Needs, type RunningServer, servicesFolder, startServer } from './launcher/server.ts'

const EXIT: Readonly<Record<ServiceProblem, number>> = { failed: 1, usage: 2, unavailable: 5 }

const print = (line: string): void => void process.stdout.write(`${line}\n`)

const folderOf = (name: ServerName) => join(servicesFolder, name)

const runningServer = async (name: ServerName): Promise<RunningServer | null> => {
  const server = await findServer(folderOf(name))
  return server?.isRunning() === true ? server : null
}

const namesOf = (given: readonly string[]): readonly ServerName[] =>
  given.length === 0 ? serverNames : given.map(readServerName)

/** Starts what it needs first, and leaves alone what runs. */
async function up(name: ServerName): Promise<RunningServer> {
  const needs: Partial<Record<ServerName, RunningServer>> = {}
  for (const other of (await launcherOf(name)).needs ?? []) needs[other] = await up(other)
  const running = await runningServer(name)
  if (running !== null) return running
  // A server that lost a member is stopped whole: half of one is of no use to anybody.
  await (await findServer(folderOf(name)))?.stop()
  const began = performance.now()
  const server = await startServer(name, { folder: folderOf(name), needs: needs satisfies Needs })
  print(`${name} is up after ${((performance.now() - began) / 1000).toFixed(1)} s`)
  for (const [what, address] of Object.entries(server.endpoints)) print(`  ${what}: ${address}`)
  return server
}

async function down(names: readonly ServerName[]): Promise<void> {
  // What needs others stops first.
  const order: ServerName[] = []
  for (const name of names) {
    if ((await launcherOf(name)).needs === undefined) order.push(name)
    else order.unshift(name)
  }
  for (const name of order) {
    const server = await findServer(folderOf(name))
    if (server === null || server.members.length === 0) continue
    await server.stop()
    print(`${name} is down`)
  }
}

async function status(names: readonly ServerName[]): Promise<void> {
  const table = new Table({ head: ['name', 'state', 'endpoints', 'memory'], style: { head: [], border: [] } })
  for (const name of names) {
    const server = await findServer(folderOf(name))
    const isStarted = server !== null && server.members.length > 0
    const state = isStarted ? (server.isRunning() ? 'up' : 'a member is missing') : 'down'
    const endpoints = isStarted ? Object.entries(server.endpoints).map(([what, address]) => `${what} ${address}`) : []
    table.push([name, state, endpoints.join('\n'), isStarted ? `${Math.round(server.memory() / 1e6)} MB` : ''])
  }
  print(table.toString())
}

function makeProgram(): Command {
  const program = new Command('services').description('real servers for tests, as plain processes').exitOverride()
  const names = `${serverNames.join(', ')} (default: all)`
  program
    .command('up')
    .argument('[names...]', names)
    .action(async (given: readonly string[]) => {
      for (const name of namesOf(given)) await up(name)
    })
  program
    .command('down')
    .argument('[names...]', names)
    .action((given: readonly string[]) => down(namesOf(given)))
  program
    .command('status')
    .argument('[names...]', names)
    .action((given: readonly string[]) => status(namesOf(given)))
  return program
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage
  process.stderr.write(`services: ${error instanceof Error ? error.message : String(error)}\n`)
  return error instanceof ServiceError ? EXIT[error.problem] : EXIT.failed
}

let code = 0
await makeProgram()
  .parseAsync()
  .catch((error: unknown) => {
    code = exitCodeOf(error)
  })
process.exit(code)
