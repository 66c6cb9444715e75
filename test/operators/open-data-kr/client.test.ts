// The connector against a server that answers as the portal and its gateway do.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  OpenDataAnswerError,
  type OpenDataClient,
  type OpenDataError,
  OpenDataKeyError,
  OpenDataNoDataError,
  OpenDataParameterError,
  OpenDataQuotaError,
  OpenDataServerError,
  OpenDataServiceError,
  openOpenData,
  taskEnding,
} from '../../../operators/open-data-kr/index.ts'
import { FailTask, RetryTask } from '../../../sdk/index.ts'
import { FakeClock } from '../../support/clock.ts'
import {
  type MadeUpContext,
  madeUpContext,
  removeTemporaryFoldersAfterwards,
  temporaryFolder,
} from '../../support/operator-context.ts'
import { describeRecorded, recordedJson } from '../../support/recorded.ts'
import { closeServersAfterEach, type Reply, scripted, type TestServer } from '../http/server.ts'

const KEY = 'R0JxlwfVJ5AiJuhDSHh0q0C1WpRnnze0+1nSOAs7dYjmDFvG3XBp/kd4Ufjx0g=='
/** 23:50 in Seoul. */
const NOW = Date.parse('2026-01-05T23:50:00+09:00')
const SERVICE = '1360000/AsosHourlyInfoService/getWthrDataList'

removeTemporaryFoldersAfterwards()
closeServersAfterEach()
let embeddedRoot: string
beforeEach(async () => {
  embeddedRoot = await temporaryFolder()
})

