// A webserver on a database of its own, with one account a role: what the tests of the API and the pages share.

import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAccount, type Role } from '../../engine/admin/accounts.ts'
import { Vault } from '../../engine/admin/vault.ts'
import { RunCache } from '../../engine/transaction/run-cache.ts'
import { type Config, loadConfig } from '../../runtime/config.ts'
import { makeLogger } from '../../runtime/logger.ts'
import { secretBox } from '../../runtime/secrets.ts'
import { type Database, openDatabase } from '../../store/database.ts'
import { startWebserver, type Webserver, type WebserverDeps } from '../../webserver/server.ts'
import { startTestPostgres } from '../support/postgres.ts'

export const PASSWORD = 'a password for tests only'

/** Who makes what a test finds. */
export const ROOT = { name: 'root', via: 'cli' } as const

export interface TestWeb {
  readonly url: string
  readonly databaseUrl: string
  readonly database: Database
  readonly runCache: RunCache
  readonly vault: Vault
  readonly config: Config
  readonly server: Webserver
  readonly logFolder: string
  /** What the server's own log said. */
  readonly logged: string[]
  token(role: Role): Promise<string>
  /** A request with a role's token; JSON bodies are encoded. */
  call(
    method: string,
    path: string,
    options?: { role?: Role | null; body?: unknown; headers?: Record<string, string> },
  ): Promise<Answer>
  stop(): Promise<void>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Parsed when it is JSON. */
  readonly body: unknown
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export async function readAnswer(response: Response): Promise<Answer> {
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: parse(text) }
}

const ROLE_NAMES: readonly Role[] = ['viewer', 'user', 'op', 'admin']

export async function startWeb(
  env: Record<string, string> = {},
  schema: NonNullable<WebserverDeps['schema']> = { newer: [] },
): Promise<TestWeb> {
  const postgres = await startTestPostgres()
  const databaseUrl = await postgres.createMigrated()
  const home = await mkdtemp(join(tmpdir(), 'baram-web-'))
  const config = loadConfig({ BARAM_HOME: home, BARAM__API__PORT: '0', ...env })
  const logged: string[] = []
  const log = makeLogger('web-test', 'info', {
    write: (line: string) => logged.push(line),
  } as unknown as NodeJS.WritableStream)
  const database = openDatabase({ url: databaseUrl, poolSize: 8, log, application: 'web test' })
  const runCache = new RunCache()
  const vault = new Vault({
    database,
    box: secretBox(randomBytes(32)),
    variableOverrides: config.variableOverrides,
    connectionOverrides: config.connectionOverrides,
    sensitiveNames: config.sensitiveNames,
  })
  for (const role of ROLE_NAMES) await createAccount({ database }, { username: role, password: PASSWORD, role }, ROOT)
  const server = await startWebserver({ config, database, runCache, vault, log, jwtSecret: randomBytes(32), schema })
  const tokens = new Map<Role, Promise<string>>()

  const makeToken = async (role: Role): Promise<string> => {
    const response = await fetch(`${server.url}/auth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: role, password: PASSWORD }),
    })
    const body = (await response.json()) as { access_token: string }
    return body.access_token
  }
  const token = (role: Role): Promise<string> => {
    const made = tokens.get(role) ?? makeToken(role)
    tokens.set(role, made)
    return made
  }

  return {
    url: server.url,
    databaseUrl,
    database,
    runCache,
    vault,
    config,
    server,
    logFolder: config.logFolder,
    logged,
    token,
    async call(method, path, { role = 'admin', body, headers = {} } = {}) {
      const auth: Record<string, string> = role === null ? {} : { authorization: `Bearer ${await token(role)}` }
      const json: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
      const response = await fetch(`${server.url}${path}`, {
        method,
        headers: { ...auth, ...json, ...headers },
        redirect: 'manual',
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      return readAnswer(response)
    },
    async stop() {
      await server.close()
      await database.close()
      await postgres.stop()
      await rm(home, { recursive: true, force: true })
    },
  }
}
