// Versions and reasons over the API and on the pages: what differs, which runs each version has, why something waits.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { diffVersions } from '../../engine/dags/versions.ts'
import { makeDag, makeTask, type SeededRun, seedRun, storeDag } from './seed.ts'
import { startWeb, type TestWeb } from './start-web.ts'

let web: TestWeb
let run: SeededRun
const NOON = Date.parse('2026-01-05T12:00:00Z')
const one = "import { Dag } from 'baram'\nexport const dag = new Dag('etl')\ndag.task('a', () => 1)()\n"
const two = `${one}dag.task('b', () => 2)()\n`

beforeAll(async () => {
  web = await startWeb()
  await storeDag(web, makeDag('etl', { tasks: ['a'] }), one)
  run = await seedRun(web, 'etl', NOON, { state: 'queued', tasks: { a: null }, type: 'manual' })
  await storeDag(web, makeDag('etl', { tasks: [makeTask('a', { retries: 2 }), 'b'] }), two)
})
afterAll(() => web.stop())

const page = async (path: string) => (await web.call('GET', path)).text

describe('versions', () => {
  test('are compared by their files and by what the DAG became', async () => {
    const diff = await diffVersions(web.database, web.runCache, 'etl', 1, 2)
    expect(diff.tasksAdded).toEqual(['b'])
    expect(diff.tasksChanged).toEqual([{ taskId: 'a', options: ['retries: 0 → 2'] }])
    expect(diff.hunks.flatMap((hunk) => hunk.lines).filter((line) => line.kind !== 'same')).toMatchObject([
      { kind: 'added', text: "dag.task('b', () => 2)()", after: 4 },
    ])
    await expect(diffVersions(web.database, web.runCache, 'etl', 1, 9)).rejects.toThrow('DAG etl has no version 9')
  })

  test('that differ in what they import say so', async () => {
    await storeDag(web, makeDag('helper', { tasks: ['a'] }), one)
    await seedRun(web, 'helper', NOON, { state: 'success' })
    await storeDag(web, makeDag('helper', { tasks: ['a'] }), two)
    await web.database.query("update dag_code set source_code = $1 where dag_id = 'helper'", [one])
    expect(await diffVersions(web.database, web.runCache, 'helper', 1, 2)).toMatchObject({
      hunks: [],
      isImported: true,
    })
  })

  test('have their code, their difference and their runs on the pages', async () => {
    expect(await page('/dags/etl/code?version=1')).not.toContain('dag.task(&#x27;b&#x27;')
    const diff = await page('/dags/etl/code?version=2&against=1')
    expect(diff).toContain('v1 → v2')
    expect(diff).toMatch(/class="add"><i>4<\/i>/)
    expect(await page('/dags/etl/runs?version=1')).toContain(run.runId.replace('+', '+'))
    expect(await page('/dags/etl/runs?version=2')).toContain('No runs here yet.')
    expect((await web.call('GET', '/dags/etl/code?version=2&against=9')).status).toBe(404)
  })
})

describe('why, over the API', () => {
  const why = async (query: string) =>
    (await web.call('GET', `/api/baram/v1/dags/etl/why${query}`, { role: 'viewer' })).body

  test('answers for a DAG, a run, a task and a time', async () => {
    expect(await why('')).toMatchObject({ dag_run_id: null, code: 'paused' })
    expect(await why(`?run=${encodeURIComponent(run.runId)}`)).toMatchObject({ dag_run_id: run.runId, code: 'paused' })
    expect(await why('?run=latest&task_id=a')).toMatchObject({ task_id: 'a', map_index: -1, code: 'paused' })
    expect(await why('?run=2026-01-05T03:00:00Z')).toMatchObject({ dag_run_id: null, code: 'no_schedule' })
    expect((await web.call('GET', '/api/baram/v1/dags/nope/why')).status).toBe(404)
    expect((await web.call('GET', '/api/baram/v1/dags/etl/why', { role: null })).status).toBe(401)
  })

  test('is the sentence on the run’s panel', async () => {
    const { sentence } = (await why('?run=latest')) as { sentence: string }
    expect(await page(`/dags/etl?run=${encodeURIComponent(run.runId)}`)).toContain(sentence)
  })
})
