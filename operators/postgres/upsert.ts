// Rows into a table by their key: a second time changes nothing, and what is gone from a group is gone from the table.
//
// One transaction: COPY into a temporary table, then one statement each to delete, to insert or update, and to move the
// watermark. A reader sees the table before or after; a kill at any point leaves it before.

import { createTables } from './create-tables.ts'
import { PostgresError } from './errors.ts'
import { type PostgresHook, type PostgresTable, quoteName, quoteTable } from './hook.ts'

export interface UpsertRows {
  /** Made when it is not there. */
  readonly table: string | PostgresTable
  /** Name to Postgres type: `{ rank: 'int', title: 'text not null' }`. Types are the author's own SQL. */
  readonly columns: Readonly<Record<string, string>>
  /** Columns that name a row. */
  readonly key: readonly string[]
  /** In the order of `columns`. */
  readonly rows: AsyncIterable<readonly unknown[]> | Iterable<readonly unknown[]>
  /**
   * Columns of the key that name a group which comes whole: rows of a group that came are removed when they came no
   * more. Default: nothing is removed.
   */
  readonly group?: readonly string[]
  /** Moved up to the value, never down, with the rows: in the table `baram_watermark`, as text that sorts. */
  readonly watermark?: { readonly name: string; readonly value: string }
  /** Runs in the transaction of the rows, after them: what it throws undoes them. */
  readonly within?: (postgres: PostgresHook) => Promise<void>
}

/** `inserted + updated + unchanged` is what was given. */
export interface UpsertCounts {
  readonly inserted: number
  readonly updated: number
  readonly unchanged: number
  readonly deleted: number
}

const STAGING = 'baram_staging'
const WATERMARK_TABLE =
  'create table if not exists baram_watermark (name text primary key, value text not null, moved_at timestamptz not null default now())'

function checkNames({ columns, key, group = [] }: UpsertRows): void {
  const missing = key.find((name) => !Object.hasOwn(columns, name))
  if (key.length === 0 || missing !== undefined)
    throw new PostgresError(`upsertRows: the key needs columns of the table, found ${missing ?? 'none'}`, null)
  const stray = group.find((name) => !key.includes(name))
  if (stray !== undefined) throw new PostgresError(`upsertRows: group names ${stray}, which is not in the key`, null)
}

async function prepare(postgres: PostgresHook, { table, columns, key, watermark }: UpsertRows): Promise<void> {
  const typed = Object.entries(columns).map(([name, type]) => `${quoteName(name)} ${type}`)
  const name = quoteTable(table)
  await createTables(
    postgres,
    [name],
    `create table if not exists ${name} (${typed.join(', ')}, primary key (${key.map(quoteName).join(', ')}))`,
  )
  if (watermark !== undefined) await createTables(postgres, ['baram_watermark'], WATERMARK_TABLE)
}

async function deleteGone(postgres: PostgresHook, { table, key, group = [] }: UpsertRows): Promise<number> {
  if (group.length === 0) return 0
  // `=`, which an index serves: columns of a primary key are never null.
  const same = (names: readonly string[]) =>
    names.map((name) => `s.${quoteName(name)} = t.${quoteName(name)}`).join(' and ')
  const [done] = await postgres.run(
    `delete from ${quoteTable(table)} t where exists (select from ${STAGING} s where ${same(group)})
       and not exists (select from ${STAGING} s where ${same(key)})`,
  )
  return done?.rowCount ?? 0
}

async function putRows(postgres: PostgresHook, { table, columns, key }: UpsertRows) {
  const names = Object.keys(columns).map(quoteName)
  const rest = Object.keys(columns)
    .filter((name) => !key.includes(name))
    .map(quoteName)
  const list = names.join(', ')
  const update =
    rest.length === 0
      ? 'do nothing'
      : `do update set ${rest.map((name) => `${name} = excluded.${name}`).join(', ')}
         where (${rest.map((name) => `t.${name}`).join(', ')}) is distinct from (${rest.map((name) => `excluded.${name}`).join(', ')})`
  const [counts] = await postgres.query<{ inserted: number; updated: number }>(
    `with put as (
       insert into ${quoteTable(table)} as t (${list}) select ${list} from ${STAGING}
       on conflict (${key.map(quoteName).join(', ')}) ${update} returning xmax = 0 as is_new
     )
     select count(*) filter (where is_new)::int as inserted, count(*) filter (where not is_new)::int as updated from put`,
  )
  return counts ?? { inserted: 0, updated: 0 }
}

/** @throws PostgresError; two rows of one key are refused by the server, and nothing is written */
export async function upsertRows(postgres: PostgresHook, request: UpsertRows): Promise<UpsertCounts> {
  checkNames(request)
  const { table, columns, key, rows, watermark, within } = request
  await prepare(postgres, request)
  return postgres.transaction(async () => {
    await postgres.run(`create temporary table ${STAGING} (like ${quoteTable(table)}) on commit drop`)
    await postgres.run(`alter table ${STAGING} add primary key (${key.map(quoteName).join(', ')})`)
    const given = await postgres.copyFrom(STAGING, Object.keys(columns), rows)
    const deleted = await deleteGone(postgres, request)
    const { inserted, updated } = await putRows(postgres, request)
    if (watermark !== undefined)
      await postgres.run(
        `insert into baram_watermark as w (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value, moved_at = now()
         where w.value < excluded.value collate "C"`,
        [watermark.name, watermark.value],
      )
    await within?.(postgres)
    return { inserted, updated, unchanged: given - inserted - updated, deleted }
  })
}
