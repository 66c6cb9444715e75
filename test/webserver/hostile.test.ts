// Nothing that can be sent makes the server fail: 0 × 5xx over every operation, page and form. More requests, or others, with
// BARAM_TEST_FUZZ=<requests> and BARAM_TEST_SEED=<number>.

import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeSignInToken } from '../../engine/admin/accounts.ts'
import { setVariable } from '../../engine/admin/variables.ts'
import { recordImportError } from '../../engine/dags/sync.ts'
import { type HostileRequest, hostileRequests } from './hostile/requests.ts'
import { closeAgent, type Session, sendRaw } from './hostile/send.ts'
import { makeDag, makeTask, type SeededRun, seedLog, seedRun, seedXCom, storeDag, unpause } from './seed.ts'
import { startWeb, type TestWeb } from './start-web.ts'

const REQUESTS = Number(process.env['BARAM_TEST_FUZZ'] ?? 3_000)
const SEED = Number(process.env['BARAM_TEST_SEED'] ?? 20_260_105)
const AT_ONCE = 8

let web: TestWeb
let run: SeededRun
let session: Session

beforeAll(async () => {
  web = await startWeb()
  await storeDag(web, makeDag('hourly', { tasks: [makeTask('fetch', { retries: 2 }), 'clean'], cron: '0 * * * *' }))
  await unpause(web, 'hourly')
  run = await seedRun(web, 'hourly', Date.UTC(2026, 0, 5, 4), {
    state: 'failed',
    tasks: { fetch: 'failed' },
    rest: 'upstream_failed',
  })
  await seedXCom(web, run, 'fetch', 'return_value', { rows: 309 })
  await seedLog(web, { dagId: 'hourly', runId: run.runId, taskId: 'fetch', tryNumber: 1 }, [{ event: 'first' }])
  await recordImportError(web.database, 'broken.ts', 'broken.ts:4:3 expected number', {})
  await setVariable(web, { key: 'root', value: '/x', description: null }, { name: 'test', via: 'cli' })
  const token = await makeSignInToken(web.database, 'admin', 60_000)
  const signIn = await web.call('GET', `/sign-in?token=${token}`, { role: null })
  const cookie = signIn.headers
    .getSetCookie()
    .map((line) => line.split(';')[0] ?? '')
    .filter((pair) => !pair.endsWith('='))
    .join('; ')
  const home = await web.call('GET', '/dags', { role: null, headers: { cookie } })
  const csrf = /data-csrf="([^"]+)"/.exec(home.text)?.[1] ?? ''
  expect(csrf).not.toBe('')
  session = { url: web.url, token: await web.token('admin'), cookie, csrf }
})
afterAll(async () => {
  closeAgent()
  await web.stop()
})

const show = ({ method, path, body }: HostileRequest) =>
  `${method} ${path.slice(0, 300)}${body === undefined ? '' : ` ${body.type} ${body.bytes.toString('utf8').slice(0, 300)}`}`

async function attempt(request: HostileRequest, counts: Map<number, number>, failures: string[]): Promise<void> {
  try {
    const answer = await sendRaw(session, request)
    counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1)
    if (answer.status >= 500) failures.push(`${answer.status} ${show(request)}`)
    const isJson = String(answer.headers['content-type']).startsWith('application/json')
    if (request.path.startsWith('/api/') && answer.status >= 400 && !(isJson && answer.text.includes('"detail"')))
      failures.push(`${answer.status} without a detail: ${show(request)}`)
  } catch (error) {
    failures.push(`${String(error)} ${show(request)}`)
  }
}

it(`answers ${REQUESTS} hostile requests without one 5xx`, { timeout: 60_000 + REQUESTS * 20 }, async () => {
  const existing = {
    dag_id: 'hourly',
    dag_run_id: encodeURIComponent(run.runId),
    task_id: 'fetch',
    map_index: '-1',
    try_number: '1',
    xcom_key: 'return_value',
    version_number: '1',
    variable_key: 'root',
    pool_name: 'default_pool',
    import_error_id: '1',
    backfill_id: '1',
    verb: 'pause',
  }
  const requests = fc.sample(hostileRequests(existing), { numRuns: REQUESTS, seed: SEED })
  const [counts, failures] = [new Map<number, number>(), [] as string[]]
  const began = performance.now()
  let next = 0
  const lane = async () => {
    for (let request = requests[next++]; request !== undefined; request = requests[next++])
      await attempt(request, counts, failures)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  const spread = [...counts].sort(([a], [b]) => a - b).map(([status, n]) => `${n} × ${status}`)
  console.log(
    `${REQUESTS} requests in ${Math.round(performance.now() - began)} ms (seed ${SEED}): ${spread.join(', ')}`,
  )
  const net = web.logged.filter((line) => line.includes('refused by the database alone'))
  const said = web.logged.filter((line) => line.includes('a request failed')).slice(0, 20)
  expect(failures.slice(0, 40), said.join('\n')).toEqual([])
  // The net below the door holds what the door should have: nothing.
  expect(net.slice(0, 10)).toEqual([])
  // A fuzz that is turned away at the first door proves nothing about the rooms.
  expect((counts.get(200) ?? 0) + (counts.get(303) ?? 0)).toBeGreaterThan(REQUESTS / 20)
})
