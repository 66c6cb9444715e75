import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { instantOf, localOf, zonedIso } from '../../webserver/pages/forms/zoned.ts'
import { barParts, makeTally, readTally, writeTally } from '../../webserver/states/tally.ts'
import { expectShape } from './openapi.ts'
import { makeDag, makeTask, seedRun, storeDag } from './seed.ts'
import { startWeb, type TestWeb } from './start-web.ts'

let web: TestWeb

beforeAll(async () => {
  web = await startWeb()
  await storeDag(
    web,
    makeDag('asks', {
      tasks: [
        makeTask('wait', { operator: 'ExternalTaskSensor', options: { externalDagId: 'before' } }),
        makeTask('start', { operator: 'TriggerDagRunOperator', options: { dagId: 'after' } }),
      ],
      labels: [['wait', 'start', 'when <it> is there']],
      params: {
        day: { schema: { type: 'string', format: 'date' }, description: 'Which day', position: 0 },
        limit: { value: 5, schema: { type: 'integer', minimum: 1 }, description: null, position: 1 },
      },
    }),
  )
})

afterAll(() => web.stop())

const runs = '/dags/{dag_id}/dagRuns'
const post = (conf: object) => web.call('POST', '/api/v2/dags/asks/dagRuns', { body: { logical_date: null, conf } })

describe('params', () => {
  it('stand in the details of a DAG with value, schema and description', async () => {
    const answer = await web.call('GET', '/api/v2/dags/asks/details')
    expectShape('get', '/dags/{dag_id}/details', answer)
    expect(answer.body).toMatchObject({
      params: {
        day: { value: null, schema: { type: 'string', format: 'date' }, description: 'Which day' },
        limit: { value: 5, schema: { type: 'integer', minimum: 1 }, description: null },
      },
    })
  })

  it('that a run does not fit are refused with a sentence each, and status 400', async () => {
    const bad = await post({ limit: 0 })
    expectShape('post', runs, bad)
    expect(bad.status).toBe(400)
    expect(bad.text).toMatch(/param \\"day\\".*param \\"limit\\"/)
    const good = await post({ day: '2026-01-05' })
    expectShape('post', runs, good)
    expect(good.status).toBe(200)
  })

  it('begin the form as a JSON text with every default', async () => {
    const { text } = await web.call('GET', '/dags/asks/trigger')
    expect(text).toContain('{\n  &quot;limit&quot;: 5\n}</textarea>')
    const filled = await web.call('GET', `/dags/asks/trigger?conf=${encodeURIComponent('{"day":"2026-01-05","x":1}')}`)
    expect(filled.text).toContain(
      '&quot;limit&quot;: 5,\n  &quot;day&quot;: &quot;2026-01-05&quot;,\n  &quot;x&quot;: 1',
    )
  })
})

it('the graph shows labels of edges, and the DAGs that tasks start or wait for', async () => {
  await seedRun(web, 'asks', Date.UTC(2026, 0, 5), { state: 'success', conf: { day: '2026-01-05' } })
  const { text } = await web.call('GET', '/dags/asks/graph')
  expect(text).toContain('when &lt;it&gt; is there</text>')
  expect(text).toContain('<a href="/dags/after" aria-label="starts the DAG after">')
  expect(text).toContain('<a href="/dags/before" aria-label="waits for the DAG before">')
})

describe('small parts', () => {
  it('a wall-clock time of a zone and its instant are one, also where clocks change', () => {
    const at = Date.UTC(2026, 0, 5, 0)
    expect([localOf(at, 'Asia/Seoul'), zonedIso(at, 'Asia/Seoul')]).toEqual([
      '2026-01-05T09:00',
      '2026-01-05T09:00:00+09:00',
    ])
    expect(instantOf('2026-01-05T09:00', 'Asia/Seoul')).toBe(at)
    expect(instantOf('2026-07-01T12:00', 'Europe/Berlin')).toBe(Date.UTC(2026, 6, 1, 10))
    expect(instantOf('2026-03-29T03:00', 'Europe/Berlin')).toBe(Date.UTC(2026, 2, 29, 1))
    expect(instantOf('yesterday', 'UTC')).toBeNull()
  })

  it('a tally is worst first, survives its text, and its bar fills its width', () => {
    const tally = makeTally([
      ['success', 11],
      ['failed', 1],
    ])
    expect([writeTally(tally), writeTally(makeTally([['running', 1]]))]).toEqual(['f1s11', 'r'])
    expect(readTally('f1s11')).toEqual(tally)
    const parts = barParts(tally, 14, 3)
    expect(parts[0]?.width).toBe(3)
    expect(parts.reduce((sum, part) => sum + part.width, 0)).toBeCloseTo(14)
  })
})
