// What the service answers to its parameters, as a value; its errors in its own words, the gateway's as XML whatever was asked for.

import { DAY, HOUR, hourAt, type ObservationSource, startOfDay } from './observation.ts'

export interface Answer {
  readonly status: number
  readonly type: 'application/json;charset=UTF-8' | 'application/xml;charset=UTF-8'
  readonly body: string
}

export const HOURLY_PATH = '/1360000/AsosHourlyInfoService/getWthrDataList'
/** More are cut without a word: a client that does not page loses rows. */
export const MOST_ROWS = 999
/** An hour's observation is there a minute after it; the real service has it the next day. */
const DELAY_MS = 60_000

export interface Serving {
  readonly source: ObservationSource
  /** The key that is accepted. */
  readonly key: string
  /** `now`: hours until a minute ago. `yesterday`: as the real service, none of today. */
  readonly until: 'now' | 'yesterday'
  /** Of a page. */
  readonly mostRows: number
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

function json(body: unknown, status = 200): Answer {
  return { status, type: 'application/json;charset=UTF-8', body: JSON.stringify(body) }
}

function xml(body: string, status = 200): Answer {
  return { status, type: 'application/xml;charset=UTF-8', body }
}

type Format = 'JSON' | 'XML'

/** An error of the service. */
export function serviceError(code: string, message: string, format: Format = 'JSON'): Answer {
  if (format === 'JSON') return json({ response: { header: { resultCode: code, resultMsg: message } } })
  const header = `<header><resultCode>${code}</resultCode><resultMsg>${escaped(message)}</resultMsg></header>`
  return xml(`<response>${header}</response>`)
}

/** An error of the gateway before it: XML, with status 200. */
export function gatewayError(code: string, word: string): Answer {
  const texts = `<errMsg>SERVICE ERROR</errMsg><returnAuthMsg>${word}</returnAuthMsg><returnReasonCode>${code}</returnReasonCode>`
  return xml(`<OpenAPI_ServiceResponse><cmmMsgHeader>${texts}</cmmMsgHeader></OpenAPI_ServiceResponse>`)
}

/** The gateway's errors as the newer one has them: JSON, with status 403. */
export function gatewayJsonError(code: string, word: string): Answer {
  const cmmMsgHeader = { errMsg: 'SERVICE ERROR', returnAuthMsg: word, returnReasonCode: code }
  return json({ OpenAPI_ServiceResponse: { cmmMsgHeader } }, 403)
}

const REQUIRED = ['dataCd', 'dateCd', 'startDt', 'startHh', 'endDt', 'endHh', 'stnIds'] as const

function page(rows: readonly object[], query: URLSearchParams, format: Format, mostRows: number): Answer {
  const numOfRows = Math.min(Number(query.get('numOfRows') ?? 10), mostRows)
  const pageNo = Number(query.get('pageNo') ?? 1)
  const first = (pageNo - 1) * numOfRows
  const item = rows.slice(first, first + numOfRows).map((row, i) => ({ rnum: String(first + i + 1), ...row }))
  const counts = { pageNo, numOfRows, totalCount: rows.length }
  if (format === 'JSON') {
    const header = { resultCode: '00', resultMsg: 'NORMAL_SERVICE' }
    return json({ response: { header, body: { dataType: 'JSON', items: { item }, ...counts } } })
  }
  const cells = (row: object) =>
    Object.entries(row).map(([name, value]) => `<${name}>${escaped(String(value))}</${name}>`)
  const items = item.map((row) => `<item>${cells(row).join('')}</item>`).join('')
  const header = '<header><resultCode>00</resultCode><resultMsg>NORMAL_SERVICE</resultMsg></header>'
  return xml(`<response>${header}<body><items>${items}</items>${cells(counts).join('')}</body></response>`)
}

function hourly({ source, until, mostRows }: Serving, query: URLSearchParams, now: number): Answer {
  const format = query.get('dataType') === 'JSON' ? 'JSON' : 'XML'
  const value = (name: string) => query.get(name) ?? ''
  if (REQUIRED.some((name) => value(name) === ''))
    return serviceError('11', 'NO_MANDATORY_REQUEST_PARAMETERS_ERROR', format)
  const from = hourAt(value('startDt'), value('startHh'))
  const to = hourAt(value('endDt'), value('endHh'))
  const counts = [value('numOfRows') || '10', value('pageNo') || '1']
  if (from === null || to === null || from > to || counts.some((text) => !/^[1-9]\d{0,8}$/.test(text)))
    return serviceError('10', 'INVALID_REQUEST_PARAMETER_ERROR', format)
  if (until === 'yesterday' && to >= startOfDay(now)) return serviceError('99', '전날 자료까지 제공됩니다.', format)
  const last = until === 'yesterday' ? startOfDay(now) - HOUR : now - DELAY_MS
  const rows = source.observations({ station: value('stnIds'), from, to: Math.min(to, last) })
  return rows.length === 0 ? serviceError('03', 'NO_DATA', format) : page(rows, query, format, mostRows)
}

/** The gateway's checks, then the service's. */
export function answer(serving: Serving, path: string, query: URLSearchParams, now: number): Answer {
  if (path === '/')
    return json({
      name: 'Baram simulated weather service',
      simulated: true,
      source: serving.source.name,
      notice: '가상 데이터입니다. This is no real weather.',
    })
  if (path !== HOURLY_PATH) return gatewayError('12', 'NO_OPENAPI_SERVICE_ERROR')
  if (query.get('serviceKey') !== serving.key) return gatewayError('30', 'SERVICE_KEY_IS_NOT_REGISTERED_ERROR')
  return hourly(serving, query, now)
}

/** Calls of a day in Seoul; past them the gateway refuses. */
export class CallCount {
  readonly #perDay: number
  #day = 0
  #calls = 0

  constructor(perDay: number) {
    this.#perDay = perDay
  }

  /** @returns whether the day has room for this call */
  spend(now: number): boolean {
    const day = Math.floor(startOfDay(now) / DAY)
    this.#calls = day === this.#day ? this.#calls + 1 : 1
    this.#day = day
    return this.#calls <= this.#perDay
  }
}
