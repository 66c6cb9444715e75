// The page Monitoring: what is wrong stands on top, the rest below it, and none of it needs Prometheus.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { putPool } from '../../store/postgres/pools.ts'
import { makeDag, seedFailedCallback, seedStream, storeDag, unpause } from './seed.ts'
import { startWeb, type TestWeb } from './start-web.ts'

let web: TestWeb
beforeAll(async () => {
  web = await startWeb()
  await storeDag(web, makeDag('cars', { tasks: ['consume'] }))
  await unpause(web, 'cars')
})
afterAll(() => web.stop())

const page = async () =>
  (await web.call('GET', '/monitoring', { role: 'viewer', headers: { accept: 'text/html' } })).text
const headline = (html: string) => /<h1>(.*?)<\/h1>/s.exec(html)?.[1]?.trim()
const notes = (html: string) =>
  [...html.matchAll(/<p class="note (\w+)">(.*?)<\/p>/gs)].map(([, kind, body = '']) => [
    kind,
    body
      .replaceAll(/<[^>]*>/g, '')
      .replaceAll(/\s+/g, ' ')
      .trim(),
  ])

test('a deployment without scheduler and worker has two problems', async () => {
  const html = await page()
  expect(headline(html)).toBe('Two problems.')
  expect(notes(html)).toEqual([
    ['bad', 'No scheduler is running.'],
    ['bad', 'No worker is running.'],
  ])
})

test('a stream is shown with lag, rate, freshness and rejected records, and is a problem once it stalls', async () => {
  await seedStream(web, 'cars', 'car_info (group cars)', { lag: 1200, age: 5, freshness: 30, rejected: 3 })
  const html = await page()
  expect(html).toContain('car_info (group cars)')
  for (const shown of ['1,200', '1,250.5', '30 s', '>3<']) expect(html).toContain(shown)
  expect(notes(html)).toHaveLength(2)
  await web.database.query("update stream set newest_at = now() - interval '11 min'")
  expect(notes(await page())).toContainEqual(['bad', 'cars stalls: 1,200 records of car_info (group cars) wait.'])
  await web.database.query('update stream set lag = 0')
  expect(notes(await page())).toContainEqual(['bad', 'cars gets no new records of car_info (group cars).'])
  await web.database.query("update stream set settled_at = now() - interval '6 min'")
  expect(notes(await page())).toContainEqual(['bad', 'cars has settled no window of car_info (group cars).'])
  await web.database.query('delete from stream')
})

test('a callback that was given up is a problem for an hour, and is listed with its reason', async () => {
  await seedFailedCallback(web, 'cars', 'consume', 'the receiver answered 500 <b>\n  at stack')
  const html = await page()
  expect(notes(html)).toContainEqual(['warn', '1 callback failed in the last hour.'])
  expect(html).toContain('the receiver answered 500 &lt;b&gt;')
  await web.database.query("update callback set end_date = now() - interval '2 hours'")
  const later = await page()
  expect(notes(later)).toHaveLength(2)
  expect(later).toContain('the receiver answered 500')
})

test('a full pool is a problem while tasks wait for it', async () => {
  await putPool(web.database, { pool: 'narrow', slots: 1, description: null, includeDeferred: false })
  await web.database.query(
    `insert into task_queue (dag_run_id, ti_id, stage, dag_id, task_id, map_index, queue, pool, pool_slots, priority_weight, epoch, because)
     select 1, gen_random_uuid(), 'throttled', 'cars', 'x', i, 'default', 'narrow', 1, 1, 0, '{"code": "waits_for_pool"}' from generate_series(1, 2) i`,
  )
  expect(notes(await page())).toContainEqual(['warn', 'Pool narrow is full: 2 tasks wait.'])
  await web.database.query('delete from task_queue')
})

test('what /metrics calls problems has the same thresholds here', async () => {
  const { rules } = await import('../support/monitoring.ts')
  const { SILENT_SECONDS, STALE_SECONDS } = await import('../../webserver/pages/monitoring/problems.ts')
  const exprOf = (name: string) => rules.find(({ alert }) => alert === name)?.expr
  expect(exprOf('StreamStalled')).toBe(`baram_stream_freshness_seconds > ${STALE_SECONDS}`)
  expect(exprOf('StreamNotRunning')).toBe(`baram_stream_window_age_seconds > ${SILENT_SECONDS}`)
})