function reply(body: unknown, { status = 200, type = 'application/json;charset=UTF-8' } = {}): Reply {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': type })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}

const header = (resultCode: string | number, resultMsg = 'NORMAL_SERVICE') => ({ resultCode, resultMsg })
const page = (rows: readonly object[], totalCount: number | string | undefined = rows.length) => ({
  response: { header: header('00'), body: { items: { item: rows }, totalCount } },
})
const rowsFrom = (first: number, count: number) => Array.from({ length: count }, (_, i) => ({ n: String(first + i) }))
const gatewayXml = (code: string, word: string) =>
  `<OpenAPI_ServiceResponse><cmmMsgHeader><errMsg>SERVICE ERROR</errMsg><returnAuthMsg>${word}</returnAuthMsg>` +
  `<returnReasonCode>${code}</returnReasonCode></cmmMsgHeader></OpenAPI_ServiceResponse>`

interface Opened {
  readonly op: MadeUpContext
  readonly client: OpenDataClient
  readonly clock: FakeClock
}

async function open(
  server: TestServer,
  { password = KEY, extra = {}, clock = new FakeClock(NOW) } = {},
): Promise<Opened> {
  const connection = server.connection({
    id: 'open_data_kr_default',
    schema: 'http',
    password,
    extra: JSON.stringify(extra),
  })
  const op = madeUpContext({ embeddedRoot, connections: [connection] })
  return { op, clock, client: await openOpenData(op, { clock }) }
}

async function listOf(server: TestServer, query = {}, numOfRows = 100): Promise<readonly unknown[]> {
  const { client } = await open(server)
  try {
    return await client.list({ service: SERVICE, query, numOfRows })
  } finally {
    await client.close()
  }
}

async function errorOf(...replies: readonly Reply[]): Promise<OpenDataError> {
  const found: unknown = await listOf(await scripted(...replies), { startDt: '20210101', stnIds: '108' }).catch(
    (error: unknown) => error,
  )
  // Each test says which.
  return found as OpenDataError
}

describe('rows', () => {
  test('are asked for with the key once, and pages are counted by totalCount', async () => {
    const server = await scripted(
      reply(page(rowsFrom(0, 2), 5)),
      reply(page(rowsFrom(2, 2), 5)),
      reply(page(rowsFrom(4, 1), 5)),
    )
    expect(await listOf(server, { stnIds: '108' }, 2)).toEqual(rowsFrom(0, 5))
    const asked = server.seen.map(({ url }) => new URL(url, server.url).searchParams)
    expect(asked.map((query) => query.get('pageNo'))).toEqual(['1', '2', '3'])
    expect(asked[0]?.getAll('serviceKey')).toEqual([KEY])
    expect(Object.fromEntries(asked[0] ?? [])).toMatchObject({ numOfRows: '2', dataType: 'JSON', stnIds: '108' })
    expect(server.seen.some(({ headers }) => 'authorization' in headers)).toBe(false)
  })

  test.each([
    ['a list', { items: { item: [{ a: '1' }, { a: '2' }] }, totalCount: 2 }, 2],
    ['one object', { items: { item: { a: '1' } }, totalCount: '1' }, 1],
    ['a list without item', { items: [{ a: '1' }], totalCount: 1 }, 1],
    ['without totalCount', { items: { item: [{ a: '1' }] } }, 1],
  ])('come as %s', async (_name, body, count) => {
    expect(await listOf(await scripted(reply({ response: { header: header('00'), body } })))).toHaveLength(count)
  })

  test('come as XML from a service that knows nothing else', async () => {
    const body =
      '<?xml version="1.0"?><response><header><resultCode>00</resultCode><resultMsg>OK</resultMsg></header><body><items>' +
      '<item><tm>2021-01-01</tm><ta></ta></item><item><tm>2021-01-02</tm><ta>1.5</ta></item></items><totalCount>2</totalCount></body></response>'
    expect(await listOf(await scripted(reply(body, { type: 'application/xml' })))).toEqual([
      { tm: '2021-01-01', ta: '' },
      { tm: '2021-01-02', ta: '1.5' },
    ])
  })

  test('that do not add up are refused: a page that is empty too early, a total that changes, a row too many', async () => {
    const first = reply(page(rowsFrom(0, 100), 150))
    const problems = [
      await errorOf(first, reply(page([], 150))),
      await errorOf(first, reply(page(rowsFrom(100, 51), 151))),
      await errorOf(reply(page(rowsFrom(0, 3), 2))),
    ]
    for (const problem of problems) expect(problem).toBeInstanceOf(OpenDataAnswerError)
    expect(problems.map(({ message }) => message.replace(`${SERVICE}: `, ''))).toEqual([
      'page 2 is empty, but only 100 of 150 rows have come',
      'totalCount became 151 on page 2, 150 before: rows were added meanwhile',
      '3 rows came, but totalCount is 2',
    ])
  })
})

describe('an error is one kind, as JSON, as XML, whatever the status:', () => {
  const kinds = [
    ['01', 'APPLICATION_ERROR', OpenDataServerError],
    ['03', 'NODATA_ERROR', OpenDataNoDataError],
    ['10', 'INVALID_REQUEST_PARAMETER_ERROR', OpenDataParameterError],
    ['11', 'NO_MANDATORY_REQUEST_PARAMETERS_ERROR', OpenDataParameterError],
    ['12', 'NO_OPENAPI_SERVICE_ERROR', OpenDataServiceError],
    ['20', 'SERVICE_ACCESS_DENIED_ERROR', OpenDataKeyError],
    ['22', 'LIMITED_NUMBER_OF_SERVICE_REQUESTS_EXCEEDS_ERROR', OpenDataQuotaError],
    ['30', 'SERVICE_KEY_IS_NOT_REGISTERED_ERROR', OpenDataKeyError],
    ['31', 'DEADLINE_HAS_EXPIRED_ERROR', OpenDataKeyError],
    ['99', 'UNKNOWN_ERROR', OpenDataServerError],
    ['77', 'A CODE OF TOMORROW', OpenDataServerError],
  ] as const

  test.each(kinds)('%s %s', async (code, word, kind) => {
    const ofService = { response: { header: header(code, word) } }
    const ofGateway = {
      OpenAPI_ServiceResponse: {
        cmmMsgHeader: { errMsg: 'SERVICE ERROR', returnAuthMsg: word, returnReasonCode: code },
      },
    }
    const xmlOfService = `<response><header><resultCode>${code}</resultCode><resultMsg>${word}</resultMsg></header></response>`
    const shapes = [
      reply(ofService),
      reply({ header: header(Number(code), word) }),
      reply(ofGateway, { status: 403 }),
      reply(gatewayXml(code, word), { type: 'text/xml' }),
      reply(gatewayXml(code, word), { status: 403 }),
      reply(xmlOfService, { type: 'application/xml' }),
    ]
    for (const shape of shapes) {
      const error = await errorOf(shape)
      expect(error).toBeInstanceOf(kind)
      expect(error).toMatchObject({ code, service: SERVICE })
      expect(error.message).toContain(`${code} ${word}`)
    }
  })

  test.each([
    ['no body', { response: { header: header('03') } }],
    ['an empty object', { response: { header: header('03'), body: {} } }],
    ['00 and no rows', { response: { header: header('00'), body: { items: '', totalCount: 0 } } }],
  ])('no data with %s', async (_name, body) => {
    expect(await errorOf(reply(body))).toBeInstanceOf(OpenDataNoDataError)
  })

  test('sentences of the newer gateway, and pages of what stands before it', async () => {
    expect(await errorOf(reply('Unauthorized', { status: 401, type: 'text/plain' }))).toBeInstanceOf(OpenDataKeyError)
    expect(await errorOf(reply('API token quota exceeded', { status: 429 }))).toBeInstanceOf(OpenDataQuotaError)
    const html = await errorOf(reply('<html><body>Bad Gateway</body></html>', { status: 502, type: 'text/html' }))
    expect(html).toMatchObject({ name: 'HttpStatusError', status: 502 })
    const page = await errorOf(reply('<!doctype html><p>maintenance', { type: 'text/html' }))
    expect(page).toBeInstanceOf(OpenDataAnswerError)
    expect(await errorOf(reply('{"response": {'))).toBeInstanceOf(OpenDataAnswerError)
  })

  test('a wrong parameter is named, or all that were sent', async () => {
    const named = await errorOf(
      reply({ response: { header: header('10', 'INVALID_REQUEST_PARAMETER_ERROR(startDt)') } }),
    )
    expect(named).toMatchObject({ parameters: ['startDt'] })
    expect(named.message).toContain('it names startDt=20210101.')
    const unnamed = await errorOf(reply({ response: { header: header('10', 'INVALID_REQUEST_PARAMETER_ERROR') } }))
    expect(unnamed).toMatchObject({ parameters: ['startDt', 'stnIds'] })
    expect(unnamed.message).toContain('startDt=20210101, stnIds=108')
  })
})

describeRecorded('kma_asos', 'the known error shapes', () => {
  // Its README describes them.
  const shapes = recordedJson('kma_asos', 'error_shapes.json') as readonly {
    readonly case: string
    readonly body: unknown
  }[]
  test.each(shapes.map((shape) => [shape.case, shape.body] as const))('%s', async (name, body) => {
    const kind = name.startsWith('no rows') ? OpenDataNoDataError : OpenDataKeyError
    for (const status of [200, 403]) expect(await errorOf(reply(body, { status }))).toBeInstanceOf(kind)
  })
})

describe('a task ends', () => {
  test('without a retry for a refused key, parameter or service', async () => {
    for (const code of ['10', '12', '30']) {
      const error = await errorOf(reply({ response: { header: header(code) } }))
      const ending = taskEnding(error, NOW)
      expect(ending).toBeInstanceOf(FailTask)
      expect(ending).toMatchObject({ message: error.message, cause: error })
    }
  })

  test('with a retry after midnight in Seoul when the calls of the day are used up', async () => {
    const ending = taskEnding(await errorOf(reply(gatewayXml('22', 'LIMITED'))), NOW)
    expect(ending).toBeInstanceOf(RetryTask)
    expect(ending).toMatchObject({ after: 15 * 60 })
  })

  test('as the error says otherwise', async () => {
    const error = await errorOf(reply(gatewayXml('99', 'UNKNOWN_ERROR')))
    expect(taskEnding(error, NOW)).toBe(error)
  })
})

describe('the budget', () => {
  test('is of the day in Seoul, and of all tasks of the host together', async () => {
    const server = await scripted(reply(page(rowsFrom(0, 1))))
    const clock = new FakeClock(NOW)
    const first = await open(server, { extra: { calls_per_day: 3 }, clock })
    const second = await open(server, { extra: { calls_per_day: 3 }, clock })
    for (const { client } of [first, second, first]) await client.list({ service: SERVICE })
    await expect(second.client.list({ service: SERVICE })).rejects.toThrow(OpenDataQuotaError)
    await expect(first.client.list({ service: SERVICE })).rejects.toThrow(/3 calls were made today/)
    expect(server.seen).toHaveLength(3)
    await first.client.list({ service: '1360000/AsosDalyInfoService/getWthrDataList' })
    clock.at += 15 * 60_000
    await second.client.list({ service: SERVICE })
    expect(server.seen).toHaveLength(5)
    for (const { client } of [first, second]) await client.close()
    const files = readdirSync(join(embeddedRoot, 'open-data-kr'))
    expect(files.map((name) => name.slice(0, 8))).toEqual(['20260106'])
  })

  test('says what is wrong with its number', async () => {
    await expect(open(await scripted(reply('')), { extra: { calls_per_day: '10,000' } })).rejects.toThrow(
      /calls_per_day/,
    )
  })
})

describe('the key', () => {
  test.each([
    ['decoded', KEY],
    ['encoded', encodeURIComponent(KEY)],
  ])('given %s is in no error and no line, whatever the server quotes', async (_name, password) => {
    const quoting: Reply = (_request, response, { url }) => {
      response.writeHead(500, { 'content-type': 'text/plain' })
      response.end(`cannot serve ${url} for ${KEY} ${encodeURIComponent(KEY)}`)
    }
    const inMessage: Reply = (_request, response, { url }) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ response: { header: header('99', `${url} ${KEY}`) } }))
    }
    const toElsewhere: Reply = (_request, response, { url }) => {
      response.writeHead(302, { location: `http://elsewhere.invalid${url}` })
      response.end()
    }
    const breaking: Reply = (request) => void request.socket.destroy()
    for (const answer of [quoting, inMessage, toElsewhere, breaking]) {
      const { op, client } = await open(await scripted(answer), { password })
      const error: unknown = await client.list({ service: SERVICE }).catch((cause: unknown) => cause)
      await client.close()
      const seen: string[] = [JSON.stringify(op.lines)]
      for (let at = error; at instanceof Error; at = at.cause) seen.push(String(at), at.stack ?? '', JSON.stringify(at))
      expect(seen.length).toBeGreaterThan(1)
      for (const form of [KEY, encodeURIComponent(KEY)]) expect(seen.join('\n')).not.toContain(form)
    }
  })

  test('without a connection is asked for', async () => {
    const op = madeUpContext({ embeddedRoot })
    await expect(openOpenData(op)).rejects.toThrow(/open_data_kr_default: there is none: add it, of type http/)
  })
})
