// A client of the services on apis.data.go.kr: pages by totalCount, counts the day's calls, and accepts nothing it has not checked.
//
// The key is in each request's URL, so whatever comes back may quote it: an answer is redacted before anything reads it.

import { HttpAnswer, judgeStatus } from '../http/answer.ts'
import type { HttpClient } from '../http/client.ts'
import { type OpenDataAnswer, type OpenDataItem, readAnswer } from './answer.ts'
import type { DailyCalls } from './daily-calls.ts'
import { errorOf, OpenDataAnswerError, OpenDataKeyError, OpenDataQuotaError, type Refusal } from './errors.ts'
import type { ServiceKey } from './key.ts'

/** What the client adds itself. */
const RESERVED = ['servicekey', 'pageno', 'numofrows']
const SERVICE = /^\/?[\w-][\w.-]*(\/[\w-][\w.-]*)+$/

export interface OpenDataRequest {
  /** Path below the host: `1360000/AsosHourlyInfoService/getWthrDataList`. */
  readonly service: string
  /**
   * The service's own parameters. `dataType=JSON` is added unless it is there: services that call it `_type`, `type` or
   * `resultType` want theirs too, and what answers in XML all the same is read as well.
   */
  readonly query?: Readonly<Record<string, string | number>>
  /** Rows a page. Default 100; many services serve at most 999 or 1,000. */
  readonly numOfRows?: number
  /** More pages fail: a service that never ends must not use up the day. Default 1,000. */
  readonly maxPages?: number
}

export interface OpenDataClientOptions {
  /** Closed with this client. */
  readonly http: HttpClient
  /** Sent with each request, and taken out of whatever comes back. */
  readonly key: ServiceKey
  /** Counts each request before it is made. */
  readonly calls: DailyCalls
}

/** @throws Error for a path that is none, or a parameter that is not the caller's */
export function checkRequest({ service, query = {}, numOfRows = 100, maxPages = 1_000 }: OpenDataRequest): void {
  if (!SERVICE.test(service))
    throw new Error(
      `openDataKr: service must be a path such as 1360000/AsosHourlyInfoService/getWthrDataList, found ${JSON.stringify(service)}`,
    )
  const reserved = Object.keys(query).find((name) => RESERVED.includes(name.toLowerCase()))
  if (reserved !== undefined)
    throw new Error(
      `openDataKr: query must not have ${reserved}: the key is of the connection, and pages are counted here`,
    )
  for (const [name, value] of Object.entries({ numOfRows, maxPages }))
    if (!Number.isInteger(value) || value < 1)
      throw new Error(`openDataKr: ${name} must be a whole number of 1 or more, found ${value}`)
}

export class OpenDataClient {
  readonly #options: OpenDataClientOptions

  /** Use `openOpenData`. */
  constructor(options: OpenDataClientOptions) {
    this.#options = options
  }

  async close(): Promise<void> {
    await this.#options.http.close()
  }

  /**
   * All rows, a page at a time; as many as `totalCount` says, or an error.
   * @throws OpenDataError, by its classes; `OpenDataNoDataError` when there are no rows
   */
  async *pages(request: OpenDataRequest): AsyncGenerator<readonly OpenDataItem[]> {
    checkRequest(request)
    const { service, numOfRows = 100, maxPages = 1_000 } = request
    const broken = (what: string) => new OpenDataAnswerError({ code: null, service }, `${service}: ${what}`)
    let read = 0
    let total: number | null = null
    for (let page = 1; page <= maxPages; page += 1) {
      const { items, totalCount } = await this.#ask(request, page)
      if (page > 1 && totalCount !== total)
        throw broken(`totalCount became ${totalCount} on page ${page}, ${total} before: rows were added meanwhile`)
      total = totalCount
      read += items.length
      if (total !== null && read > total) throw broken(`${read} rows came, but totalCount is ${total}`)
      if (items.length > 0) yield items
      const isLast = total === null ? items.length < numOfRows : read === total
      if (isLast) return
      if (items.length === 0) throw broken(`page ${page} is empty, but only ${read} of ${total} rows have come`)
    }
    throw broken(`there are more than ${maxPages} pages (maxPages)`)
  }

  /** All rows at once. @throws OpenDataError */
  async list(request: OpenDataRequest): Promise<readonly OpenDataItem[]> {
    const rows: OpenDataItem[] = []
    for await (const items of this.pages(request)) rows.push(...items)
    return rows
  }

  async #ask(request: OpenDataRequest, page: number): Promise<OpenDataAnswer> {
    const { http, key, calls } = this.#options
    const { query = {}, numOfRows = 100 } = request
    const service = request.service.replace(/^\//, '')
    const refusal = (code: string | null, message: string): Refusal => ({ code, message, service, query })
    if (!(await calls.spend(`${key.reveal()} ${service}`)))
      throw new OpenDataQuotaError(refusal(null, `not asked: ${calls.perDay} calls were made today from this host`))
    const raw = await http.request({
      endpoint: service,
      query: { serviceKey: key.reveal(), pageNo: page, numOfRows, dataType: 'JSON', ...query },
    })
    const text = key.redact(raw.text)
    const answer = await readAnswer(text)
    if (answer === null) throw this.#foreign(raw, text, refusal)
    if (answer.code !== '00') throw errorOf(refusal(answer.code, answer.message))
    // Some services say 00 and give nothing where others say 03.
    if (page === 1 && answer.items.length === 0 && (answer.totalCount ?? 0) === 0)
      throw errorOf(refusal('03', answer.message))
    return answer
  }

  /** Not in the portal's words: its newer gateway has bare sentences, and what stands before it may have a page of its own. */
  #foreign(raw: HttpAnswer, text: string, refusal: (code: string | null, message: string) => Refusal): unknown {
    const begin = text.trim().slice(0, 200)
    const told = refusal(null, `HTTP ${raw.status}: ${begin === '' ? 'no body' : begin}`)
    if (raw.status === 401 || raw.status === 403) return new OpenDataKeyError(told)
    if (raw.status === 429 && /quota/i.test(text)) return new OpenDataQuotaError(told)
    try {
      const headers = { ...raw.headers, 'content-type': 'text/plain; charset=utf-8' }
      const redacted = new HttpAnswer({ ...raw, headers, body: Buffer.from(text) })
      judgeStatus(redacted, { expectStatus: '2xx', retryAfterLimit: 3_600, now: this.#options.http.clock.now() })
    } catch (error) {
      return error
    }
    return new OpenDataAnswerError(told, `${told.service}: expected an answer of data.go.kr, found ${told.message}`)
  }
}
