// A throw-away server for tests: real Postgres, tuned to be fast rather than durable.

import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { startEmbeddedPostgres } from '../../services/postgres/index.ts'

/** Nothing survives a power cut, and nothing needs to. */
const FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' }

export interface LaunchedPostgres {
  url: string
  stop(): Promise<void>
}

/** A silent log for launchers. */
export const quiet = { info() {}, warn() {} }

/** A new folder for a home that Postgres' user can reach (mkdtemp's own are closed to all but root). */
export async function makeHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'baram-home-'))
  await chmod(home, 0o755)
  return home
}

export async function launchPostgres(): Promise<LaunchedPostgres> {
  const home = await makeHome()
  const server = await startEmbeddedPostgres({ home, log: quiet, settings: FAST })
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** Runs one statement on a connection of its own. */
export async function runSql(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  // A server killed by a test ends the connection too: the query is rejected, which is all a test needs to hear.
  client.on('error', () => {})
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql)
    return rows
  } finally {
    await client.end()
  }
}

/** Makes a database, empty or a copy of another of this server, and returns its URL. */
export async function makeDatabase(
  serverUrl: string,
  name = `test_${randomBytes(6).toString('hex')}`,
  template = 'template1',
): Promise<string> {
  await runSql(serverUrl, `create database "${name}" template "${template}"`)
  return serverUrl.replace('@/baram?', `@/${name}?`)
}
