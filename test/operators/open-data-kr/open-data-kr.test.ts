// `openDataKr` as a task.

import { describe, expect, test } from 'vitest'
import { type OpenDataKrOptions, openDataKr, openDataKrWith } from '../../../operators/open-data-kr/open-data-kr.ts'
import { FakeClock } from '../../support/clock.ts'
import { madeUpContext, removeTemporaryFoldersAfterwards, temporaryFolder } from '../../support/operator-context.ts'
import { closeServersAfterEach, json, type Reply, scripted } from '../http/server.ts'

removeTemporaryFoldersAfterwards()
closeServersAfterEach()

const SERVICE = '1360000/AsosDalyInfoService/getWthrDataList'
const ROWS = [{ tm: '2026-01-04', avgTa: '-1.2' }]
const good = json({ response: { header: { resultCode: '00' }, body: { items: { item: ROWS }, totalCount: 1 } } })
const failing = (resultCode: string) => json({ response: { header: { resultCode, resultMsg: 'WORDS' } } })

async function run(answer: Reply, options: Partial<OpenDataKrOptions> = {}) {
  const server = await scripted(answer)
  const connection = server.connection({ id: 'open_data_kr_default', schema: 'http', password: 'a+key/of==' })
  const op = madeUpContext({ embeddedRoot: await temporaryFolder(), connections: [connection] })
  const query = { dataCd: 'ASOS', dateCd: 'DAY', startDt: '20260104', endDt: '20260104', stnIds: 108 }
  const operator = openDataKrWith(new FakeClock(0), { service: SERVICE, query, ...options })
  return { op, server, result: await Promise.resolve(operator.execute(op, {})).catch((error: unknown) => error) }
}

describe('the rows', () => {
  test('of the daily service are the XCom, and counted', async () => {
    const { op, result, server } = await run(good)
    expect(result).toEqual(ROWS)
    expect(op.effects).toMatchObject([{ kind: 'source', target: SERVICE, rowsRead: 1, rowsWritten: 1 }])
    expect(new URL(server.seen[0]?.url ?? '', server.url).searchParams.get('dateCd')).toBe('DAY')
  })

  test('that are none fail the try, or are an empty list where the author says so', async () => {
    expect((await run(failing('03'))).result).toMatchObject({ name: 'OpenDataNoDataError' })
    expect((await run(failing('03'), { whenEmpty: 'empty' })).result).toEqual([])
  })

  test('are refused when they are more than an XCom may be', async () => {
    const item = Array.from({ length: 1_100 }, () => ({ text: 'x'.repeat(1_000) }))
    const answer = json({ response: { header: { resultCode: '00' }, body: { items: { item }, totalCount: 1_100 } } })
    expect(String((await run(answer, { numOfRows: 2_000 })).result)).toContain('larger than an XCom may be')
  })
})

test.each([
  ['10', 'FailTask'],
  ['30', 'FailTask'],
  ['22', 'RetryTask'],
  ['99', 'OpenDataServerError'],
])('code %s ends the task as %s', async (code, name) => {
  expect((await run(failing(code))).result).toMatchObject({ name })
})

test.each([
  [{ service: 'AsosDalyInfoService' }, /service must be a path such as/],
  [{ service: 'a/b?serviceKey=1' }, /service must be a path such as/],
  [{ service: '../a/b' }, /service must be a path such as/],
  [{ service: SERVICE, query: { ServiceKey: 'x' } }, /must not have ServiceKey: the key is of the connection/],
  [{ service: SERVICE, numOfRows: 0 }, /numOfRows must be a whole number of 1 or more/],
])('%j is refused while the DAG is read', (options, problem) => {
  expect(() => openDataKr(options)).toThrow(problem)
})
