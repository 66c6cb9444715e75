// Elasticsearch by the client that fits the server: 7.17's for 7, 8.19's for 8 and 9. Requests are told as they travel, since the two
// clients name the same things differently; connections, retries of whole requests and the product check are the clients'.

import { readFile } from 'node:fs/promises'
import type { Client as Client8, ClientOptions as Options8 } from '@elastic/elasticsearch'
import type { Client as Client7, ClientOptions as Options7 } from 'elasticsearch-7'
import type { ConnectionResult } from '../../sdk/index.ts'
import { ConnectionUnusableError, readExtra } from '../connection.ts'
import { DocumentIndexError } from './document-index.ts'

const REQUEST_MS = 60_000
/** Of a whole request, when no node answers or one is too busy. Ours may all be repeated: documents carry their ids. */
const RETRIES = 4

export interface ElasticRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | boolean>>
  readonly body?: object
  /** Lines of JSON, for bulks. */
  readonly lines?: readonly string[]
}

/** What was answered; an answer of an error is one too. */
export interface ElasticAnswer {
  readonly status: number
  readonly body: unknown
  /** Whether it comes from an Elasticsearch: from 7.14 on it says so in each answer. */
  readonly isElastic: boolean
}

export interface ElasticClient {
  /** Major version of the server. */
  readonly major: number
  request(request: ElasticRequest): Promise<ElasticAnswer>
  close(): Promise<void>
}

interface Target {
  readonly node: string
  readonly auth?: { readonly username: string; readonly password: string } | { readonly apiKey: string }
  readonly tls: { readonly ca?: string; readonly rejectUnauthorized: boolean }
}

async function caOf(connection: ConnectionResult, path: unknown): Promise<string | undefined> {
  if (path === undefined || path === '') return undefined
  try {
    return await readFile(String(path), 'utf8')
  } catch (cause) {
    throw new ConnectionUnusableError(
      connection.id,
      `its extra.ca_certs names a file that cannot be read: ${String(path)}`,
      { cause },
    )
  }
}

/**
 * From `host`, `port` (9200), `schema` (`http`, the default, or `https`), `login`, `password`, and the extra's `api_key`, `ca_certs` (a
 * file), `verify_certs` (default true).
 * @throws ConnectionUnusableError
 */
async function targetOf(connection: ConnectionResult): Promise<Target> {
  const { host, port, login, password } = connection
  const schema = connection.schema || 'http'
  if (!host) throw new ConnectionUnusableError(connection.id, 'it needs a host, such as localhost, and mostly a port')
  if (schema !== 'http' && schema !== 'https')
    throw new ConnectionUnusableError(connection.id, `its schema must be http or https, found ${schema}`)
  const extra = readExtra(connection)
  const apiKey = extra['api_key']
  const ca = await caOf(connection, extra['ca_certs'])
  const auth =
    typeof apiKey === 'string' ? { apiKey } : login ? { username: login, password: password ?? '' } : undefined
  return {
    node: `${schema}://${host.replace(/^https?:\/\//, '')}:${port ?? 9200}`,
    ...(auth !== undefined && { auth }),
    tls: { rejectUnauthorized: extra['verify_certs'] !== false, ...(ca !== undefined && { ca }) },
  }
}

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'nothing listens there: start Elasticsearch, or correct host and port of the connection'],
  [/ENOTFOUND|EAI_AGAIN/, 'its name is not known on this host'],
  [/certificate|self.signed/i, "its certificate is not trusted: name the file of its CA in the extra's ca_certs"],
  [/ECONNRESET|socket hang up|other side closed/, 'it hangs up: often it expects TLS; set the schema to https'],
  [/TimeoutError|timed out/, 'it does not answer in time'],
]

/** @returns the error to throw instead */
function explained(error: unknown, node: string): unknown {
  if (!(error instanceof Error)) return error
  const said = `${error.name} ${error.message}`
  const hint = HINTS.find(([pattern]) => pattern.test(said))?.[1]
  return new DocumentIndexError(`Elasticsearch at ${node}: ${error.message}${hint === undefined ? '' : ` (${hint})`}`, {
    cause: error,
  })
}

