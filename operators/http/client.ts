// A client of the server a connection names: bounded in time and size, and its credentials never leave that server's
// origin.

import { Agent, type Dispatcher, request } from 'undici'
import type { JsonValue, OperatorContext } from '../../sdk/index.ts'
import { type Clock, systemClock } from '../clock.ts'
import { ACCEPTED_ENCODINGS, HttpAnswer, readBody } from './answer.ts'
import { type HttpTarget, httpTarget } from './connection.ts'
import { HttpAnswerError, HttpRedirectError, HttpTimedOutError, HttpUnreachableError, safeUrl } from './errors.ts'

const MOST_REDIRECTS = 10
const MOST_BYTES = 64 * 1024 * 1024

type QueryValue = string | number | boolean

export interface HttpRequest {
  /** Path below the connection's address, or a whole URL of the same origin. Default: the address itself. */
  readonly endpoint?: string
  /** Default `GET`. */
  readonly method?: string
  /** Added to the endpoint's own query; a list gives a name several values. */
  readonly query?: Readonly<Record<string, QueryValue | readonly QueryValue[]>>
  /** Over those of the connection. */
  readonly headers?: Readonly<Record<string, string>>
  /**
   * The body as it stands; an object is sent as a form. With `GET` or `HEAD` an object is added to the query, as in
   * Airflow.
   */
  readonly data?: string | Readonly<Record<string, string>>
  /** The body as JSON, instead of `data`. */
  readonly json?: JsonValue
}

export interface HttpLimits {
  /** Seconds for one request, from connecting to the last byte, redirects included. Default 60. */
  readonly timeout?: number
  /** Of an unpacked answer. Default 64 MiB. */
  readonly maxBytes?: number
  /**
   * `same-origin` (default): others fail, so that credentials and data stay where they belong; `any`: to another origin
   * neither credentials nor the connection's headers are sent, and no body; `none`: the redirect is the answer.
   */
  readonly redirects?: 'same-origin' | 'any' | 'none'
}

interface Body {
  readonly body?: string
  readonly type?: string
}

/** One hop. */
interface Sent extends Body {
  readonly url: URL
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
}

const lowerCase = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

const isForm = (data: HttpRequest['data']): data is Readonly<Record<string, string>> =>
  typeof data === 'object' && data !== null

function bodyOf({ data, json }: HttpRequest, isRead: boolean): Body {
  if (json !== undefined) return { body: JSON.stringify(json), type: 'application/json' }
  if (data === undefined || (isRead && isForm(data))) return {}
  if (isForm(data)) return { body: new URLSearchParams(data).toString(), type: 'application/x-www-form-urlencoded' }
  return { body: data }
}

function joinHeaders(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value]],
    ),
  )
}

const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  // Several addresses that all refuse are one error without words.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ')
  return error.message
}

const isReset = (error: unknown) =>
  error instanceof Error && 'code' in error && ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(String(error.code))

export class HttpClient {
  readonly #target: HttpTarget
  readonly #signal: AbortSignal
  readonly #timeout: number
  readonly #maxBytes: number
  readonly #redirects: 'same-origin' | 'any' | 'none'
  readonly #agent: Agent
  readonly clock: Clock

