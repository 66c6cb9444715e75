// Postgres refuses one of two sessions that run the same `create table if not exists` at once: who creates tables takes a lock.

import type { PostgresHook } from './hook.ts'

/** Any number: who creates or drops tables takes it. */
const CREATING = 7_364_120_951

/** A transaction in which nobody else creates or drops tables by this module. */
export function creatingTables<T>(postgres: PostgresHook, body: () => Promise<T>): Promise<T> {
  return postgres.transaction(async () => {
    await postgres.run('select pg_advisory_xact_lock($1)', [CREATING])
    return body()
  })
}

/**
 * Runs `sql` when one of the tables is missing; of tasks that do so at once, one creates them.
 * @param tables as SQL writes them: quoted where needed, with a schema
 * @param sql its statements say `if not exists`
 * @throws PostgresError when the role may not
 */
export async function createTables(postgres: PostgresHook, tables: readonly string[], sql: string): Promise<void> {
  const [found] = await postgres.query<{ there: boolean }>(
    'select bool_and(to_regclass(name) is not null) as there from unnest($1::text[]) as name',
    [tables],
  )
  if (found?.there !== true) await creatingTables(postgres, () => postgres.run(sql))
}
