// What a connection of type http says: where, with which credentials and headers, over which TLS.

import { readFile } from 'node:fs/promises'
import type { ConnectionResult, OperatorContext } from '../../sdk/index.ts'
import { ConnectionUnusableError, readExtra } from '../connection.ts'

export interface HttpTarget {
  /** With the path that every endpoint is below; no credentials in it. */
  readonly base: URL
  /** Sent with each request to its origin: `authorization`, and `extra.headers`. */
  readonly headers: Readonly<Record<string, string>>
  readonly tls: HttpTls
}

interface HttpTls {
  readonly rejectUnauthorized?: boolean
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** What Airflow's http hook and this one read; anything else in `extra` does nothing. */
const KNOWN = ['headers', 'verify', 'cert', 'timeout', 'allow_redirects', 'max_redirects', 'proxies', 'check_response']

function baseOf(connection: ConnectionResult): URL {
  const host = connection.host ?? ''
  const scheme = connection.schema || (connection.type === 'https' ? 'https' : 'http')
  const text = host.includes('://') ? host : `${scheme}://${host}`
  if (host === '' || !URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new ConnectionUnusableError(
      connection.id,
      'it needs a host, such as api.example.com, with schema http or https (default http)',
    )
  const base = new URL(text)
  if (connection.port) base.port = String(connection.port)
  return base
}

function authorizationOf(connection: ConnectionResult, base: URL): Record<string, string> {
  const login = connection.login || decodeURIComponent(base.username)
  const password = connection.password || decodeURIComponent(base.password)
  base.username = ''
  base.password = ''
  if (login === '' && password === '') return {}
  return { authorization: `Basic ${Buffer.from(`${login}:${password}`).toString('base64')}` }
}

function headersOf(connection: ConnectionResult, extra: Readonly<Record<string, unknown>>): Record<string, string> {
  const headers = extra['headers'] ?? {}
  const isObject = typeof headers === 'object' && headers !== null && !Array.isArray(headers)
  const entries = isObject ? Object.entries(headers) : []
  if (!isObject || entries.some(([, value]) => typeof value !== 'string'))
    throw new ConnectionUnusableError(
      connection.id,
      'its extra.headers must be an object of texts, such as {"x-api-key": "…"}',
    )
  return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), String(value)]))
}

async function readPem(connection: ConnectionResult, field: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new ConnectionUnusableError(connection.id, `its extra.${field} names a file that cannot be read: ${path}`, {
      cause,
    })
  }
}

/**
 * `verify` is true, false or a file of certificates; `cert` a file, or two: certificate and key. As Python's requests
 * has them.
 */
async function tlsOf(
  op: Pick<OperatorContext, 'log'>,
  connection: ConnectionResult,
  extra: Readonly<Record<string, unknown>>,
): Promise<HttpTls> {
  const { verify = true, cert } = extra as { readonly verify?: unknown; readonly cert?: unknown }
  if (typeof verify !== 'boolean' && typeof verify !== 'string')
    throw new ConnectionUnusableError(
      connection.id,
      'its extra.verify must be true, false or a file of certificates (PEM)',
    )
  const files = cert === undefined ? [] : [cert].flat()
  if (files.length > 2 || files.some((file) => typeof file !== 'string'))
    throw new ConnectionUnusableError(
      connection.id,
      'its extra.cert must be a file (PEM), or a list of certificate and key',
    )
  if (verify === false)
    op.log.warn({ connId: connection.id }, 'certificates are not verified (extra.verify is false): anybody may answer')
  const [certFile, keyFile = certFile] = files.map(String)
  return {
    ...(verify === false && { rejectUnauthorized: false }),
    ...(typeof verify === 'string' && { ca: await readPem(connection, 'verify', verify) }),
    ...(certFile !== undefined && { cert: await readPem(connection, 'cert', certFile) }),
    ...(keyFile !== undefined && { key: await readPem(connection, 'cert', keyFile) }),
  }
}

/** @throws ConnectionUnusableError when it is missing or cannot be used */
export async function httpTarget(op: Pick<OperatorContext, 'client' | 'log'>, connId: string): Promise<HttpTarget> {
  const connection = await op.client.getConnection(connId)
  if (connection === null)
    throw new ConnectionUnusableError(
      connId,
      'there is none: add it, of type http, with host, schema and port of the server',
    )
  return targetOf(op, connection)
}

/**
 * For connectors that read the connection themselves. @param known fields of `extra` that the connector reads
 * @throws ConnectionUnusableError when it cannot be used
 */
export async function targetOf(
  op: Pick<OperatorContext, 'log'>,
  connection: ConnectionResult,
  known: readonly string[] = [],
): Promise<HttpTarget> {
  const { id: connId, type } = connection
  if (type !== 'http' && type !== 'https')
    throw new ConnectionUnusableError(connId, `it must be of type http, found ${type}`)
  const extra = readExtra(connection)
  const unknown = Object.keys(extra).filter((name) => !KNOWN.includes(name) && !known.includes(name))
  if (unknown.length > 0)
    op.log.warn({ connId, fields: unknown }, 'these fields of the extra do nothing: put headers under extra.headers')
  const base = baseOf(connection)
  const headers = { ...authorizationOf(connection, base), ...headersOf(connection, extra) }
  return { base, headers, tls: await tlsOf(op, connection, extra) }
}
