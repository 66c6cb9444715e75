// The schema: up, down and up again; one migrator at a time; nothing that is not ours is touched.

import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrations } from '../../migrations/index.ts'
import { makeLogger } from '../../runtime/logger.ts'
import { openDatabase } from '../../store/database.ts'
import { checkSchema, migrate, type SchemaState } from '../../store/migrate.ts'
import { SchemaWatch } from '../../store/schema-watch.ts'
import { quietLog } from '../support/engine.ts'
import { runSql } from '../support/launch-postgres.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startTestPostgres()
})
afterAll(() => postgres.stop())

const names = migrations.map((migration) => migration.name)

/** Tables, columns, constraints and indexes of our schema, as text. */
async function shapeOf(url: string): Promise<unknown> {
  const columns = await runSql(
    url,
    "select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns where table_schema = 'baram' order by 1, 2",
  )
  const indexes = await runSql(url, "select indexname, indexdef from pg_indexes where schemaname = 'baram' order by 1")
  const checks = await runSql(
    url,
    "select conname, pg_get_constraintdef(oid) as def from pg_constraint where connamespace = 'baram'::regnamespace order by 1, 2",
  )
  return { columns, indexes, checks }
}

async function check(url: string): Promise<SchemaState> {
  const database = openDatabase({ url, poolSize: 1, log: quietLog, application: 'test' })
  try {
    return await checkSchema(database, migrations)
  } finally {
    await database.close()
  }
}

