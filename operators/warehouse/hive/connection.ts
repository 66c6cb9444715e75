// What a connection of type hiveserver2 says: where, who, over which transport, and how long to wait.

import { readFile } from 'node:fs/promises'
import type { ConnectionResult, OperatorContext } from '../../../sdk/index.ts'
import { ConnectionUnusableError, readExtra } from '../../connection.ts'

export interface HiveTarget {
  readonly host: string
  readonly port: number
  readonly login: string
  readonly password: string
  readonly database: string
  readonly auth: 'NOSASL' | 'PLAIN'
  readonly transport: 'binary' | 'http'
  readonly httpPath: string
  readonly isTls: boolean
  readonly verify: boolean
  readonly ca: string | undefined
  /** Before lake paths in LOCATION: `hdfs://nn1:8020`, or empty where Hive's own file system is the lake. */
  readonly lakeUri: string
  /** For one call of the protocol. */
  readonly callTimeoutMs: number
  /** For a statement that sets none itself. */
  readonly statementTimeoutMs: number | undefined
}

type Extra = Readonly<Record<string, unknown>>

/** `NONE` is SASL PLAIN, in spite of its name, and LDAP is PLAIN with a password that is checked. */
const AUTHS: Readonly<Record<string, HiveTarget['auth']>> = {
  NOSASL: 'NOSASL',
  NONE: 'PLAIN',
  PLAIN: 'PLAIN',
  LDAP: 'PLAIN',
  CUSTOM: 'PLAIN',
}

function oneOf<T extends string>(id: string, extra: Extra, name: string, known: readonly T[], fallback: T): T {
  const value = extra[name] ?? fallback
  const found = known.find((mechanism) => mechanism === value)
  if (found !== undefined) return found
  throw new ConnectionUnusableError(
    id,
    `its extra.${name} must be ${known.join(' or ')}, found ${JSON.stringify(value)}`,
  )
}

function authOf(id: string, extra: Extra): HiveTarget['auth'] {
  const value = String(extra['auth'] ?? extra['auth_mechanism'] ?? 'NONE').toUpperCase()
  const auth = AUTHS[value]
  if (auth !== undefined) return auth
  throw new ConnectionUnusableError(
    id,
    `its extra.auth must be NOSASL, NONE, PLAIN or LDAP (as hive.server2.authentication of the server), found ${value}`,
  )
}

function seconds(id: string, extra: Extra, name: string): number | undefined {
  const value = extra[name]
  if (value === undefined || (typeof value === 'number' && value > 0)) return value === undefined ? value : value * 1000
  throw new ConnectionUnusableError(id, `its extra.${name} must be a number of seconds above 0`)
}

function lakeUriOf(id: string, extra: Extra): string {
  const value = extra['lake_uri'] ?? ''
  if (value === '' || (typeof value === 'string' && /^[a-z][a-z0-9+.-]*:\/\/[^/\s]*$/i.test(value.replace(/\/$/, ''))))
    return value.replace(/\/$/, '')
  throw new ConnectionUnusableError(
    id,
    `its extra.lake_uri must be a file system's address without a path, such as hdfs://nn1:8020`,
  )
}

async function caOf(id: string, extra: Extra): Promise<string | undefined> {
  const verify = extra['verify'] ?? true
  if (typeof verify === 'boolean') return undefined
  if (typeof verify !== 'string')
    throw new ConnectionUnusableError(id, 'its extra.verify must be true, false or a file of certificates (PEM)')
  return readFile(verify, 'utf8').catch((cause: unknown) => {
    throw new ConnectionUnusableError(id, `its extra.verify names a file that cannot be read: ${verify}`, { cause })
  })
}

/**
 * `host`, `port` (default 10000), `login`, `password`, `schema` (the database), and in `extra`: `auth` (NOSASL, NONE =
 * PLAIN, LDAP; default NONE), `transport` (binary or http), `http_path` (default cliservice), `use_ssl`, `verify` (true,
 * which is the default, false, or a file of certificates), `lake_uri`, `call_timeout_s` (default 120),
 * `statement_timeout_s` (default: the task's own limit).
 * @throws ConnectionUnusableError
 */
export async function hiveTarget(op: Pick<OperatorContext, 'log'>, connection: ConnectionResult): Promise<HiveTarget> {
  const { id } = connection
  const extra = readExtra(connection)
  const host = connection.host ?? ''
  if (!/^[^\s:/?#@]+$|^\[[0-9a-fA-F:.]+\]$/.test(host))
    throw new ConnectionUnusableError(id, 'it needs the host of a HiveServer2, a name or an address without a port')
  const isTls =
    oneOf(id, { use_ssl: String(extra['use_ssl'] ?? false) }, 'use_ssl', ['true', 'false'], 'false') === 'true'
  const verify = extra['verify'] !== false
  if (isTls && !verify)
    op.log.warn({ connId: id }, 'certificates are not verified (extra.verify is false): anybody may answer')
  return {
    host: host.replaceAll(/[[\]]/g, ''),
    port: connection.port || 10_000,
    // HiveServer2 does not take an empty name.
    login: connection.login || 'baram',
    // Nor an empty password, which with NONE nobody checks.
    password: connection.password || 'baram',
    database: connection.schema || 'default',
    auth: authOf(id, extra),
    transport: oneOf(id, extra, 'transport', ['binary', 'http'], 'binary'),
    httpPath: `/${String(extra['http_path'] ?? 'cliservice').replace(/^\//, '')}`,
    isTls,
    verify,
    ca: await caOf(id, extra),
    lakeUri: lakeUriOf(id, extra),
    callTimeoutMs: seconds(id, extra, 'call_timeout_s') ?? 120_000,
    statementTimeoutMs: seconds(id, extra, 'statement_timeout_s'),
  }
}
