// Answers as apis.data.go.kr gives them: rows by page, a service's errors in its own words, the gateway's as XML whatever was asked
// for.

const DAY = 86_400_000
const KST = 9 * 3_600_000

export interface Answer {
  readonly status: number
  readonly type: 'application/json;charset=UTF-8' | 'application/xml;charset=UTF-8'
  readonly body: string
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

export function json(body: unknown, status = 200): Answer {
  return { status, type: 'application/json;charset=UTF-8', body: JSON.stringify(body) }
}

function xml(body: string, status = 200): Answer {
  return { status, type: 'application/xml;charset=UTF-8', body }
}

export type Format = 'JSON' | 'XML'

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

/** Whether the query's page and its size are numbers. */
export function hasPage(query: URLSearchParams): boolean {
  return [query.get('numOfRows') || '10', query.get('pageNo') || '1'].every((text) => /^[1-9]\d{0,8}$/.test(text))
}

export function page(rows: readonly object[], query: URLSearchParams, format: Format, mostRows: number): Answer {
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
    const day = Math.floor((now + KST) / DAY)
    this.#calls = day === this.#day ? this.#calls + 1 : 1
    this.#day = day
    return this.#calls <= this.#perDay
  }
}