describe('migrations', () => {
  test('go up, down and up again to the same schema', async () => {
    const url = await postgres.createDatabase()
    expect(await check(url)).toEqual({ applied: [], pending: names, unknown: [] })
    expect(await migrate(url, migrations)).toEqual(names)
    const shape = await shapeOf(url)
    for (const migration of [...migrations].reverse()) {
      await runSql(url, `set search_path to baram; ${migration.down}`)
      await runSql(url, `delete from baram.schema_migration where name = '${migration.name}'`)
    }
    const left = await runSql(url, "select table_name from information_schema.tables where table_schema = 'baram'")
    expect(left.filter((row) => !String(row['table_name']).startsWith('schema_migration'))).toEqual([])
    expect(await migrate(url, migrations)).toEqual(names)
    expect(await shapeOf(url)).toEqual(shape)
  })

  test('a second time change nothing', async () => {
    const url = await postgres.createDatabase()
    await migrate(url, migrations)
    expect(await migrate(url, migrations)).toEqual([])
    expect(await check(url)).toEqual({ applied: names, pending: [], unknown: [] })
  })

  test('five migrators that start at once migrate once, and all succeed', async () => {
    const url = await postgres.createDatabase()
    const results = await Promise.all([1, 2, 3, 4, 5].map(() => migrate(url, migrations)))
    expect(results.filter((done) => done.length > 0)).toEqual([names])
  })

  test('one that fails half way leaves nothing of itself, and the next start heals', async () => {
    const url = await postgres.createDatabase()
    const broken = [...migrations, { name: '9999-broken', up: 'create table half (id int); select 1 / 0', down: '' }]
    await expect(migrate(url, broken)).rejects.toThrow('division by zero')
    expect(await runSql(url, "select to_regclass('baram.half') as half")).toEqual([{ half: null }])
    await migrate(url, migrations)
    expect(await check(url)).toEqual({ applied: names, pending: [], unknown: [] })
  })

  const newer = { name: '9000-newer', up: 'alter table job add column newer int', down: '' }

  test.each([
    ['another migrator’s lock', 'select pg_advisory_lock(7302514)'],
    ['a table that a forgotten session reads', 'begin; select 1 from baram.job'],
  ])('do not wait for ever for %s, and say who has it', async (_what, sql) => {
    const url = await postgres.createDatabase()
    await migrate(url, migrations)
    const holder = new pg.Client({ connectionString: url, application_name: 'somebody’s psql' })
    await holder.connect()
    await holder.query(sql)
    const { rows } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid')
    await expect(migrate(url, [...migrations, newer], { lockTimeoutMs: 1_000 })).rejects.toMatchObject({
      code: 'DATABASE_LOCKED',
      message: expect.stringMatching(
        new RegExp(
          `waited 1 s .* process ${rows[0]?.pid} \\(somebody.*psql, idle.*began \\d{4}-.*pg_terminate_backend`,
        ),
      ) as unknown,
    })
    await holder.end()
    expect(await migrate(url, [...migrations, newer])).toEqual([newer.name])
  })

  test('go on after a migrator that was killed while it held knex’s own lock', async () => {
    const url = await postgres.createDatabase()
    await migrate(url, migrations)
    await runSql(url, 'update baram.schema_migration_lock set is_locked = 1')
    expect(await migrate(url, [...migrations, newer])).toEqual([newer.name])
  })

  test('of a newer Baram are noticed by a running process, once, and by nothing else of it', async () => {
    const url = await postgres.createDatabase()
    await migrate(url, migrations)
    const said: string[] = []
    const log = makeLogger('test', 'warn', {
      write: (line: string) => said.push(line),
    } as unknown as NodeJS.WritableStream)
    const database = openDatabase({ url, poolSize: 1, log, application: 'test' })
    const watch = new SchemaWatch({ database, log, known: names })
    await watch.look()
    expect(watch.newer).toEqual([])
    await migrate(url, [...migrations, newer])
    await watch.look()
    await watch.look()
    expect(watch.newer).toEqual([newer.name])
    expect(said.filter((line) => line.includes('newer Baram'))).toHaveLength(1)
    await database.close()
    // The database away is not a newer schema, and no crash.
    await watch.look()
    expect(watch.newer).toEqual([newer.name])
  })

  test('of a newer Baram are refused by name, and nothing is changed', async () => {
    const url = await postgres.createDatabase()
    await migrate(url, [
      ...migrations,
      { name: '9000-newer', up: 'create table newer (id int)', down: 'drop table newer' },
    ])
    await expect(migrate(url, migrations)).rejects.toMatchObject({ code: 'DATABASE_AHEAD' })
    expect((await check(url)).unknown).toEqual(['9000-newer'])
  })

  test.each(['public', 'baram'])('never touch a real Airflow’s database (alembic_version in %s)', async (schema) => {
    const url = await postgres.createDatabase()
    await runSql(
      url,
      `create schema if not exists ${schema}; create table ${schema}.alembic_version (version_num text)`,
    )
    await expect(migrate(url, migrations)).rejects.toMatchObject({ code: 'DATABASE_FOREIGN' })
    await expect(check(url)).rejects.toMatchObject({ code: 'DATABASE_FOREIGN' })
    const made = await runSql(
      url,
      "select table_name from information_schema.tables where table_schema in ('baram', 'public')",
    )
    expect(made).toEqual([{ table_name: 'alembic_version' }])
  })
})

describe('the schema', () => {
  test('keeps its own invariants: an end date exactly with an end, no slot of nothing, no negative try', async () => {
    const url = await postgres.createDatabase()
    await migrate(url, migrations)
    const refused = (sql: string) =>
      expect(runSql(url, `set search_path to baram; ${sql}`), sql).rejects.toThrow('check constraint')
    const run = (state: string, end: string) =>
      `insert into dag_run (dag_id, run_id, run_type, state, run_after, end_date) values ('d', 'r', 'manual', '${state}', now(), ${end})`
    await refused(run('success', 'null'))
    await refused(run('running', 'now()'))
    await refused(run('lost', 'null'))
    await refused("insert into slot_pool (pool, slots) values ('p', -2)")
    await refused("insert into variable (key) values ('')")
    await refused("insert into connection (conn_id, conn_type, port) values ('c', 't', 70000)")
  })

  test('names no column that a transition changes in an index of task_instance, so that updates stay HOT', async () => {
    const url = await postgres.createDatabase()
    await migrate(url, migrations)
    const indexes = await runSql(
      url,
      "select indexdef from pg_indexes where schemaname = 'baram' and tablename = 'task_instance' order by 1",
    )
    expect(indexes).toHaveLength(2)
    for (const { indexdef } of indexes)
      expect(String(indexdef)).toMatch(/\((dag_run_id, id|task_id, map_index, dag_run_id)\)$/)
  })
})
