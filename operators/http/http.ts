// One request, or the pages of many, as a task: Airflow's HttpOperator.

import {
  defineOperator,
  type JsonSchema,
  type JsonValue,
  type Operator,
  type OperatorContext,
} from '../../sdk/index.ts'
import { type Clock, systemClock } from '../clock.ts'
import { type ExpectedStatus, type HttpAnswer, judgeStatus } from './answer.ts'
import { type HttpClient, type HttpLimits, type HttpRequest, openHttp } from './client.ts'
import { HttpAnswerError } from './errors.ts'
import { checkSchema } from './schema.ts'

/** What an XCom may have: pages beyond it are not collected any further. */
const XCOM_BYTES = 1_048_576

/** Everything but what pages change. */
export interface HttpOptions<TValue> extends HttpRequest, HttpLimits {
  /** Connection of type http. Default `http_default`. */
  readonly httpConnId?: string
  /** Path below the connection's address, or a whole URL of its origin (template). */
  readonly endpoint?: string
  /** Default `POST`, as in Airflow. */
  readonly method?: string
  /** The body as it stands, an object as a form, or with `GET` as the query (template). */
  readonly data?: string | Readonly<Record<string, string>>
  /** The body as JSON (template, texts at any depth). */
  readonly json?: JsonValue
  /** Over those of the connection (template). Never a secret: put those into the connection's `extra.headers`. */
  readonly headers?: Readonly<Record<string, string>>
  /**
   * Which status is right: one, several, or a hundred of them. Default `2xx`. Others fail the try, with the body's
   * beginning.
   */
  readonly expectStatus?: ExpectedStatus
  /** JSON Schema (draft 2020-12) of the answer's JSON; an answer that does not fit fails the try. Default: none. */
  readonly schema?: JsonSchema
  /** Looks at an answer of the right status; `false` fails the try. Default: none. */
  readonly responseCheck?: (answer: HttpAnswer) => boolean | Promise<boolean>
  /** What becomes the XCom. Default: the JSON of an answer whose content type says so, else its text. */
  readonly responseFilter?: (answer: HttpAnswer) => TValue | Promise<TValue>
  /**
   * Longest wait, in seconds, that a `Retry-After` of a 429 or 503 may ask for; a longer one is cut to it. The task
   * gives up its slot for that time, and the try counts. Default 3600.
   */
  readonly retryAfterLimit?: number
  /** Seconds between the beginnings of two requests of this task. Default 0. */
  readonly minInterval?: number
}

export interface PagedHttpOptions<TValue> extends HttpOptions<TValue> {
  /**
   * Asked after each page (`page` counts from 1) for what the next request changes of the first one, or null after the
   * last page. The XCom is then the list of the pages' values.
   */
  readonly pagination: (answer: HttpAnswer, page: number) => HttpRequest | null | Promise<HttpRequest | null>
  /**
   * A page more fails the try: a server that always names a next page must not hold the task for ever. Default 1000.
   */
  readonly maxPages?: number
}

type Options<TValue> = HttpOptions<TValue> & Partial<PagedHttpOptions<TValue>>

/** Only what a request is made of: options have more. */
export function requestOf({ endpoint, method = 'POST', query, headers, data, json }: HttpRequest): HttpRequest {
  return {
    method,
    ...(endpoint !== undefined && { endpoint }),
    ...(query !== undefined && { query }),
    ...(headers !== undefined && { headers }),
    ...(data !== undefined && { data }),
    ...(json !== undefined && { json }),
  }
}

/** @throws Error while the DAG is read */
function checkOptions<TValue>({ data, json, maxPages, minInterval, timeout, retryAfterLimit }: Options<TValue>): void {
  if (data !== undefined && json !== undefined) throw new Error('http: a request has data or json, not both')
  const numbers = { maxPages, minInterval, timeout, retryAfterLimit }
  for (const [name, value] of Object.entries(numbers))
    if (value !== undefined && !(value >= 0 && Number.isFinite(value)))
      throw new Error(`http: ${name} must be a number, at least 0, found ${String(value)}`)
}

/** Asks, and judges what comes. */
export async function askOnce(
  client: HttpClient,
  request: HttpRequest,
  { expectStatus = '2xx', retryAfterLimit = 3_600 }: Pick<HttpOptions<unknown>, 'expectStatus' | 'retryAfterLimit'>,
): Promise<HttpAnswer> {
  const answer = await client.request(request)
  judgeStatus(answer, { expectStatus, retryAfterLimit, now: client.clock.now() })
  return answer
}

