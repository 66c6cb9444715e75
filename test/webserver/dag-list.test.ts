// The list of DAGs at 1,013 of them: each is reached, counted and found; what is wrong is said first.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { recordImportError } from '../../engine/dags/sync.ts'
import { makeDag, seedRun, storeDag } from './seed.ts'
import { startWeb, type TestWeb } from './start-web.ts'

const COUNT = 1013
const HOUR = 3_600_000

let web: TestWeb
beforeAll(async () => {
  web = await startWeb()
  await storeDag(web, makeDag('first', { tasks: ['a'] }))
  const at = Math.floor(Date.now() / HOUR) * HOUR
  for (const [i, state] of (['failed', 'success'] as const).entries())
    await seedRun(web, 'first', at - i * HOUR, { state })
  // One DAG stored as a file yields it; the others are copies of its row.
  await web.database.query(
    `insert into dag (dag_id, is_paused, is_stale, relative_fileloc, fileloc, owners, timetable_type, timezone, has_schedule, max_active_tasks,
       max_active_runs, max_consecutive_failed_dag_runs, has_task_concurrency_limits, bundle_name, next_dagrun_create_after)
     select 'dag_' || lpad(i::text, 4, '0'), i % 10 = 0, false, relative_fileloc, fileloc, case when i % 100 = 7 then 'kim_100%' else owners end,
       timetable_type, timezone, has_schedule, max_active_tasks, max_active_runs, max_consecutive_failed_dag_runs, has_task_concurrency_limits,
       bundle_name, case when i % 3 = 0 then now() + interval '1 hour' * (i % 5) end
     from dag, generate_series(2, $1::int) i where dag_id = 'first'`,
    [COUNT],
  )
  await web.database.query("update dag set is_paused = false where dag_id = 'first'")
  await web.database.query("insert into dag_tag (dag_id, name) values ('dag_0900', 'Nightly')")
  await web.database.query('analyze')
})
afterAll(() => web.stop())

const page = async (path: string) => (await web.call('GET', path, { headers: { accept: 'text/html' } })).text
const idsOf = (html: string) =>
  [...html.matchAll(/<div class="id"><span class="row"><b><a href="\/dags\/([^"]+)"/g)].map((m) => m[1] ?? '')
const linkOf = (html: string, name: string) => {
  const found = [...html.matchAll(/<a class="btn" href="([^"]+)" data-go>([\s\S]*?)<\/a>/g)].find((m) =>
    m[2]?.includes(name),
  )
  return found?.[1]?.replaceAll('&amp;', '&').replaceAll('&#x3D;', '=') ?? null
}

/** Every page from a link on, by `Next`. */
async function walk(path: string | null, name = 'Next'): Promise<string[][]> {
  const pages: string[][] = []
  for (let next = path; next !== null && pages.length < 20; ) {
    const html = await page(next)
    pages.push(idsOf(html))
    next = linkOf(html, name)
  }
  return pages
}

describe('the list of 1,013 DAGs', () => {
  test.each([
    '/dags',
    '/dags?desc=1',
    '/dags?sort=next',
    '/dags?sort=next&desc=1',
    '/dags?sort=last',
    '/dags?sort=last&desc=0',
  ])('reaches each once in pages of 100, forwards and backwards: %s', async (path) => {
    const pages = await walk(path)
    const all = pages.flat()
    expect([pages.length, all.length, new Set(all).size]).toEqual([11, COUNT, COUNT])
    const html = await page(path)
    expect(html).toContain('100 of 1,013')
    // From the last page back to the first the same pages.
    let last = path
    for (let next: string | null = path; next !== null; ) {
      last = next
      next = linkOf(await page(next), 'Next')
    }
    const back = (await walk(linkOf(await page(last), 'Previous'), 'Previous')).reverse()
    // Cut from the end, the first page may hold fewer.
    expect(back.flat()).toEqual(all.slice(0, all.length - (pages.at(-1)?.length ?? 0)))
  })

  test('sorts by name, by the next run and by the last one, those without it at the end', async () => {
    const byName = (await walk('/dags')).flat()
    expect(byName).toEqual([...byName].sort())
    expect((await walk('/dags?desc=1')).flat()).toEqual([...byName].reverse())
    expect(idsOf(await page('/dags?sort=last'))[0]).toBe('first')
    const next = (await walk('/dags?sort=next')).flat()
    const due = next.filter((id) => Number(id.slice(4)) % 3 === 0 && Number(id.slice(4)) % 10 !== 0)
    expect(next.slice(0, due.length)).toEqual(due)
  })

  test('searches ids, owners and tags of all of them; % and _ are characters', async () => {
    expect(idsOf(await page('/dags?q=0987'))).toEqual(['dag_0987'])
    expect(idsOf(await page('/dags?q=nightly'))).toEqual(['dag_0900'])
    expect(idsOf(await page('/dags?q=m_100%25'))).toHaveLength(11)
    expect(idsOf(await page('/dags?q=%25%25'))).toEqual([])
    expect(await page('/dags?q=nothing-of-this')).toContain('No DAG matches.')
  })

  test('counts and filters by state, over all pages', async () => {
    const html = await page('/dags')
    expect(html).toMatch(/All <b>1,013<\/b>/)
    expect(html).toMatch(/Paused <b>101<\/b>/)
    expect(html).toMatch(/Failing <b>1<\/b>/)
    expect((await walk('/dags?state=paused')).flat()).toHaveLength(101)
    expect(idsOf(await page('/dags?state=failing'))).toEqual(['first'])
    expect(await page('/dags?state=paused&q=dag_00')).toContain('9 of 9')
  })

  test.each(['?after=', '?after=~', '?after=x~y', '?before=x', '?sort=nothing', '?state=x', `?q=${'x'.repeat(5000)}`])(
    'takes %s without a fault',
    async (query) => {
      expect((await web.call('GET', `/dags${query}`, { headers: { accept: 'text/html' } })).status).toBe(200)
    },
  )

  test('says what is wrong before anything is quiet: a broken file, failing DAGs, late ones', async () => {
    const sentence = async () => /<h1>([\s\S]*?)<\/h1>/.exec(await page('/dags'))?.[1]?.replaceAll(/<[^>]+>/g, '')
    expect(await sentence()).toBe('One of 1,013 DAGs is failing.')
    await web.database.query("delete from dag_run where state = 'failed'")
    expect(await sentence()).toBe('1,013 DAGs, none failing.')
    await web.database.query(
      "update dag set next_dagrun_create_after = now() - interval '5 minutes' where dag_id in ('dag_0003', 'dag_0010')",
    )
    await web.database.query(
      `update dag set next_dagrun_create_after = now() - interval '5 minutes', timetable_type =
         'airflow.timetables.simple.ContinuousTimetable' where dag_id = 'dag_0004'`,
    )
    expect(await sentence(), 'neither a paused nor a continuous DAG is late').toBe('One of 1,013 DAGs is late.')
    expect(idsOf(await page('/dags?state=late'))).toEqual(['dag_0003'])
    await recordImportError(web.database, 'hello.ts', 'SyntaxError: no', {})
    expect(await sentence()).toBe('One DAG file has an error.')
  })
})
