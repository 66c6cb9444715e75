// Statements of one transaction that are sent without waiting for each other's answers, and the COMMIT that leaves with them.

import { BaramError } from '../../core/errors.ts'
import type { QueryResult, Sql } from '../../store/sql.ts'

export class Pipeline implements Sql {
  private readonly tx: Sql
  private readonly answers: Promise<unknown>[] = []
  private isCommitted = false

  constructor(tx: Sql) {
    this.tx = tx
  }

  query<Row>(text: string, values?: readonly unknown[], name?: string): Promise<QueryResult<Row>> {
    if (this.isCommitted)
      return Promise.reject(
        new BaramError('INVARIANT', `a statement was sent after the COMMIT of its transaction: ${text}`),
      )
    return this.tx.query<Row>(text, values, name)
  }

  /** Its failure is told by `settle`, also when the caller fails before. */
  add(answer: Promise<unknown>): void {
    answer.catch(() => undefined)
    this.answers.push(answer)
  }

  /** Waits for all. @throws what the first of them failed with: after it a transaction refuses the others */
  async settle(): Promise<void> {
    for (const outcome of await Promise.allSettled(this.answers))
      if (outcome.status === 'rejected') throw outcome.reason
  }

  /** A statement that failed makes the server answer it by rolling back. @throws as `settle` */
  commit(): Promise<void> {
    this.add(this.tx.query('commit'))
    this.isCommitted = true
    return this.settle()
  }
}
