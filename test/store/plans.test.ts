// The planner trap (docs/dispatch.md#traps): hot statements keep their plans on an empty and on a full database.

import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrations } from '../../migrations/index.ts'
import { type Database, openDatabase, sqlOf } from '../../store/database.ts'
import { isOutdated } from '../../store/decided-on.ts'
import { migrate } from '../../store/migrate.ts'
import { type Moves, moveInstances } from '../../store/postgres/moves.ts'
import { lockFreeRuns, lockRuns, moveRun } from '../../store/postgres/runs.ts'
import { loadChanges, loadInstances } from '../../store/postgres/task-instances.ts'
import { findDue, peekQueued, peekThrottled, putInQueue } from '../../store/postgres/task-queue.ts'
import { loadContinuation, putWait } from '../../store/postgres/triggers.ts'
import { clearXComs, getReturnValues, loadLengths, putXComs } from '../../store/postgres/xcoms.ts'
import type { Sql } from '../../store/sql.ts'
import { quietLog } from '../support/engine.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'

const SOME = Array.from({ length: 30 }, (_, i) => `00000000-0000-7000-8000-${String(i).padStart(12, '0')}`)

/** What a worker's report of many attempts and what it starts instead look like; its rows are nowhere. */
const MOVES: Moves = {
  ...{ dagRunId: 1, rev: 1, isBump: true, isBackfill: false, who: 'test' },
  worker: { jobId: 1, hostname: 'h', pid: 1 },
  groups: [
    {
      ...{ ids: SOME.slice(0, 15), from: 'running', readyAt: null, isNewTry: false, extraTries: 0, queue: 'left' },
      steps: [{ to: 'success', because: {} }],
    },
    {
      ...{ ids: SOME.slice(15), from: null, readyAt: null, isNewTry: true, extraTries: 0, queue: 'running' },
      steps: [
        { to: 'scheduled', because: {} },
        { to: 'queued', because: {} },
        { to: 'running', because: {} },
      ],
    },
  ],
}

/** Each hot statement, called as the product calls it. */
const HOT: Readonly<Record<string, (sql: Sql) => Promise<unknown>>> = {
  lock_runs: (sql) => lockRuns(sql, [1, 2, 3]),
  lock_free_runs: (sql) => lockFreeRuns(sql, [1, 2, 3]),
  move_run: (sql) => moveRun(sql, 1, 0, 'success', null),
  load_changes: (sql) =>
    loadChanges(sql, [
      { id: 1, rev: 0 },
      { id: 2, rev: 5 },
    ]),
  load_instances: (sql) => loadInstances(sql, 1),
  move_instances: (sql) => Promise.all(moveInstances(sql, MOVES)),
  put_live: (sql) => putInQueue(sql, 1, SOME, 'queued'),
  peek_queued: (sql) => peekQueued(sql, ['default', 'other'], 8),
  peek_all_queued: (sql) => peekQueued(sql, null, 8),
  peek_held: (sql) => peekThrottled(sql, 16),
  find_due: (sql) => findDue(sql, 100),
  load_continuation: (sql) => loadContinuation(sql, 1, SOME[0] ?? ''),
  load_lengths: (sql) => loadLengths(sql, 1, ['t1', 't2']),
  put_wait: (sql) => putWait(sql, 1, SOME[0] ?? '', { kind: 'time', at: 0 }),
  put_xcoms: (sql) => putXComs(sql, 1, [{ taskId: 't1', mapIndex: -1, key: 'k', value: 1 }]),
  clear_xcoms: (sql) => clearXComs(sql, 1, 't1', -1),
  get_return_values: (sql) => getReturnValues(sql, 1, ['t1', 't2']),
}

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly Plans?: readonly PlanNode[]
}

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)]

/** The plan the session keeps for a statement: it is prepared by the product's own call, then explained. */
async function planOf(client: pg.Client, name: string): Promise<PlanNode[]> {
  const statement = HOT[name]
  if (statement === undefined) throw new Error(name)
  let values: readonly unknown[] = []
  const spy: Sql = {
    query(text, given = [], prepared) {
      values = given
      expect(prepared).toBe(name)
      return sqlOf(client).query(text, given, prepared)
    },
  }
  await client.query('begin')
  // What a guarded statement finds is not what was decided on: its plan is kept all the same.
  await client.query('savepoint called')
  await statement(spy).catch((error: unknown) => {
    if (!isOutdated(error)) throw error
  })
  await client.query('rollback to savepoint called')
  const literal = (value: unknown): string => {
    if (value === null || value === undefined) return 'null'
    if (Array.isArray(value))
      return client.escapeLiteral(
        `{${value.map((item) => (item === null ? 'null' : JSON.stringify(String(item)))).join(',')}}`,
      )
    return typeof value === 'string' ? client.escapeLiteral(value) : String(value)
  }
  const { rows } = await client.query<{ 'QUERY PLAN': readonly { Plan: PlanNode }[] }>(
    `explain (format json) execute ${client.escapeIdentifier(name)}${values.length === 0 ? '' : `(${values.map(literal).join(', ')})`}`,
  )
  await client.query('rollback')
  const plan = rows[0]?.['QUERY PLAN'][0]?.Plan
  if (plan === undefined) throw new Error(`no plan of ${name}`)
  return nodesOf(plan)
}

