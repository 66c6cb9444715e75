import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectShape } from './openapi.ts'
import {
  makeDag,
  makeTask,
  mappedTask,
  notify,
  type SeededRun,
  seedMapped,
  seedRun,
  seedWait,
  storeDag,
} from './seed.ts'
import type { Answer, TestWeb } from './start-web.ts'
import { startWeb } from './start-web.ts'

let web: TestWeb
let few: SeededRun
let many: SeededRun
const AT = Date.UTC(2026, 0, 5, 3)
const NAMES = ['식품', 'kitchen', 'books']

beforeAll(async () => {
  web = await startWeb()
  await storeDag(
    web,
    makeDag('crawl', {
      tasks: [
        makeTask('list'),
        mappedTask('page', 'list', { templateFields: ['url'] }),
        makeTask('wait', { options: { timeout: 600, password: 'canary' } }),
      ],
    }),
  )
  many = await seedRun(web, 'crawl', AT, { state: 'failed', rest: 'success' })
  await seedMapped(web, many, 'page', 10_000, {
    rest: 'success',
    states: { 4100: 'failed', 4101: 'failed', 9999: null },
  })
  few = await seedRun(web, 'crawl', AT + 3_600_000, { state: 'running', rest: 'success' })
  await seedMapped(web, few, 'page', 12, { rest: 'success', states: { 7: 'failed' }, names: NAMES })
})

afterAll(() => web.stop())

/** A page, with the equals signs that templates write as entities. */
const page = async (path: string): Promise<Answer> => {
  const answer = await web.call('GET', path)
  return { ...answer, text: answer.text.replaceAll('&#x3D;', '=') }
}
const taskPage = (run: SeededRun, rest = '', task = 'page') =>
  page(`/dags/crawl/runs/${encodeURIComponent(run.runId)}/tasks/${task}${rest}`)
const heading = (answer: Answer): string => (/<h1>(.*?)<\/h1>/.exec(answer.text)?.[1] ?? '').replaceAll(/<[^>]*>/g, '')

const TI = '/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances'
async function api(path: string, values: Record<string, string>, query = ''): Promise<Answer> {
  const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''))
  const answer = await web.call('GET', `/api/v2${url}${query}`)
  expectShape('get', path, answer)
  return answer
}
const at = (run: SeededRun, task = 'page') => ({ dag_id: 'crawl', dag_run_id: run.runId, task_id: task })

