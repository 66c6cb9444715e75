// Databases for tests: each file makes its own on the one server of the run.

import { inject } from 'vitest'
import { migrations } from '../../migrations/index.ts'
import { migrate } from '../../store/migrate.ts'
import { type LaunchedPostgres, launchPostgres, makeDatabase, runSql } from './launch-postgres.ts'

export interface TestPostgres {
  /** Of the server's own database: for tests that need no tables of their own. */
  url: string
  /** A fresh, empty database; returns its URL. */
  createDatabase(name?: string): Promise<string>
  /** A copy of a database made here that nobody is connected to; returns its URL. */
  copyDatabase(url: string): Promise<string>
  /** A fresh database with the tables of the product: migrated once, then copied; returns its URL. */
  createMigrated(): Promise<string>
  dropDatabase(url: string): Promise<void>
  /** Drops the databases made here, and stops the server if this worker had to start one. */
  stop(): Promise<void>
}

let shared: Promise<LaunchedPostgres> | null = null

function useServer(): Promise<LaunchedPostgres> {
  // Started once a run by global-postgres.ts; a project without that set-up gets one per worker.
  const url = inject('postgresUrl')
  shared ??= url === undefined ? launchPostgres() : Promise.resolve({ url, stop: async () => {} })
  return shared
}

function databaseOf(url: string): string {
  return /@\/([^?]+)/.exec(url)?.[1] ?? ''
}

export async function startTestPostgres(): Promise<TestPostgres> {
  const server = await useServer()
  const made = new Set<string>()
  const keep = (url: string) => {
    made.add(url)
    return url
  }
  const dropDatabase = async (url: string) => {
    made.delete(url)
    await runSql(server.url, `drop database if exists "${databaseOf(url)}" with (force)`)
  }
  let template: Promise<string> | null = null
  const makeTemplate = async () => {
    const url = keep(await makeDatabase(server.url))
    await migrate(url, migrations)
    return databaseOf(url)
  }
  return {
    url: server.url,
    async createMigrated() {
      template ??= makeTemplate()
      return keep(await makeDatabase(server.url, undefined, await template))
    },
    createDatabase: async (name) => keep(await makeDatabase(server.url, name)),
    copyDatabase: async (url) => keep(await makeDatabase(server.url, undefined, databaseOf(url))),
    dropDatabase,
    async stop() {
      for (const url of [...made]) await dropDatabase(url)
      await server.stop()
      shared = null
    },
  }
}