async function ask<TValue>(
  op: OperatorContext,
  client: HttpClient,
  request: HttpRequest,
  options: Options<TValue>,
): Promise<HttpAnswer> {
  const answer = await askOnce(client, request, options)
  const { url, method, status, body } = answer
  op.log.info({ method, url, status, bytes: body.length }, 'answered')
  if (options.schema !== undefined) checkSchema(answer, options.schema)
  if (options.responseCheck !== undefined && !(await options.responseCheck(answer)))
    throw new HttpAnswerError(`${method} ${url} answered ${status}, but responseCheck refused the answer`)
  return answer
}

// Without a filter the value is JSON, which is what TValue then is.
const readValue = <TValue>(answer: HttpAnswer, { responseFilter }: Options<TValue>) =>
  responseFilter === undefined ? (answer.value() as TValue) : responseFilter(answer)

async function allPages<TValue>(
  op: OperatorContext,
  client: HttpClient,
  options: Options<TValue>,
  pagination: PagedHttpOptions<TValue>['pagination'],
): Promise<readonly TValue[]> {
  const { maxPages = 1_000, minInterval = 0 } = options
  const first = requestOf(options)
  const values: TValue[] = []
  let request = first
  let bytes = 0
  for (let page = 1; ; page += 1) {
    if (page > maxPages) throw new HttpAnswerError(`there are more than ${maxPages} pages (maxPages)`)
    const startedAt = client.clock.now()
    const answer = await ask(op, client, request, options)
    const value = await readValue(answer, options)
    bytes += Buffer.byteLength(JSON.stringify(value) ?? '')
    if (bytes > XCOM_BYTES)
      throw new HttpAnswerError(
        `the first ${page} pages together are larger than an XCom may be (1 MiB): ` +
          'keep less with responseFilter, or use openHttp in a function and write them to a file',
      )
    values.push(value)
    const next = await pagination(answer, page)
    if (next === null) return values
    // A body takes the place of the other kind.
    const { data: _data, json: _json, ...bare } = first
    request = { ...(next.data !== undefined || next.json !== undefined ? bare : first), ...next }
    const wait = startedAt + minInterval * 1_000 - client.clock.now()
    if (wait > 0) await client.clock.sleep(wait, op.signal)
  }
}

/** As `http`, with a clock of the caller's. */
export function httpWith<TArgs extends object, TValue>(
  clock: Clock,
  options: Options<TValue>,
): Operator<TArgs, TValue | readonly TValue[]> {
  checkOptions(options)
  const { httpConnId = 'http_default', method = 'POST' } = options
  return defineOperator<TArgs, TValue | readonly TValue[], Options<TValue>>({
    name: 'HttpOperator',
    options: { ...options, httpConnId, method },
    templateFields: ['endpoint', 'query', 'headers', 'data', 'json'],
    async execute(op, _args, rendered) {
      const client = await openHttp(op, httpConnId, { ...limitsOf(options), clock })
      try {
        if (options.pagination !== undefined) return await allPages(op, client, rendered, options.pagination)
        return await readValue(await ask(op, client, requestOf(rendered), rendered), rendered)
      } finally {
        await client.close()
      }
    },
  })
}

export function limitsOf({ timeout, maxBytes, redirects }: HttpLimits): HttpLimits {
  return {
    ...(timeout !== undefined && { timeout }),
    ...(maxBytes !== undefined && { maxBytes }),
    ...(redirects !== undefined && { redirects }),
  }
}

/**
 * Sends a request to the server of a connection; the answer is the XCom. A status that is not expected fails the try,
 * telling the URL without its secrets and the first 500 characters of the body; a 429 or 503 with `Retry-After` sets
 * when the next try is. A redirect to another origin is not followed unless `redirects` says so.
 *
 * `TArgs`: the task's inputs, for templates: `http<{ day: string }>({ …, query: { day: '{{args.day}}' } })`.
 * @throws Error while the DAG is read, for options that contradict each other
 */
export function http<TArgs extends object = Record<never, never>, TValue = JsonValue>(
  options: PagedHttpOptions<TValue>,
): Operator<TArgs, readonly TValue[]>
export function http<TArgs extends object = Record<never, never>, TValue = JsonValue>(
  options: HttpOptions<TValue>,
): Operator<TArgs, TValue>
export function http<TArgs extends object, TValue>(
  options: Options<TValue>,
): Operator<TArgs, TValue | readonly TValue[]> {
  return httpWith(systemClock, options)
}
