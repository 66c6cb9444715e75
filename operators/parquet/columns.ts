// Column types by Hive's names: they map one to one to Parquet and to DuckDB.
//
// No TIMESTAMP: DuckDB writes it as INT64, which Hive before version 4 cannot read (HIVE-21215). Store an instant as BIGINT
// (epoch milliseconds need more than 31 bits) or as STRING.

export type ColumnType = 'STRING' | 'DOUBLE' | 'INT' | 'BIGINT' | 'BOOLEAN' | 'DATE'

/** Name to type, in the order of the file. */
export type Columns = Readonly<Record<string, ColumnType>>

interface Values {
  STRING: string
  DOUBLE: number
  INT: number
  BIGINT: bigint
  BOOLEAN: boolean
  /** `2024-03-18` */
  DATE: string
}

/** A row that fits the columns; `null` is a missing value. */
export type RowOf<C extends Columns> = { readonly [K in keyof C]: Values[C[K]] | null }

const DUCKDB_TYPES: Readonly<Record<ColumnType, string>> = {
  STRING: 'VARCHAR',
  DOUBLE: 'DOUBLE',
  INT: 'INTEGER',
  BIGINT: 'BIGINT',
  BOOLEAN: 'BOOLEAN',
  DATE: 'DATE',
}

export function duckDbType(type: ColumnType): string {
  return DUCKDB_TYPES[type]
}
