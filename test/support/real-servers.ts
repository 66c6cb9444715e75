// Real servers for tests: started by the first file that asks, shared by all of a run, stopped at its end.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { ServiceError } from '../../services/launcher/errors.ts'
import { launcherOf, type ServerName } from '../../services/launcher/registry.ts'
import { findServer, type RunningServer, servicesFolder, startServer } from '../../services/launcher/server.ts'

const runFolder = join(servicesFolder, 'test')

/** In CI, and where somebody asked for it, a missing server is a failure. Elsewhere its tests are skipped, loudly. */
const areRequired = (process.env['CI'] ?? '') !== '' || process.env['BARAM_SERVICES'] === 'required'

/** `small` by default, `full` with `npm run test:services -- --full`. */
export function sized<T>(sizes: { readonly small: T; readonly full: T }): T {
  return process.env['BARAM_SIZES'] === 'full' ? sizes.full : sizes.small
}

async function realServer(name: ServerName): Promise<RunningServer> {
  const folder = join(runFolder, name)
  const needs: Partial<Record<ServerName, RunningServer>> = {}
  for (const other of (await launcherOf(name)).needs ?? []) needs[other] = await realServer(other)
  const found = await findServer(folder)
  if (found?.isRunning() === true) return found
  await found?.stop()
  const began = performance.now()
  const server = await startServer(name, { folder, needs })
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  console.log(`${name} started in ${seconds} s, ${Math.round(server.memory() / 1e6)} MB`)
  return server
}

/**
 * Declares tests that run on these servers: `await onRealServers(['hdfs'], ({ hdfs }) => { test(…) })` at the top of a
 * test file.
 */
export async function onRealServers<N extends ServerName>(
  names: readonly N[],
  declare: (servers: Readonly<Record<N, RunningServer>>) => void,
): Promise<void> {
  const title = `on real ${names.join(', ')}`
  try {
    const servers: [N, RunningServer][] = []
    for (const name of names) servers.push([name, await realServer(name)])
    // Object.fromEntries forgets which keys it was given; they are exactly the names.
    const byName = Object.fromEntries(servers) as Record<N, RunningServer>
    describe(title, () => declare(byName))
  } catch (error) {
    if (areRequired || !(error instanceof ServiceError) || error.problem !== 'unavailable') throw error
    console.log(`\nNOT RUN: the tests ${title}: ${error.message}\n`)
    describe.skip(title, () => test(`not run: ${error.message.split('\n')[0]}`, () => {}))
  }
}

export async function stopRealServers(): Promise<void> {
  const folders = await readdir(runFolder).catch(() => [])
  const servers = await Promise.all(folders.map((name) => findServer(join(runFolder, name))))
  for (const server of servers) await server?.stop()
}
