// What `/api/v2` answers when it refuses, to the byte: Airflow's statuses and sentences, whatever words the engine has.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { setVariable } from '../../engine/admin/variables.ts'
import { createBackfill } from '../../engine/runs/backfill.ts'
import { makeDag, makeTask, seedRun, storeDag } from './seed.ts'
import { startWeb, type TestWeb } from './start-web.ts'

const me = { name: 'me', via: 'cli' } as const

const NIGHT = Date.parse('2026-01-05T00:00:00Z')
const HOUR = 3_600_000
const DAY = 86_400_000

let web: TestWeb
/** Ids by what they are there for: of runs, and of a backfill that is over. */
const ids: Record<'ended' | 'running' | 'undated' | 'over', string> = { ended: '', running: '', undated: '', over: '' }

beforeAll(async () => {
  web = await startWeb()
  await storeDag(web, makeDag('nightly', { tasks: ['a', 'b'], cron: '0 0 * * *' }))
  ids.ended = (await seedRun(web, 'nightly', NIGHT + HOUR, { state: 'success', rest: 'success', type: 'manual' })).runId
  const running = { state: 'running', tasks: { a: 'running' }, rest: null } as const
  ids.running = (await seedRun(web, 'nightly', NIGHT + DAY + HOUR, running)).runId
  await web.database.query(
    `insert into task_queue (dag_run_id, ti_id, stage, dag_id, task_id, map_index, queue, pool, pool_slots, priority_weight, worker_id, epoch)
     select dag_run_id, id, 'running', dag_id, task_id, map_index, queue, pool, pool_slots, priority_weight, 1, epoch
     from task_instance where run_id = $1 and task_id = 'a'`,
    [ids.running],
  )
  await storeDag(web, makeDag('past', { tasks: [makeTask('a', { dependsOnPast: true })], cron: '0 0 * * *' }))
  await storeDag(web, makeDag('by_hand', { tasks: ['a'] }))
  ids.undated = (await seedRun(web, 'by_hand', NIGHT, { state: 'success', rest: 'success' })).runId
  await web.database.query(`update dag_run set logical_date = null where run_id = $1`, [ids.undated])
  await storeDag(web, makeDag('broken', { tasks: ['a'] }))
  await web.database.query(`update dag set has_import_errors = true where dag_id = 'broken'`)
  await storeDag(web, makeDag('gone', { tasks: ['a'] }))
  await web.database.query(`update dag set is_stale = true where dag_id = 'gone'`)
  await storeDag(web, makeDag('filling', { tasks: ['a'], cron: '0 0 * * *' }))
  await createBackfill({ database: web.database, runCache: web.runCache }, backfill, { name: 'me', via: 'cli' })
  await storeDag(web, makeDag('filled', { tasks: ['a'], cron: '0 0 * * *' }))
  const over = await createBackfill(
    { database: web.database, runCache: web.runCache },
    { ...backfill, dagId: 'filled' },
    { name: 'me', via: 'cli' },
  )
  await web.database.query('update backfill set completed_at = now() where id = $1', [over])
  ids.over = String(over)
  await setVariable(web, { key: 'known', value: 'x', description: null }, me)
})
afterAll(() => web.stop())

const backfill = {
  dagId: 'filling',
  from: NIGHT - 2 * DAY,
  to: NIGHT - DAY,
  isReverse: false,
  reprocess: 'none',
  conf: null,
  maxActiveRuns: 1,
  onLatestVersion: false,
} as const

const clear = { dry_run: false, only_failed: false }
const range = (dag_id: string, more: object = {}) => ({
  dag_id,
  from_date: '2026-01-01T00:00:00Z',
  to_date: '2026-01-02T00:00:00Z',
  ...more,
})
const unique = (message: string) => ({
  reason: 'Unique constraint violation',
  statement: 'hidden',
  orig_error: 'hidden',
  message,
})
const NO_DAG = 'The Dag with ID: `nope` was not found'
const noRun = (dagId: string, runId: string) =>
  `The DagRun with dag_id: \`${dagId}\` and run_id: \`${runId}\` was not found`

interface Case {
  readonly asks: string
  readonly body?: unknown
  readonly says: readonly [number, unknown]
}