describe('the page of a mapped task', () => {
  it('lists every one of a few instances, with its name and state', async () => {
    const answer = await taskPage(few)
    expect(heading(answer)).toBe('page failed: 1 of 12 instances.')
    expect(answer.text.match(/<td class="num"><a class="strong"/g)?.length).toBe(12)
    expect(answer.text).toContain('식품')
    expect(answer.text).toContain('class="tally"')
    expect(answer.text).not.toContain('class="strip"')
  })

  it('shows 10,000 instances as at most 200 buckets and pages of 200', async () => {
    const start = performance.now()
    const answer = await taskPage(many)
    // Some 50 ms; a plan that goes over the instances once for each of them takes seconds.
    expect(performance.now() - start).toBeLessThan(3000)
    expect(heading(answer)).toBe('page has done 9,999 of 10,000 instances; 2 failed.')
    expect(answer.text.match(/<rect class="hit"/g)?.length).toBe(200)
    expect(answer.text).toContain('[4100–4149] 2 failed, 48 success')
    expect(answer.text.match(/<td class="num"><a class="strong"/g)?.length).toBe(200)
    expect(answer.text).toMatch(/from=200"/)
    expect(answer.text.length).toBeLessThan(400_000)
    const next = await taskPage(many, '?from=9900')
    expect(next.text.match(/<td class="num"><a class="strong"/g)?.length).toBe(100)
    expect(next.text).toContain('Indexes 9900–9999')
  })

  it('filters by state, none included', async () => {
    const failed = await taskPage(many, '?state=failed')
    expect(
      failed.text.match(/<td class="num"><a class="strong"[^>]*>(\d+)/g)?.map((text) => text.split('>').at(-1)),
    ).toEqual(['4100', '4101'])
    const none = await taskPage(many, '?state=none')
    expect(none.text.match(/<td class="num"><a class="strong"/g)?.length).toBe(1)
    const skipped = await taskPage(many, '?state=skipped')
    expect(skipped.text).toContain('No instance here is in this state.')
  })

  it('leads to each instance, which knows its neighbours', async () => {
    const first = await taskPage(few, '?map_index=0')
    expect(heading(first)).toBe('page [식품] succeeded.')
    expect(first.text).not.toContain('Instance before')
    const last = await taskPage(few, '?map_index=11')
    expect(heading(last)).toBe('page [11] succeeded.')
    expect(last.text).toContain('map_index=10" aria-label="Instance before"')
    expect(last.text).not.toContain('Instance after')
    expect((await taskPage(few, '?map_index=12')).status).toBe(404)
  })

  it('needs at most 12 statements, none of which brings more than 600 rows', async () => {
    const sent: number[] = []
    const query = web.database.query.bind(web.database)
    web.database.query = async (text, values, name) => {
      const result = await query<never>(text, values, name)
      sent.push(result.rows.length)
      return result
    }
    try {
      for (const rest of ['', '?state=failed', '?map_index=4100', '?from=4100']) {
        sent.length = 0
        expect((await taskPage(many, rest)).status).toBe(200)
        expect([rest, sent.length <= 12, Math.max(...sent) <= 600]).toEqual([rest, true, true])
      }
      sent.length = 0
      await page(`/dags/crawl?run=${encodeURIComponent(many.runId)}&task=page`)
      expect([sent.length <= 12, Math.max(...sent) <= 600]).toEqual([true, true])
    } finally {
      web.database.query = query
    }
  })
})

describe('the grid, the panel and the graph', () => {
  it('show a mapped task as its worst state with a bar in which one of 12 is to be seen', async () => {
    const answer = await page('/dags/crawl')
    const data = JSON.parse(/id="grid-data">(.*?)<\/script>/s.exec(answer.text)?.[1] ?? '{}') as {
      cells: Record<string, string>
      tallies: Record<string, string[]>
    }
    expect(data.cells['page']).toBe('ff')
    expect(data.tallies['page']).toEqual(['f2n1s9997', 'f1s11'])
    expect(answer.text).toMatch(/<rect class="mb s-failed" x="[\d.]+" y="[\d.]+" width="2.6" height="3"\/>/)
    expect(answer.text).toContain('×12')
    const panel = await page(`/dags/crawl?run=${encodeURIComponent(few.runId)}&task=page`)
    expect(panel.text).toContain('1 of 12 instances.')
    expect(panel.text).toContain('?map_index=7"')
  })

  it('keep the cells of an ended run until its revision changes', async () => {
    const before = await page('/dags/crawl')
    await web.database.query("update task_instance set state = 'skipped' where dag_run_id = $1 and task_id = 'list'", [
      many.id,
    ])
    expect((await page('/dags/crawl')).text.match(/"list":"(..)"/)?.[1]).toBe(before.text.match(/"list":"(..)"/)?.[1])
    await web.database.query('update dag_run set rev = rev + 1 where id = $1', [many.id])
    expect((await page('/dags/crawl')).text.match(/"list":"(..)"/)?.[1]).toBe('ks')
  })

  it('draw the graph with ×n', async () => {
    expect((await page(`/dags/crawl/graph?run=${encodeURIComponent(many.runId)}`)).text).toContain('×10,000</text>')
  })
})

describe('the stream', () => {
  it('tells a change of one of 10,000 instances in less than a kilobyte', async () => {
    const abort = new AbortController()
    const answer = await fetch(`${web.url}/ui/events?topics=dag:crawl`, {
      headers: { authorization: `Bearer ${await web.token('viewer')}` },
      signal: abort.signal,
    })
    const reader = answer.body?.getReader()
    if (reader === undefined) throw new Error('the stream has no body')
    let text = ''
    const readText = async () => {
      const piece = (await reader.read()) as { readonly value?: Uint8Array } // fetch streams bytes
      return new TextDecoder().decode(piece.value)
    }
    const until = async (part: string) => {
      while (!text.includes(part)) text += await readText()
    }
    await until('event: hello')
    await notify(web, [many.id])
    await until('"f2n1s9997"')
    text = ''
    await web.database.query(
      "update task_instance set state = 'running' where dag_run_id = $1 and task_id = 'page' and map_index = 9999",
      [many.id],
    )
    await notify(web, [many.id])
    await until('event: run')
    await until('\n\n')
    abort.abort()
    expect(text).toContain('"changed":[["page","f2r1s9997"]]')
    expect(text.length).toBeLessThan(1000)
  })
})

describe('waits', () => {
  it('a trigger is told with its name, its arguments masked, and until when', async () => {
    const run = await seedRun(web, 'crawl', AT + 7_200_000, { state: 'running', rest: 'success' })
    const args = { url: 'https://e.example', token: 'canary-token' }
    await seedWait(web, run, 'wait', {
      kind: 'trigger',
      name: 'http-poll',
      args,
      readyAt: Date.now() + 90_000,
      isHeld: true,
    })
    const { text } = await taskPage(run, '', 'wait')
    expect(text).toContain('for the trigger http-poll with url=https://e.example, token=***')
    expect(text).toMatch(/until \d\d:\d\d:\d\d UTC at the latest \(in 1 min\)/)
    expect(text).not.toContain('canary')
    const answer = await api(`${TI}/{task_id}`, at(run, 'wait'))
    expect(answer.body).toMatchObject({
      state: 'deferred',
      trigger: { classpath: 'http-poll', kwargs: '{"url":"https://e.example","token":"***"}', queue: null },
      triggerer_job: { job_type: 'TriggererJob', hostname: 'seoul-2', state: 'running' },
    })
  })

  it('a time is told as the time, and is in no triggerer', async () => {
    const run = await seedRun(web, 'crawl', AT + 10_800_000, { state: 'running', rest: 'success' })
    const until = Date.now() + 240_000
    await seedWait(web, run, 'wait', { kind: 'time', name: 'time', args: { at: until }, readyAt: until })
    expect((await taskPage(run, '', 'wait')).text).toMatch(
      /Waits without a slot since .* UTC, until .* UTC \(in \d min\)\./,
    )
    const answer = await api(`${TI}/{task_id}`, at(run, 'wait'))
    expect(answer.body).toMatchObject({ trigger: { classpath: 'time', triggerer_id: null }, triggerer_job: null })
  })

  it('a rescheduled sensor says how often it has poked, when it pokes again, and when it gives up', async () => {
    const run = await seedRun(web, 'crawl', AT + 14_400_000, { state: 'running', rest: 'success' })
    await web.database.query(
      `update task_instance set state = 'up_for_reschedule', reschedule_count = 4, start_date = now() - interval '2 minutes',
         ready_at = now() + interval '20 seconds' where dag_run_id = $1 and task_id = 'wait'`,
      [run.id],
    )
    const { text } = await taskPage(run, '', 'wait')
    expect(text).toMatch(/Pokes again in (19|20) s, at .* UTC\. It has poked 4 times since .* and gives up at .* UTC\./)
    expect((await api(`${TI}/{task_id}`, at(run, 'wait'))).body).toMatchObject({ trigger: null, triggerer_job: null })
  })
})

describe('the API', () => {
  it('counts and pages the instances of a mapped task, by state too', async () => {
    const path = `${TI}/{task_id}/listMapped`
    const all = await api(path, at(many), '?limit=3&offset=4099&order_by=map_index')
    expect(all.body).toMatchObject({ total_entries: 10_000 })
    expect((all.body as { task_instances: { map_index: number }[] }).task_instances.map((ti) => ti.map_index)).toEqual([
      4099, 4100, 4101,
    ])
    expect((await api(path, at(many), '?state=failed')).body).toMatchObject({ total_entries: 2 })
    expect((await api(path, at(few), '?state=none')).body).toMatchObject({ total_entries: 0 })
    expect((await api(path, at(few), '?map_index=0')).body).toMatchObject({
      task_instances: [{ rendered_map_index: '식품', task_display_name: 'page', map_index: 0 }],
    })
    expect((await api(path, at(few, 'list'))).status).toBe(404)
  })

  it('answers one instance, its tries, and which tasks are mapped', async () => {
    const one = { ...at(few), map_index: '7', task_try_number: '1' }
    expect((await api(`${TI}/{task_id}/{map_index}`, one)).body).toMatchObject({ map_index: 7, state: 'failed' })
    expect((await api(`${TI}/{task_id}/{map_index}/tries`, one)).body).toMatchObject({ total_entries: 1 })
    await api(`${TI}/{task_id}/{map_index}/tries/{task_try_number}`, one)
    expect((await api(`${TI}/{task_id}/{map_index}`, { ...one, map_index: '12' })).status).toBe(404)
    const tasks = await api('/dags/{dag_id}/tasks', { dag_id: 'crawl' })
    expect(tasks.body).toMatchObject({
      tasks: [
        { task_id: 'list', is_mapped: false },
        { task_id: 'page', is_mapped: true, template_fields: ['url'] },
        { task_id: 'wait', is_mapped: false },
      ],
    })
  })
})
