// Which indexes of documents there are, and the tables they are in. Tables are made and dropped by one process at a time.

import { createTables, creatingTables } from '../postgres/create-tables.ts'
import type { PostgresHook } from '../postgres/hook.ts'
import { addedFields, checkIndex, type Fields, fitsPattern, UnknownIndexError } from './document-index.ts'
import type { Mapping } from './documents.ts'

const SET_UP = `
create schema if not exists document_index;
create table if not exists document_index.catalog (
  name text primary key,
  number int generated always as identity,
  fields jsonb not null,
  strict boolean not null
);
comment on table document_index.catalog is 'Indexes of documents; those of number n are in d_n.';
create table if not exists document_index.template (
  name text primary key,
  patterns jsonb not null,
  fields jsonb not null,
  strict boolean not null
);
comment on table document_index.template is 'How an index is made by its first document.'`

interface CatalogRow {
  readonly number: number
  readonly fields: Fields
  readonly strict: boolean
}

/** An index and the table of its documents. */
export interface IndexTable extends Mapping {
  /** With its schema. */
  readonly table: string
}

export class PostgresCatalog {
  readonly #hook: PostgresHook
  readonly #adapter: string

  /** @param adapter its name, for errors */
  constructor(hook: PostgresHook, adapter: string) {
    this.#hook = hook
    this.#adapter = adapter
  }

  /** Makes the schema where it is missing. @throws PostgresError when the role may not */
  async setUp(): Promise<void> {
    await createTables(this.#hook, ['document_index.catalog', 'document_index.template'], SET_UP)
  }

  /** null when there is no such index. */
  async find(index: string): Promise<IndexTable | null> {
    const [row] = await this.#hook.query<CatalogRow>(
      'select number, fields, strict from document_index.catalog where name = $1',
      [checkIndex(index)],
    )
    return row === undefined
      ? null
      : { table: `document_index.d_${row.number}`, fields: row.fields, strict: row.strict }
  }

  /** @throws UnknownIndexError */
  async require(index: string): Promise<IndexTable> {
    const found = await this.find(index)
    if (found === null) throw new UnknownIndexError(index, this.#adapter)
    return found
  }

  /** @returns whether it was made now; where it is there already, fields are added */
  make(index: string, mapping: Mapping): Promise<boolean> {
    return creatingTables(this.#hook, () => this.#make(index, mapping))
  }

  /** By the first template whose pattern fits. @throws UnknownIndexError when there is none */
  async makeFromTemplate(index: string): Promise<IndexTable> {
    const templates = await this.#hook.query<{ patterns: readonly string[]; fields: Fields; strict: boolean }>(
      'select patterns, fields, strict from document_index.template order by name',
    )
    const template = templates.find(({ patterns }) => patterns.some((pattern) => fitsPattern(index, pattern)))
    if (template === undefined) throw new UnknownIndexError(index, this.#adapter)
    await this.make(index, template)
    return this.require(index)
  }

  async putTemplate(
    template: string,
    { patterns, fields, strict }: Mapping & { readonly patterns: readonly string[] },
  ): Promise<void> {
    await this.#hook.run(
      `insert into document_index.template (name, patterns, fields, strict) values ($1, $2::jsonb, $3::jsonb, $4)
       on conflict (name) do update set patterns = excluded.patterns, fields = excluded.fields, strict = excluded.strict`,
      [template, JSON.stringify(patterns), JSON.stringify(fields), strict],
    )
  }

  /** @returns whether there was such an index */
  drop(index: string): Promise<boolean> {
    return creatingTables(this.#hook, async () => {
      const found = await this.find(index)
      if (found === null) return false
      await this.#hook.run(`drop table ${found.table}`)
      await this.#hook.run('delete from document_index.catalog where name = $1', [index])
      return true
    })
  }

  async #make(index: string, { fields, strict }: Mapping): Promise<boolean> {
    const found = await this.find(index)
    if (found !== null) {
      const added = addedFields(index, found.fields, fields)
      await this.#hook.run('update document_index.catalog set fields = fields || $2::jsonb where name = $1', [
        index,
        JSON.stringify(added),
      ])
      return false
    }
    const [made] = await this.#hook.query<{ number: number }>(
      'insert into document_index.catalog (name, fields, strict) values ($1, $2::jsonb, $3) returning number',
      [index, JSON.stringify(fields), strict],
    )
    const table = `document_index.d_${made?.number}`
    await this.#hook.run(
      `create table ${table} (id text collate "C" primary key, source json not null, keys jsonb not null)`,
    )
    await this.#hook.run(`create index on ${table} using gin (keys jsonb_path_ops)`)
    return true
  }
}