/** `{ended}` and the like stand for the ids above. */
const cases: readonly Case[] = [
  { asks: 'GET /dags/nope', says: [404, NO_DAG] },
  { asks: 'GET /dags/nope/details', says: [404, NO_DAG] },
  { asks: 'PATCH /dags/nope', body: { is_paused: true }, says: [404, NO_DAG] },
  { asks: 'DELETE /dags/nope', says: [404, NO_DAG] },
  { asks: 'DELETE /dags/nightly', says: [409, "Task instances of dag with id: 'nightly' are still running"] },
  { asks: 'GET /dags/nightly/tasks/nope', says: [404, 'Task with id nope was not found'] },
  {
    asks: 'GET /dags/nightly/dagVersions/9',
    says: [404, 'The DagVersion with dag_id: `nightly` and version_number: `9` was not found'],
  },
  {
    asks: 'GET /dagSources/nightly?version_number=9',
    says: [404, 'The source code of the DAG nightly, version_number 9 was not found'],
  },
  { asks: 'POST /dags/nope/dagRuns', body: { logical_date: null }, says: [404, NO_DAG] },
  {
    asks: 'POST /dags/broken/dagRuns',
    body: { logical_date: null },
    says: [400, "DAG with dag_id: 'broken' has import errors and cannot be triggered"],
  },
  {
    asks: 'POST /dags/gone/dagRuns',
    body: { logical_date: null },
    says: [400, 'DAG gone is no longer in any file; put its file back before triggering it'],
  },
  {
    asks: 'POST /dags/nightly/dagRuns',
    body: { logical_date: null, dag_run_id: '{ended}' },
    says: [409, unique('DAG nightly already has a run with id {ended}')],
  },
  { asks: 'GET /dags/nightly/dagRuns/nope', says: [404, noRun('nightly', 'nope')] },
  { asks: 'PATCH /dags/nightly/dagRuns/nope', body: { state: 'failed' }, says: [404, noRun('nightly', 'nope')] },
  { asks: 'DELETE /dags/nightly/dagRuns/nope', says: [404, noRun('nightly', 'nope')] },
  {
    asks: 'DELETE /dags/nightly/dagRuns/{running}',
    says: [409, 'The DagRun with dag_id: `nightly` and run_id: `{running}` cannot be deleted in running state'],
  },
  {
    asks: 'POST /dags/nightly/clearTaskInstances',
    body: { ...clear, dag_run_id: 'nope' },
    says: [404, 'Dag Run id nope not found in dag nightly'],
  },
  {
    asks: 'POST /dags/nightly/clearTaskInstances',
    body: { dag_run_id: 'nope', only_new: true },
    says: [404, 'Dag Run id nope not found in dag nightly'],
  },
  {
    asks: 'POST /dags/nightly/dagRuns/nope/clear',
    body: clear,
    says: [404, 'Dag Run id nope not found in dag nightly'],
  },
  { asks: 'POST /dags/nope/dagRuns/nope/clear', body: clear, says: [404, 'Dag Run id nope not found in dag nope'] },
  { asks: 'POST /dags/nope/clearTaskInstances', body: clear, says: [404, NO_DAG] },
  {
    asks: 'POST /dags/nightly/clearTaskInstances',
    body: { ...clear, dag_run_id: '{running}', prevent_running_task: true },
    says: [
      409,
      "AirflowClearRunningTaskException: Disable 'prevent_running_task' to proceed, or wait until the task is not " +
        'running, queued, or scheduled state. (a of {running} is running)',
    ],
  },
  {
    asks: 'POST /dags/by_hand/clearTaskInstances',
    body: { ...clear, dag_run_id: '{undated}', include_past: true },
    says: [400, 'Cannot use include_past or include_future with no logical_date(e.g. manually or asset-triggered).'],
  },
  {
    asks: 'PATCH /dags/nightly/dagRuns/{ended}/taskInstances/a',
    body: { new_state: 'success' },
    says: [409, 'Task id a is already in success state'],
  },
  {
    asks: 'PATCH /dags/nightly/dagRuns/{ended}/taskInstances/nope',
    body: { new_state: 'success' },
    says: [
      404,
      'The Task Instance with dag_id: `nightly`, run_id: `{ended}`, task_id: `nope` and map_index: `None` was not found',
    ],
  },
  {
    asks: 'GET /dags/nightly/dagRuns/{ended}/taskInstances/nope',
    says: [
      404,
      'The Task Instance with dag_id: `nightly`, run_id: `{ended}`, task_id: `nope` and map_index: `-1` was not found',
    ],
  },
  {
    asks: 'GET /dags/nightly/dagRuns/{ended}/taskInstances/a/xcomEntries/nope',
    says: [404, 'XCom entry with key: `nope` not found'],
  },
  { asks: 'GET /dags/nightly/dagRuns/{ended}/taskInstances/nope/listMapped', says: [404, 'Task id nope not found'] },
  { asks: 'GET /dags/nightly/dagRuns/{ended}/taskInstances/a/logs/9', says: [404, 'TaskInstance not found'] },
  { asks: 'POST /backfills', body: range('nope'), says: [404, 'Could not find dag nope'] },
  { asks: 'POST /backfills/dry_run', body: range('nope'), says: [404, 'Could not find dag nope'] },
  {
    asks: 'POST /backfills',
    body: range('filling'),
    says: [409, 'There is already a running backfill for dag filling'],
  },
  {
    asks: 'POST /backfills',
    body: range('by_hand'),
    says: [422, 'by_hand has a non-periodic schedule that does not support backfills; trigger its runs one by one'],
  },
  {
    asks: 'POST /backfills',
    body: range('nightly', { to_date: '2025-01-01T00:00:00Z' }),
    says: [422, 'from_date (2026-01-01T00:00:00.000Z) must not be after to_date (2025-01-01T00:00:00.000Z).'],
  },
  {
    asks: 'POST /backfills',
    body: range('nightly', { from_date: '2999-01-01T00:00:00Z', to_date: '2999-01-02T00:00:00Z' }),
    says: [422, 'Backfill cannot be executed for future dates.'],
  },
  {
    asks: 'POST /backfills/dry_run',
    body: range('past', { run_backwards: true }),
    says: [422, 'Backfill cannot be run in reverse when the Dag has tasks where depends_on_past=True.'],
  },
  {
    asks: 'POST /backfills',
    body: range('past'),
    says: [
      422,
      'Dag has tasks for which depends_on_past=True. You must set reprocess behavior to reprocess completed or reprocess failed.',
    ],
  },
  {
    asks: 'POST /backfills',
    body: range('nightly', { from_date: '2026-01-01T01:00:00Z', to_date: '2026-01-01T02:00:00Z' }),
    says: [422, 'No runs to create for Dag nightly in the range [2026-01-01T01:00:00.000Z, 2026-01-01T02:00:00.000Z]'],
  },
  { asks: 'GET /backfills/99999', says: [404, 'Backfill not found'] },
  { asks: 'PUT /backfills/99999/cancel', says: [404, 'Backfill not found'] },
  { asks: 'PUT /backfills/{over}/pause', says: [409, 'Backfill is already completed.'] },
  { asks: 'PUT /backfills/{over}/cancel', says: [409, 'Backfill is already completed.'] },
  { asks: 'GET /variables/nope', says: [404, 'The Variable with key: `nope` was not found'] },
  { asks: 'DELETE /variables/nope', says: [404, 'The Variable with key: `nope` was not found'] },
  {
    asks: 'POST /variables',
    body: { key: 'known', value: 'y' },
    says: [409, unique('The Variable with key: `known` already exists')],
  },
  { asks: 'GET /connections/nope', says: [404, 'The Connection with connection_id: `nope` was not found'] },
  { asks: 'DELETE /connections/nope', says: [404, 'The Connection with connection_id: `nope` was not found'] },
  { asks: 'GET /pools/nope', says: [404, 'The Pool with name: `nope` was not found'] },
  { asks: 'GET /importErrors/5', says: [404, 'The ImportError with import_error_id: `5` was not found'] },
  { asks: 'GET /eventLogs/99999', says: [404, 'The Event Log with id: `99999` not found'] },
]

const named = <T>(value: T): T =>
  JSON.parse(
    JSON.stringify(value).replaceAll(/\{(ended|running|undated|over)\}/g, (_, name: keyof typeof ids) => ids[name]),
  ) as T

test.each(cases)('$asks answers $says.0', async ({ asks, body, says }) => {
  const [method = '', path = ''] = asks.split(' ')
  const answer = await web.call(
    method,
    `/api/v2${path.replaceAll(/\{(\w+)\}/g, (_, name: keyof typeof ids) => encodeURIComponent(ids[name]))}`,
    {
      ...(body !== undefined && { body: named(body) }),
    },
  )
  expect([answer.status, answer.body]).toEqual([says[0], { detail: named(says[1]) }])
})
