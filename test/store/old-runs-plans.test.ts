// How the statements of retention find their rows among 100,000 runs: by an index range, never by reading all of them.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrations } from '../../migrations/index.ts'
import { type Database, openDatabase } from '../../store/database.ts'
import { migrate } from '../../store/migrate.ts'
import { deleteOldAudit } from '../../store/postgres/audit.ts'
import {
  deleteOwned,
  findOldRuns,
  forbidWholeReads,
  judgeOldRuns,
  lockDeleted,
  markDeleted,
  OWNED_TABLES,
} from '../../store/postgres/old-runs.ts'
import { findLastInterval } from '../../store/postgres/runs.ts'
import type { Sql } from '../../store/sql.ts'
import { quietLog } from '../support/engine.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly Plans?: readonly PlanNode[]
}

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)]

/** Thrown to take a transaction back. */
class Undo extends Error {}

/** 100,000 runs of 100 DAGs, one an hour and DAG, the last ended now; a tenth is older than 900 hours. */
const FILL = `
insert into dag_module (hash, code) values ('h', '');
insert into dag (dag_id, is_paused, relative_fileloc, fileloc, timetable_type, timezone, has_schedule, max_active_tasks, max_active_runs)
  select 'd' || i, false, 'd.ts', 'd.ts', 'none', 'UTC', false, 16, 16 from generate_series(0, 99) i;
insert into dag_version (id, dag_id, version_number, module_hash, version_hash) select gen_random_uuid(), dag_id, 1, 'h', 'h' from dag;
insert into dag_run (dag_id, run_id, run_type, state, logical_date, data_interval_start, data_interval_end, run_after, end_date, created_dag_version_id)
  select v.dag_id, 'r' || i, 'scheduled', 'success', at, at, at, at, at, v.id
  from generate_series(1, 1000) i cross join dag_version v, lateral (select now() - make_interval(hours => 1000 - i) as at) t;
insert into task_instance (dag_run_id, id, task_id, dag_id, run_id, state, pool, pool_slots, queue, priority_weight, operator)
  select r.id, gen_random_uuid(), 't', dag_id, r.run_id, 'success', 'default_pool', 1, 'default', 1, 'T' from dag_run r;
insert into ti_event (dag_run_id, rev, ti_id, to_state, who) select dag_run_id, 1, id, 'success', 'x' from task_instance;
insert into xcom (dag_run_id, task_id, key, dag_id, run_id, value) select dag_run_id, task_id, 'k', dag_id, run_id, '1' from task_instance;
insert into log (dttm, event, owner) select now() - make_interval(mins => 50000 - i), 'e', 'o' from generate_series(1, 50000) i;
`
const LARGE: ReadonlySet<string> = new Set(['dag_run', 'task_instance', 'ti_event', 'xcom', 'log'])

describe('among 100,000 runs', () => {
  let postgres: TestPostgres
  let database: Database
  beforeAll(async () => {
    postgres = await startTestPostgres()
    const url = await postgres.createDatabase()
    await migrate(url, migrations)
    database = openDatabase({ url, poolSize: 2, log: quietLog, application: 'test' })
    await database.query(FILL)
    await database.query('analyze')
  }, 120_000)
  afterAll(async () => {
    await database.close()
    await postgres.stop()
  })

  /** Plans of the statements that a call sends; what it does is taken back. */
  async function plansOf(call: (sql: Sql) => Promise<unknown>): Promise<readonly PlanNode[]> {
    const nodes: PlanNode[] = []
    const undo = database.transaction(async (tx) => {
      await call({
        async query(text, values, name) {
          if (!text.startsWith('set ')) {
            const { rows } = await tx.query<{ 'QUERY PLAN': readonly { Plan: PlanNode }[] }>(
              `explain (format json) ${text}`,
              values,
            )
            for (const { Plan } of rows[0]?.['QUERY PLAN'] ?? []) nodes.push(...nodesOf(Plan))
          }
          return tx.query(text, values, name)
        },
      })
      throw new Undo()
    })
    await expect(undo).rejects.toThrow(Undo)
    expect(nodes.length).toBeGreaterThan(0)
    return nodes
  }

  const filter = (before: number) => ({ before, dagIds: null, exceptDagIds: [] })
  const old = filter(Date.now() - 900 * 3_600_000)
  const batch = async (sql: Sql) => (await findOldRuns(sql, old, null, 100)).map(({ id }) => id)
  const first = Array.from({ length: 50 }, (_, i) => i + 1)

  const CALLS: Readonly<Record<string, (sql: Sql) => Promise<unknown>>> = {
    'old runs are found': batch,
    'nothing is found': (sql) => findOldRuns(sql, filter(0), null, 100),
    'old runs are found after others': (sql) =>
      findOldRuns(sql, old, { id: 5_000, ended: new Date(old.before - 3_600_000).toISOString() }, 100),
    'runs are judged': (sql) => judgeOldRuns(sql, first),
    'runs are marked': (sql) => markDeleted(sql, first),
    'deleted runs are found': (sql) => lockDeleted(sql, [], 50),
    'the run that a timetable continues from is found': (sql) => findLastInterval(sql, 'd7'),
    'old rows of the audit log are deleted': (sql) => deleteOldAudit(sql, old, 0, 1_000),
    ...Object.fromEntries(
      OWNED_TABLES.map((table) => [
        `rows of ${table} are deleted`,
        async (sql: Sql) => {
          await forbidWholeReads(sql)
          await deleteOwned(sql, table, first, 2_000)
        },
      ]),
    ),
  }

  test.each(Object.keys(CALLS))('%s by an index', async (name) => {
    const plan = await plansOf(CALLS[name] ?? (async () => undefined))
    for (const node of plan) {
      if (
        !LARGE.has(node['Relation Name'] ?? '') ||
        !node['Node Type'].includes('Scan') ||
        node['Node Type'] === 'Tid Scan'
      )
        continue
      expect(node['Node Type'], JSON.stringify(node)).not.toBe('Seq Scan')
      if (node['Node Type'] !== 'Bitmap Heap Scan') expect(node['Index Cond'], JSON.stringify(node)).toBeDefined()
    }
  })

  test('old runs are found in the order of the index: nothing is sorted, and only their range is read', async () => {
    const plan = await plansOf(CALLS['old runs are found'] ?? batch)
    expect(plan.find((node) => node['Relation Name'] === 'dag_run')?.['Index Name']).toBe('dag_run_ended')
    expect(plan.map((node) => node['Node Type'])).not.toContain('Sort')
  })

  test('the newest scheduled run is the head of an index: the runs before it are not read', async () => {
    const plan = await plansOf((sql) => findLastInterval(sql, 'd7'))
    expect(plan.map((node) => node['Node Type'])).not.toContain('Sort')
    expect(plan.find((node) => node['Relation Name'] === 'dag_run')?.['Index Name']).toBe('dag_run_logical_date')
  })
})
