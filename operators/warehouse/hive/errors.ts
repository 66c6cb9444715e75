// What a HiveServer2 call may end with.

/** Hive said no: its words, its SQLSTATE and its own number. */
export class HiveStatementError extends Error {
  override readonly name = 'HiveStatementError'
  /** Hive's own number, such as 10001 (no such table); 0 when it told none. */
  readonly code: number
  readonly sqlState: string
  constructor(message: string, { code = 0, sqlState = '' }: { code?: number; sqlState?: string } = {}) {
    super(message)
    // DDL errors carry 40000 outside and the number of the cause in their words.
    this.code = Number(/\[Error (\d+)\]/.exec(message)?.[1] ?? code)
    this.sqlState = sqlState
  }
}

/** No answer: a closed port, a server that died, one that says nothing. What was asked may have happened. */
export class HiveUnreachableError extends Error {
  override readonly name = 'HiveUnreachableError'
}

/** The driver throws objects that are no Error (its StatusError), and Errors with Java's stack in them. */
export function messageOf(error: unknown): string {
  const isTold = typeof error === 'object' && error !== null && 'message' in error
  const message = isTold ? String(error.message) : String(error)
  return (message.split('\n')[0] ?? '').trim() || 'no reason was given'
}