/** 400 runs of 50 tasks, all of it in the ledger, and 2,000 queued. */
const FILL = `
insert into dag (dag_id, is_paused, relative_fileloc, fileloc, timetable_type, timezone, has_schedule, max_active_tasks, max_active_runs)
  values ('d', false, 'd.ts', 'd.ts', 'none', 'UTC', false, 16, 16);
insert into dag_module (hash, code) values ('h', '');
insert into dag_version (id, dag_id, version_number, module_hash, version_hash) values (gen_random_uuid(), 'd', 1, 'h', 'h');
insert into dag_run (dag_id, run_id, run_type, state, run_after, created_dag_version_id)
  select 'd', 'r' || i, 'manual', 'running', now(), (select id from dag_version) from generate_series(1, 400) i;
insert into task_instance (dag_run_id, id, task_id, dag_id, run_id, state, pool, pool_slots, queue, priority_weight, operator)
  select r.id, gen_random_uuid(), 't' || i, 'd', r.run_id, 'running', 'default_pool', 1, 'default', 1, 'T' from dag_run r, generate_series(1, 50) i;
insert into ti_event (dag_run_id, rev, ti_id, to_state, who) select dag_run_id, row_number() over (), id, 'running', 'x' from task_instance;
insert into task_queue (dag_run_id, ti_id, stage, dag_id, task_id, map_index, queue, pool, pool_slots, priority_weight, epoch)
  select dag_run_id, id, 'queued', dag_id, task_id, -1, queue, pool, 1, dag_run_id % 7, 0 from task_instance where dag_run_id <= 40;
insert into xcom (dag_run_id, task_id, key, dag_id, run_id, value) select dag_run_id, task_id, 'return_value', dag_id, run_id, '1' from task_instance;
`

describe.each(['empty', 'empty when the session began and then filled', 'filled and analyzed'])(
  'on tables that are %s',
  (state) => {
    let postgres: TestPostgres
    let database: Database
    let client: pg.Client
    beforeAll(async () => {
      postgres = await startTestPostgres()
      const url = await postgres.createDatabase()
      await migrate(url, migrations)
      database = openDatabase({ url, poolSize: 2, log: quietLog, application: 'test' })
      const fill = async () => {
        await database.query(FILL)
        await database.query('analyze')
      }
      if (state === 'filled and analyzed') await fill()
      client = await database.connect('writer')
      if (state.includes('then')) {
        for (const name of Object.keys(HOT)) await planOf(client, name)
        await fill()
      }
    })
    afterAll(async () => {
      await client.end()
      await database.close()
      await postgres.stop()
    })

    test.each(Object.keys(HOT))('%s reads every large table by an index that its condition uses', async (name) => {
      const plan = await planOf(client, name)
      const large = ['task_instance', 'ti_event', 'task_queue', 'dag_run', 'xcom']
      const scans = plan.filter(
        (node) => large.includes(node['Relation Name'] ?? '') && node['Node Type'].includes('Scan'),
      )
      for (const scan of scans) {
        expect(scan['Node Type'], `${name} on ${scan['Relation Name']}`).not.toBe('Seq Scan')
        // A walk of a whole index is the trap in another dress; the heads of partial indexes are what they are for.
        const isHead = (scan['Index Name'] ?? '').startsWith('task_queue_')
        if (!isHead)
          expect(scan['Index Cond'], `${name} on ${scan['Relation Name']} by ${scan['Index Name']}`).toBeDefined()
      }
      if (name !== 'put_live') expect(plan.map((node) => node['Node Type'])).not.toContain('Hash Join')
    })

    test.each(['move_instances', 'put_live'])(
      '%s finds its rows by their ids, not by reading the whole run',
      async (name) => {
        const scan = (await planOf(client, name)).find(
          (node) => node['Relation Name'] === 'task_instance' && node['Node Type'].includes('Scan'),
        )
        expect(scan?.['Index Name']).toBe('task_instance_pkey')
        expect(scan?.['Index Cond']).toMatch(/dag_run_id = .*id = ANY/)
      },
    )

    test('the head of the queue is read in its order: what waits is not sorted to find it', async () => {
      const plan = await planOf(client, 'peek_queued')
      const scan = plan.find((node) => node['Relation Name'] === 'task_queue')
      expect(scan?.['Index Name']).toBe('task_queue_queued')
      // Sorting is fine above the limit of each queue, never directly above the scan.
      for (const node of plan)
        if (node['Node Type'].includes('Sort'))
          expect(nodesOf(node).map((each) => each['Node Type'])).toContain('Limit')
    })
  },
)