const bodyOf = ({ body, lines }: ElasticRequest) => ({
  ...(body !== undefined && { body }),
  ...(lines !== undefined && { bulkBody: [...lines] }),
})

const paramsOf = (request: ElasticRequest) => ({
  method: request.method,
  path: request.path,
  querystring: { ...request.query },
  ...bodyOf(request),
})

const isElastic = (headers: Readonly<Record<string, unknown>> | null) =>
  headers?.['x-elastic-product'] === 'Elasticsearch'

/** Every status is an answer: which ones are errors, the caller knows. */
const EVERY_STATUS = [400, 401, 403, 404, 405, 406, 408, 409, 413, 429, 500]

function clientOf7(client: Client7, node: string, signal: AbortSignal): Omit<ElasticClient, 'major'> {
  return {
    async request(request) {
      signal.throwIfAborted()
      const sent = client.transport.request(paramsOf(request), { ignore: EVERY_STATUS })
      const stop = () => sent.abort()
      signal.addEventListener('abort', stop)
      try {
        const { statusCode, body, headers } = await sent
        return { status: statusCode ?? 0, body: body as unknown, isElastic: isElastic(headers) }
      } catch (error) {
        signal.throwIfAborted()
        throw explained(error, node)
      } finally {
        signal.removeEventListener('abort', stop)
      }
    },
    close: () => client.close(),
  }
}

function clientOf8(client: Client8, node: string, signal: AbortSignal): Omit<ElasticClient, 'major'> {
  return {
    async request(request) {
      signal.throwIfAborted()
      try {
        const { statusCode, body, headers } = await client.transport.request(paramsOf(request), {
          ignore: EVERY_STATUS,
          meta: true,
          signal,
        })
        return { status: statusCode, body, isElastic: isElastic(headers) }
      } catch (error) {
        signal.throwIfAborted()
        throw explained(error, node)
      }
    },
    close: () => client.close(),
  }
}

/** The version a server tells, as far as it may be asked without rights. */
function majorOf({ status, body, isElastic: isOne }: ElasticAnswer, connection: ConnectionResult): number {
  if (status === 401 || status === 403)
    throw new ConnectionUnusableError(
      connection.id,
      `Elasticsearch refuses its login (${status}): check login and password, or the extra's api_key`,
    )
  const text = JSON.stringify(body)
  const major = Number(/"number":"(\d+)\./.exec(text)?.[1])
  if (status === 200 && major >= 7 && isOne) return major
  throw new ConnectionUnusableError(
    connection.id,
    `expected Elasticsearch 7.14 or later (OpenSearch is none), found status ${status} and ${text.slice(0, 200)}`,
  )
}

/**
 * Asks the server which version it is, and takes the client for it.
 * @throws ConnectionUnusableError, DocumentIndexError when it cannot be reached
 */
export async function openElasticClient(connection: ConnectionResult, signal: AbortSignal): Promise<ElasticClient> {
  const { node, auth, tls } = await targetOf(connection)
  // Both packages are large, and loaded only by those who use them. The older one speaks plain JSON, which every version takes.
  const { Client: Seven } = await import('elasticsearch-7')
  const common = { node, maxRetries: RETRIES, requestTimeout: REQUEST_MS, ...(auth !== undefined && { auth }) }
  const seven = clientOf7(new Seven({ ...common, ssl: tls } satisfies Options7), node, signal)
  try {
    const major = majorOf(await seven.request({ method: 'GET', path: '/' }), connection)
    if (major === 7) return { ...seven, major }
    await seven.close()
    const { Client: Eight } = await import('@elastic/elasticsearch')
    return { ...clientOf8(new Eight({ ...common, tls } satisfies Options8), node, signal), major }
  } catch (error) {
    await seven.close()
    throw error
  }
}
