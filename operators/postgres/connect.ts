// A connection of type postgres as options of `pg`: libpq's words for TLS, and nothing taken from the environment.

import { readFile } from 'node:fs/promises'
import type { ConnectionOptions } from 'node:tls'
import pg, { type ClientConfig } from 'pg'
import type { ConnectionResult } from '../../sdk/index.ts'
import { type ConnectionContext, ConnectionUnusableError, readExtra } from '../connection.ts'
import { exactTypes } from './values.ts'

const MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
type SslMode = (typeof MODES)[number]

interface Target {
  readonly config: ClientConfig
  /** Without TLS where the server has none (libpq's `prefer`, its default). */
  readonly mayBePlain: boolean
}

async function readPem(connection: ConnectionResult, field: string, path: unknown): Promise<string | undefined> {
  if (path === undefined) return undefined
  try {
    return await readFile(String(path), 'utf8')
  } catch (cause) {
    throw new ConnectionUnusableError(
      connection.id,
      `its extra.${field} names a file that cannot be read: ${String(path)}`,
      {
        cause,
      },
    )
  }
}

function sslModeOf(connection: ConnectionResult, value: unknown): SslMode {
  const mode = MODES.find((mode) => mode === (value ?? 'prefer'))
  if (mode !== undefined) return mode
  throw new ConnectionUnusableError(
    connection.id,
    `its extra.sslmode must be one of ${MODES.join(', ')}, found ${String(value)}`,
  )
}

/** As libpq: only `verify-full` looks at the host's name, and `require` verifies where it is given certificates. */
async function tlsOf(connection: ConnectionResult, extra: Readonly<Record<string, unknown>>, mode: SslMode) {
  if (mode === 'disable') return false
  const ca = await readPem(connection, 'sslrootcert', extra['sslrootcert'])
  const cert = await readPem(connection, 'sslcert', extra['sslcert'])
  const key = await readPem(connection, 'sslkey', extra['sslkey'])
  const isVerified = mode.startsWith('verify') || (mode === 'require' && ca !== undefined)
  const tls: ConnectionOptions = {
    rejectUnauthorized: isVerified,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(mode !== 'verify-full' && { checkServerIdentity: () => undefined }),
  }
  return tls
}

const seconds = (value: unknown): number => (Number(value) > 0 ? Number(value) : 30)

/** @throws ConnectionUnusableError when it is missing or cannot be used */
async function targetOf(op: Pick<ConnectionContext, 'client'>, connId: string, name: string): Promise<Target> {
  const connection = await op.client.getConnection(connId)
  if (connection === null)
    throw new ConnectionUnusableError(
      connId,
      'there is none: add it, of type postgres, with host, port, login, password, and the database as schema',
    )
  if (connection.type !== 'postgres' && connection.type !== 'postgresql')
    throw new ConnectionUnusableError(connId, `it must be of type postgres, found ${connection.type}`)
  if (!connection.host || !connection.login)
    throw new ConnectionUnusableError(
      connId,
      'it needs a host and a login (libpq’s environment variables are not read)',
    )
  const extra = readExtra(connection)
  const mode = sslModeOf(connection, extra['sslmode'])
  const isSocket = connection.host.startsWith('/')
  const config: ClientConfig = {
    host: connection.host,
    port: connection.port ?? 5432,
    user: connection.login,
    password: connection.password ?? '',
    database: connection.schema || connection.login,
    application_name: typeof extra['application_name'] === 'string' ? extra['application_name'] : name,
    ssl: isSocket ? false : await tlsOf(connection, extra, mode),
    connectionTimeoutMillis: seconds(extra['connect_timeout']) * 1_000,
    keepAlive: true,
    ...(typeof extra['options'] === 'string' && { options: extra['options'] }),
    types: exactTypes,
  }
  return { config, mayBePlain: !isSocket && (mode === 'prefer' || mode === 'allow') }
}

async function connect(config: ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(config)
  // A connection that drops also fails the query under way; without a listener it would end the process.
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** Makes connections of the same kind: one to work on, another to cancel it. */
export type Connect = () => Promise<pg.Client>

/** @throws ConnectionUnusableError */
export async function connectorOf(
  op: Pick<ConnectionContext, 'client' | 'dagId' | 'taskId'>,
  connId: string,
): Promise<Connect> {
  // Postgres keeps 63 bytes of it; it is what a database's administrator sees.
  const { config, mayBePlain } = await targetOf(op, connId, `baram ${op.dagId}.${op.taskId}`)
  return async () => {
    try {
      return await connect(config)
    } catch (error) {
      const isRefused = error instanceof Error && /server does not support SSL/i.test(error.message)
      if (mayBePlain && isRefused) return connect({ ...config, ssl: false })
      throw error
    }
  }
}
