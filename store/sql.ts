// What a statement runs on: a pooled connection, an open transaction, or a process' one writing connection.

export interface QueryResult<Row> {
  readonly rows: readonly Row[]
  readonly rowCount: number
}

/** One place to send statements to. `name` makes it a prepared statement of the session: hot statements have one. */
export interface Sql {
  query<Row = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
    name?: string,
  ): Promise<QueryResult<Row>>
}