  /** Use `openHttp`. */
  constructor(target: HttpTarget, signal: AbortSignal, limits: HttpLimits, clock: Clock) {
    this.#target = target
    this.#signal = signal
    this.#timeout = limits.timeout ?? 60
    this.#maxBytes = limits.maxBytes ?? MOST_BYTES
    this.#redirects = limits.redirects ?? 'same-origin'
    this.clock = clock
    // One clock for all of a request, ours: undici's limits are between two events of it.
    this.#agent = new Agent({
      connect: { timeout: 0, ...target.tls },
      headersTimeout: 0,
      bodyTimeout: 0,
      connections: 8,
    })
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  /**
   * One request, and its whole answer, whatever its status.
   * @throws HttpUnreachableError, HttpTimedOutError, HttpAnswerError, HttpRedirectError, or the task's own reason to
   * stop
   */
  async request(asked: HttpRequest): Promise<HttpAnswer> {
    const first = this.#prepare(asked)
    const late = new AbortController()
    const timer = setTimeout(() => {
      late.abort(
        new HttpTimedOutError(`${first.method} ${safeUrl(first.url)}: no whole answer within ${this.#timeout} s`),
      )
    }, this.#timeout * 1_000)
    try {
      return await this.#follow(first, AbortSignal.any([this.#signal, late.signal]))
    } catch (error) {
      this.#signal.throwIfAborted()
      late.signal.throwIfAborted()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * The address of an endpoint: below the connection's path, or a whole URL of its origin. @throws HttpRedirectError
   */
  #address(endpoint: string): URL {
    const { base } = this.#target
    if (/^https?:\/\//i.test(endpoint) && URL.canParse(endpoint)) {
      const url = new URL(endpoint)
      if (url.origin === base.origin) return url
      throw new HttpRedirectError(
        `${safeUrl(url)} is not of ${base.origin}, the server of the connection: its credentials are for that one alone`,
      )
    }
    const root = base.href.replace(/\/$/, '')
    return new URL(endpoint === '' || endpoint.startsWith('/') ? `${root}${endpoint}` : `${root}/${endpoint}`)
  }

  #prepare(asked: HttpRequest): Sent {
    const method = (asked.method ?? 'GET').toUpperCase()
    const isRead = method === 'GET' || method === 'HEAD'
    const url = this.#address(asked.endpoint ?? '')
    const query = { ...(isRead && isForm(asked.data) ? asked.data : {}), ...asked.query }
    for (const [name, value] of Object.entries(query))
      for (const item of [value].flat()) url.searchParams.append(name, String(item))
    return { url, method, headers: lowerCase(asked.headers ?? {}), ...bodyOf(asked, isRead) }
  }

  async #follow(first: Sent, signal: AbortSignal): Promise<HttpAnswer> {
    let sent = first
    for (let hops = 0; hops <= MOST_REDIRECTS; hops += 1) {
      const answer = await this.#send(sent, signal)
      const next = this.#redirectOf(sent, answer)
      if (next === null) return answer
      sent = next
    }
    throw new HttpRedirectError(`${first.method} ${safeUrl(first.url)}: more than ${MOST_REDIRECTS} redirects`)
  }

  #redirectOf(sent: Sent, { status, headers }: HttpAnswer): Sent | null {
    const { location } = headers
    if (this.#redirects === 'none' || location === undefined || ![301, 302, 303, 307, 308].includes(status)) return null
    const where = `${sent.method} ${safeUrl(sent.url)}`
    if (!URL.canParse(location, sent.url.href)) throw new HttpRedirectError(`${where}: it redirects to no address`)
    const url = new URL(location, sent.url)
    const isSame = url.origin === this.#target.base.origin
    if (!/^https?:$/.test(url.protocol) || (!isSame && this.#redirects === 'same-origin'))
      throw new HttpRedirectError(
        `${where}: it redirects to another server, ${url.origin}, which is not followed: name that server in the connection ` +
          "(or schema https), or set redirects: 'any', which goes there without credentials",
      )
    const isRead = status === 303 || (status < 303 && sent.method === 'POST')
    const method = isRead && sent.method !== 'HEAD' ? 'GET' : sent.method
    if (!isSame) return { url, method: method === 'HEAD' ? 'HEAD' : 'GET', headers: {} }
    const { body, type, ...bare } = sent
    return isRead ? { ...bare, url, method } : { ...sent, url }
  }

  async #send(sent: Sent, signal: AbortSignal): Promise<HttpAnswer> {
    const where = `${sent.method} ${safeUrl(sent.url)}`
    const { statusCode, headers, body } = await this.#reach(sent, signal, where)
    const joined = joinHeaders(headers)
    const encoding = (joined['content-encoding'] ?? '').trim().toLowerCase()
    try {
      const bytes = await readBody(body, sent.method === 'HEAD' ? '' : encoding, this.#maxBytes)
      return new HttpAnswer({
        url: safeUrl(sent.url),
        method: sent.method,
        status: statusCode,
        headers: joined,
        body: bytes,
      })
    } catch (cause) {
      if (cause instanceof HttpAnswerError) throw new HttpAnswerError(`${where}: ${cause.message}`)
      throw new HttpUnreachableError(`${where}: the answer broke off: ${messageOf(cause)}`, { cause })
    }
  }

  /**
   * A kept connection may be closed by the server just as it is used again: what only reads is then asked once more.
   */
  async #reach(sent: Sent, signal: AbortSignal, where: string): Promise<Dispatcher.ResponseData> {
    const isRead = sent.method === 'GET' || sent.method === 'HEAD'
    try {
      return await this.#dispatch(sent, signal).catch((error: unknown) => {
        if (isRead && isReset(error) && !signal.aborted) return this.#dispatch(sent, signal)
        throw error
      })
    } catch (cause) {
      throw new HttpUnreachableError(`${where}: no answer: ${messageOf(cause)}`, { cause })
    }
  }

  #dispatch({ url, method, headers, body, type }: Sent, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const isOurs = url.origin === this.#target.base.origin
    return request(url, {
      dispatcher: this.#agent,
      // Any method of HTTP; undici refuses what is none.
      method: method as Dispatcher.HttpMethod,
      headers: {
        accept: '*/*',
        'accept-encoding': ACCEPTED_ENCODINGS,
        ...(type !== undefined && { 'content-type': type }),
        ...(isOurs && this.#target.headers),
        ...headers,
      },
      body: body ?? null,
      signal,
    })
  }
}

/**
 * The client of a connection of type http: `host` (may be a whole URL with a path), `schema` (default http), `port`,
 * `login` and `password` (basic authentication), `extra.headers`, `extra.verify`, `extra.cert`. Close what you get.
 * @throws ConnectionUnusableError when it is missing or cannot be used
 */
export async function openHttp(
  op: Pick<OperatorContext, 'client' | 'log' | 'signal'>,
  connId = 'http_default',
  { clock = systemClock, ...limits }: HttpLimits & { readonly clock?: Clock } = {},
): Promise<HttpClient> {
  return new HttpClient(await httpTarget(op, connId), op.signal, limits, clock)
}
