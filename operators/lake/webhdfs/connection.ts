// What a connection of type webhdfs says: the NameNodes, who asks, over which TLS, and how long to wait.

import { readFile } from 'node:fs/promises'
import type { ConnectionResult, OperatorContext } from '../../../sdk/index.ts'
import { ConnectionUnusableError, readExtra } from '../../connection.ts'

export interface WebHdfsTarget {
  /** `host:port`, in the order they are asked. */
  readonly nameNodes: readonly string[]
  readonly protocol: 'http' | 'https'
  /** `/webhdfs/v1`, below the path of a gateway if the connection names one. */
  readonly root: string
  /** `user.name`: empty with a token, which says who it is for. */
  readonly user: string
  /** Of the basic authentication of a gateway. */
  readonly password: string
  readonly proxyUser: string
  readonly token: string
  readonly verify: boolean
  readonly ca: string | undefined
  /** For one call, or for the next bytes of a file. */
  readonly timeoutMs: number
  /** How long a NameNode that serves is looked for when there are several. */
  readonly failoverMs: number
  /** Of new files, octal. */
  readonly permission: string
}

const PLAIN_PORT = 9870
const TLS_PORT = 9871

type Extra = Readonly<Record<string, unknown>>

/** Airflow's hook takes `"True"` as well as `true`. */
function flag(connection: ConnectionResult, extra: Extra, name: string, fallback: boolean): boolean {
  const value = extra[name] ?? fallback
  if (typeof value === 'boolean') return value
  if (typeof value === 'string' && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true'
  throw new ConnectionUnusableError(connection.id, `its extra.${name} must be true or false`)
}

function text(connection: ConnectionResult, extra: Extra, name: string): string {
  const value = extra[name] ?? ''
  if (typeof value === 'string') return value
  throw new ConnectionUnusableError(connection.id, `its extra.${name} must be a text`)
}

function seconds(connection: ConnectionResult, extra: Extra, name: string, fallback: number): number {
  const value = extra[name] ?? fallback
  if (typeof value === 'number' && value > 0) return value * 1000
  throw new ConnectionUnusableError(connection.id, `its extra.${name} must be a number of seconds above 0`)
}

/** As Airflow has it, a list in `host`; or, where that is too long, in `extra.namenodes`. */
function nameNodesOf(connection: ConnectionResult, extra: Extra, port: number): readonly string[] {
  const given = extra['namenodes']
  const list = Array.isArray(given) ? given.map(String) : String(given ?? connection.host ?? '').split(',')
  const names = list.map((name) => name.trim()).filter((name) => name !== '')
  const wrong = names.find((name) => !/^(\[[0-9a-fA-F:.]+\]|[^\s:/?#@[\]]+)(:\d{1,5})?$/.test(name))
  if (names.length > 0 && wrong === undefined)
    return names.map((name) => (/:\d+$/.test(name) ? name : `${name}:${port}`))
  const found = wrong === undefined ? '' : `, found ${wrong}`
  throw new ConnectionUnusableError(
    connection.id,
    `it needs the NameNodes of WebHDFS as host, such as nn1:${PLAIN_PORT},nn2:${PLAIN_PORT} (or as extra.namenodes)${found}`,
  )
}

async function certificatesOf(
  op: Pick<OperatorContext, 'log'>,
  connection: ConnectionResult,
  extra: Extra,
): Promise<Pick<WebHdfsTarget, 'verify' | 'ca'>> {
  const verify = extra['verify'] ?? true
  if (typeof verify === 'string' && !/^(true|false)$/i.test(verify)) {
    const ca = await readFile(verify, 'utf8').catch((cause: unknown) => {
      throw new ConnectionUnusableError(connection.id, `its extra.verify names a file that cannot be read: ${verify}`, {
        cause,
      })
    })
    return { verify: true, ca }
  }
  const isVerified = flag(connection, extra, 'verify', true)
  if (!isVerified)
    op.log.warn({ connId: connection.id }, 'certificates are not verified (extra.verify is false): anybody may answer')
  return { verify: isVerified, ca: undefined }
}

/**
 * `host` (one or several, with commas), `port` (default 9870, with TLS 9871), `login` (user.name), `password` and
 * `schema` (of a gateway: basic authentication, path before /webhdfs/v1), and in `extra`: `namenodes`, `use_ssl`,
 * `verify` (true, which is the default, false, or a file of certificates), `proxy_user`, `delegation_token`,
 * `timeout` (s, default 60), `failover_timeout` (s, default 60), `permission` (default 644).
 * @throws ConnectionUnusableError
 */
export async function webHdfsTarget(
  op: Pick<OperatorContext, 'log'>,
  connection: ConnectionResult,
): Promise<WebHdfsTarget> {
  const extra = readExtra(connection)
  const isTls = flag(connection, extra, 'use_ssl', false)
  const token = text(connection, extra, 'delegation_token')
  const gateway = (connection.schema ?? '').replaceAll(/^\/+|\/+$/g, '')
  const permission = text(connection, extra, 'permission') || '644'
  if (!/^[0-7]{3,4}$/.test(permission))
    throw new ConnectionUnusableError(
      connection.id,
      `its extra.permission must be octal, such as 644, found ${permission}`,
    )
  return {
    nameNodes: nameNodesOf(connection, extra, connection.port || (isTls ? TLS_PORT : PLAIN_PORT)),
    protocol: isTls ? 'https' : 'http',
    root: `${gateway === '' ? '' : `/${gateway}`}/webhdfs/v1`,
    user: token === '' ? (connection.login ?? '') : '',
    password: connection.password ?? '',
    proxyUser: text(connection, extra, 'proxy_user'),
    token,
    ...(await certificatesOf(op, connection, extra)),
    timeoutMs: seconds(connection, extra, 'timeout', 60),
    failoverMs: seconds(connection, extra, 'failover_timeout', 60),
    permission,
  }
}
