// The shop's running state as tables of Postgres: sums that windows are added to, and ids that count already.

import { createTables, type PostgresHook } from '../../operators/postgres/index.ts'

/** Sums by a key: adding to a row that is not there makes it. */
export interface SumTable {
  readonly table: string
  readonly key: readonly string[]
  readonly sums: readonly string[]
}

export const ORDER_MINUTE = {
  table: 'order_minute',
  key: ['minute'],
  sums: ['orders', 'quantity', 'revenue', 'solo', 'group_orders', 'late', 'too_late'],
} as const satisfies SumTable

export const ORDER_ITEM_HOUR = {
  table: 'order_item_hour',
  key: ['hour', 'item_code'],
  sums: ['orders', 'quantity', 'revenue'],
} as const satisfies SumTable

export const ORDER_ITEM_TOTAL = {
  table: 'order_item_total',
  key: ['item_code'],
  sums: ['orders', 'quantity', 'revenue'],
} as const satisfies SumTable

export const SHOP_FUNNEL = {
  table: 'shop_funnel',
  key: ['hour'],
  sums: ['visit', 'view', 'like', 'buy'],
} as const satisfies SumTable

/** Ids that count already, of one stream. */
export type SeenTable = 'order_seen' | 'shop_event_seen'

const KEY_TYPES: Readonly<Record<string, string>> = { minute: 'timestamptz', hour: 'timestamptz', item_code: 'text' }
const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`)

const sumTable = ({ table, key, sums }: SumTable): string =>
  `create table if not exists ${table} (
     ${key.map((name) => `"${name}" ${KEY_TYPES[name]} not null`).join(', ')},
     ${quoted(sums)
       .map((name) => `${name} bigint not null`)
       .join(', ')},
     revision bigint not null, primary key (${quoted(key).join(', ')}));
   create index if not exists ${table}_revision on ${table} (revision);`

const seenTable = (table: SeenTable): string =>
  `create table if not exists ${table} (id text primary key, partition int not null, at timestamptz not null);
   create index if not exists ${table}_age on ${table} (partition, at);`

const TABLES = [
  ...[ORDER_MINUTE, ORDER_ITEM_HOUR, ORDER_ITEM_TOTAL, SHOP_FUNNEL].map(sumTable),
  ...(['order_seen', 'shop_event_seen'] as const).map(seenTable),
  'create table if not exists shop_revision (stream text primary key, revision bigint not null);',
].join('\n')

/** @throws PostgresError when the role may not */
export const createShopTables = (postgres: PostgresHook): Promise<void> =>
  createTables(postgres, ['shop_revision', 'shop_event_seen'], TABLES)

export type ShopStream = 'orders' | 'events'

/** The next revision of the stream. Its row stays locked until the transaction ends: revisions are seen in their order. */
export async function nextRevision(postgres: PostgresHook, stream: ShopStream): Promise<number> {
  const [row] = await postgres.query<{ revision: number }>(
    `insert into shop_revision as r (stream, revision) values ($1, 1)
     on conflict (stream) do update set revision = r.revision + 1 returning revision`,
    [stream],
  )
  return row?.revision ?? 1
}

/** @param rows key and sums, in the order of the table; each key once */
export async function addSums(
  postgres: PostgresHook,
  { table, key, sums }: SumTable,
  revision: number,
  rows: readonly (readonly unknown[])[],
): Promise<void> {
  const columns = [...key, ...sums]
  const staging = `added_${table}`
  await postgres.run(`create temporary table ${staging} (like ${table}) on commit drop`)
  await postgres.copyFrom(
    staging,
    [...columns, 'revision'],
    rows.map((row) => [...row, revision]),
  )
  const added = quoted(sums).map((name) => `${name} = t.${name} + excluded.${name}`)
  await postgres.run(
    `insert into ${table} as t select * from ${staging}
     on conflict (${quoted(key).join(', ')}) do update set ${added.join(', ')}, revision = excluded.revision`,
  )
}

export interface SeenId {
  readonly id: string
  readonly partition: number
  /** Epoch ms. */
  readonly at: number
}

/** Remembers ids. @returns those that were not known */
export async function rememberIds(
  postgres: PostgresHook,
  table: SeenTable,
  ids: readonly SeenId[],
): Promise<ReadonlySet<string>> {
  const staging = `sent_${table}`
  await postgres.run(`create temporary table ${staging} (like ${table}) on commit drop`)
  await postgres.copyFrom(
    staging,
    ['id', 'partition', 'at'],
    ids.map(({ id, partition, at }) => [id, partition, new Date(at).toISOString()]),
  )
  const rows = await postgres.query<{ id: string }>(
    `insert into ${table} select * from ${staging} on conflict (id) do nothing returning id`,
  )
  return new Set(rows.map(({ id }) => id))
}

/** Forgets ids of a partition from before an instant, epoch ms. */
export async function forgetIds(
  postgres: PostgresHook,
  table: SeenTable,
  partition: number,
  before: number,
): Promise<void> {
  await postgres.run(`delete from ${table} where partition = $1 and at < $2`, [
    partition,
    new Date(before).toISOString(),
  ])
}
