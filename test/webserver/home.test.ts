// The first page: what needs somebody, in which order; what runs, what comes; and one sentence when all is quiet.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { recordImportError } from '../../engine/dags/sync.ts'
import { makeDag, seedEvent, seedRun, storeDag, unpause } from './seed.ts'
import { startWeb, type TestWeb } from './start-web.ts'

const HOUR = 3_600_000

let web: TestWeb
let now = 0

const html = async (role: 'viewer' | 'user' = 'user') => (await web.call('GET', '/', { role })).text
const plain = (text: string) =>
  text
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(' ,', ',')
const region = (text: string, id: string) =>
  plain(new RegExp(`id="${id}"([\\s\\S]*?)</(?:ul|section)>`).exec(text)?.[1] ?? '')
const heading = (text: string) => plain(/<h1>([\s\S]*?)<\/h1>/.exec(text)?.[1] ?? '').trim()

async function fails(dagId: string, at: number, message: string): Promise<void> {
  const run = await seedRun(web, dagId, at, { state: 'failed', seconds: 10, tasks: { work: 'failed' } })
  await seedEvent(web, run, 'work', {
    from: 'running',
    to: 'failed',
    because: { code: 'failed', message, triesLeft: 0 },
  })
}

async function job(type: string): Promise<void> {
  await web.database.query(
    `insert into job (job_type, state, hostname, pid, boot_id) values ($1, 'running', 'seoul-1', 7, 'b')`,
    [type],
  )
}

beforeAll(async () => {
  web = await startWeb()
  now = Date.now()
  for (const dagId of ['shop', 'fine']) await storeDag(web, makeDag(dagId, { tasks: ['work'], cron: '0 * * * *' }))
}, 60_000)
afterAll(() => web.stop())

describe('the first page', () => {
  it('says first that nothing runs at all, and where that is seen', async () => {
    const text = await html()
    expect(heading(text)).toBe('Two things need you.')
    expect(region(text, 'needs')).toMatch(/No scheduler is running\..*No worker is running\./)
  })

  it('is one sentence when all is quiet, with what comes next', async () => {
    await job('SchedulerJob')
    await job('WorkerJob')
    expect(heading(await html())).toBe('All quiet.')
    await unpause(web, 'fine')
    await web.database.query('update dag set next_dagrun_create_after = $1 where dag_id = $2', [
      new Date(now + HOUR).toISOString(),
      'fine',
    ])
    const text = await html()
    expect(heading(text)).toMatch(/^All quiet\. Next: fine at .* UTC\.$/)
    expect(region(text, 'upcoming')).toContain('fine')
  })

  it('has what fails with its cause, its run and its retry, and for how long it has failed', async () => {
    await seedRun(web, 'shop', now - 5 * HOUR, { state: 'success' })
    for (const hours of [4, 3, 2]) await fails('shop', now - hours * HOUR, `no price in row ${hours}`)
    const text = await html()
    expect(heading(text)).toBe('One thing needs you.')
    expect(region(text, 'needs')).toMatch(/shop failed at work, the last 3 runs\..*no price in row 2.*Retry failed/)
    expect(region(await html('viewer'), 'needs')).not.toContain('Retry failed')
  })

  it('tells errors that are the same as one', async () => {
    expect(region(await html(), 'error-groups')).toMatch(/no price in row 2 3 runs of shop, first (4 h|3 h 59 min) ago/)
  })

  it('no longer has a DAG whose newest run succeeded', async () => {
    await seedRun(web, 'shop', now - HOUR, { state: 'success' })
    expect(heading(await html())).toMatch(/^All quiet\./)
  })

  it('has broken files and dates that are late', async () => {
    await recordImportError(web.database, 'bad.ts', 'an error', {
      file: 'bad.ts',
      line: 1,
      column: 1,
      frame: '',
      errors: [],
    })
    await web.database.query('update dag set next_dagrun_create_after = $1 where dag_id = $2', [
      new Date(now - HOUR).toISOString(),
      'fine',
    ])
    expect(region(await html(), 'needs')).toMatch(/bad\.ts has an error\..*fine is late\./)
  })

  it('shows how far the runs under way are', async () => {
    await storeDag(web, makeDag('long', { tasks: ['a', 'b', 'c', 'd'] }))
    await seedRun(web, 'long', now, { state: 'running', tasks: { a: 'success', b: 'running' }, rest: null })
    expect(region(await html(), 'running')).toMatch(/long b 1 of 4/)
  })

  it('says how many more there are than it lists', async () => {
    for (let i = 0; i < 22; i++) {
      await storeDag(web, makeDag(`bad_${i}`, { tasks: ['work'] }))
      await fails(`bad_${i}`, now - HOUR, 'the same cause')
    }
    const text = await html()
    expect(region(text, 'needs').match(/bad_\d+ failed/g)).toHaveLength(20)
    expect(text).toContain('More DAGs are failing')
    expect(region(text, 'error-groups')).toMatch(/the same cause 22 runs of 22 DAGs/)
  })
})
