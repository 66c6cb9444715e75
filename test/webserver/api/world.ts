// A seeded webserver, and how the tests of the API call it: every answer is held against the API document.

import { afterAll, beforeAll } from 'vitest'
import { setConnection } from '../../../engine/admin/connections.ts'
import { setVariable } from '../../../engine/admin/variables.ts'
import { recordImportError } from '../../../engine/dags/sync.ts'
import { expectShape } from '../openapi.ts'
import { makeDag, makeTask, type SeededRun, seedEvent, seedLog, seedRun, seedXCom, storeDag, unpause } from '../seed.ts'
import { type Answer, startWeb, type TestWeb } from '../start-web.ts'

/** The beginning of every secret that is stored: it may appear in no answer and in no log. */
export const CANARY = 'canary-7f3a91-secret'
export const TI = '/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances'

interface CallOptions {
  readonly query?: string
  readonly body?: unknown
  readonly role?: 'viewer' | 'user' | 'op' | 'admin' | null
}

export interface ApiWorld {
  /** Set before the first test of the file. */
  readonly web: TestWeb
  /** A failed run of the DAG `hourly`. */
  readonly run: SeededRun
  /** The operations that have answered with success. */
  readonly checked: ReadonlySet<string>
  /** Calls an operation of the document and holds its answer against it. */
  api(method: string, path: string, values?: Record<string, string>, options?: CallOptions): Promise<Answer>
  /** The path parameters of the failed task `fetch` of that run. */
  at(): Record<string, string>
}

/** Call once at the top of a file. @param env settings beside the defaults */
export function useApi(env: Record<string, string> = {}): ApiWorld {
  let web: TestWeb
  let run: SeededRun
  const checked = new Set<string>()
  beforeAll(async () => {
    web = await startWeb(env)
    run = await seed(web)
  })
  afterAll(() => web.stop())
  return {
    get web() {
      return web
    },
    get run() {
      return run
    },
    checked,
    api: async (method, path, values = {}, options = {}) => {
      const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''))
      const answer = await web.call(method.toUpperCase(), `/api/v2${url}${options.query ?? ''}`, {
        ...(options.role === undefined ? {} : { role: options.role }),
        ...(options.body === undefined ? {} : { body: options.body }),
      })
      expectShape(method, path, answer)
      if (answer.status < 300) checked.add(`${method} ${path}`)
      return answer
    },
    at: () => ({
      dag_id: 'hourly',
      dag_run_id: run.runId,
      task_id: 'fetch',
      map_index: '-1',
      try_number: '1',
      task_try_number: '1',
      xcom_key: 'return_value',
    }),
  }
}

export const field = (value: unknown, ...path: (string | number)[]): unknown =>
  path.reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined), value)

/** Two DAGs, two runs of one of them, and secrets. */
async function seed(web: TestWeb): Promise<SeededRun> {
  await storeDag(
    web,
    makeDag('hourly', {
      tasks: [makeTask('fetch', { retries: 2, executionTimeout: 90.5 }), 'clean', 'load'],
      groups: [{ groupId: 'land', members: ['clean', 'load'] }],
      cron: '0 * * * *',
      zone: 'Asia/Seoul',
      tags: ['lake', 'hourly'],
      description: 'Fetches each hour',
    }),
  )
  await storeDag(web, makeDag('by_hand', { tasks: ['only'] }))
  await unpause(web, 'hourly')
  await seedRun(web, 'hourly', Date.UTC(2026, 0, 5, 3), { state: 'success' })
  const run = await seedRun(web, 'hourly', Date.UTC(2026, 0, 5, 4), {
    state: 'failed',
    tasks: { fetch: 'failed' },
    rest: 'upstream_failed',
  })
  await seedEvent(web, run, 'fetch', {
    from: 'running',
    to: 'failed',
    because: { code: 'failed', message: 'HTTP 503', triesLeft: 0 },
  })
  await seedXCom(web, run, 'fetch', 'return_value', { rows: 309, name: '생활/주방' })
  await seedLog(web, { dagId: 'hourly', runId: run.runId, taskId: 'fetch', tryNumber: 1 }, [
    { event: 'first' },
    { event: 'second', level: 'error' },
  ])
  await recordImportError(web.database, 'broken.ts', 'broken.ts:4:3 expected number', {
    file: 'broken.ts',
    line: 4,
    column: 3,
  })
  await web.database.query(
    "insert into dag_warning (dag_id, warning_type, message) values ('hourly', 'non-existent pool', 'no pool x')",
  )
  await setVariable(
    web,
    { key: 'lake_root', value: '/candle', description: 'where data lies' },
    { name: 'test', via: 'cli' },
  )
  await setVariable(web, { key: 'slack_token', value: CANARY, description: null }, { name: 'test', via: 'cli' })
  await setConnection(
    web,
    {
      connId: 'hdfs_default',
      connType: 'webhdfs',
      description: null,
      host: 'nn1',
      schema: null,
      login: 'hdfs',
      password: `${CANARY}-password`,
      port: 9870,
      extra: JSON.stringify({ token: `${CANARY}-extra`, region: 'kr' }),
    },
    { name: 'test', via: 'cli' },
  )
  return run
}
