// Late is not lost (docs/reliability.md rule 22). When a connection breaks, what was sent over it may still reach the server and
// come into force: a COMMIT that arrives a minute later. So before anything is decided from what the tables say, the
// server's side of that connection is ended; once it is gone, its transaction is either there or not, for good.

import type pg from 'pg'
import { BaramError } from '../core/errors.ts'
import type { Sql } from './sql.ts'

/** How long a backend that was told to end may take, ms. */
const END_LIMIT_MS = 10_000
const LOOK_MS = 20

export class DoubtfulBackends {
  /** By pid: when its connection was opened, monotonic ms. A later process of that pid is another's. */
  private readonly backends = new Map<number, number>()
  private readonly known = new WeakMap<pg.ClientBase, { readonly pid: number; readonly openedAt: number }>()

  /** A new connection. The server is asked for its process: a pooler between shows clients a number of its own. */
  async note(client: pg.ClientBase): Promise<void> {
    const openedAt = performance.now()
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    const [row] = rows
    if (row !== undefined) this.known.set(client, { pid: row.pid, openedAt })
  }

  /** Its connection broke under a statement. */
  add(client: pg.ClientBase): void {
    const found = this.known.get(client)
    if (found !== undefined) this.backends.set(found.pid, found.openedAt)
  }

  get isEmpty(): boolean {
    return this.backends.size === 0
  }

  /**
   * Ends the backends of broken connections and waits until they are gone.
   * @throws BaramError DATABASE_UNAVAILABLE when one does not end in time
   */
  async settle(sql: Sql): Promise<void> {
    const mine = [...this.backends]
    const deadline = performance.now() + END_LIMIT_MS
    while ((await this.end(sql, mine)) > 0) {
      if (performance.now() > deadline)
        throw new BaramError(
          'DATABASE_UNAVAILABLE',
          `a transaction whose connection broke has not ended for ${END_LIMIT_MS / 1000} s; whether it counts is not known yet`,
        )
      await new Promise((done) => setTimeout(done, LOOK_MS))
    }
    for (const [pid, openedAt] of mine) if (this.backends.get(pid) === openedAt) this.backends.delete(pid)
  }

  /** How many are still there. */
  private async end(sql: Sql, backends: readonly (readonly [pid: number, openedAt: number])[]): Promise<number> {
    if (backends.length === 0) return 0
    const now = performance.now()
    const { rows } = await sql.query<{ n: number }>(
      `select count(pg_terminate_backend(a.pid))::int as n
       from unnest($1::int[], $2::float8[]) as d(pid, age) join pg_stat_activity a on a.pid = d.pid
       where a.datname = current_database() and a.usename = current_user and a.pid <> pg_backend_pid()
         and clock_timestamp() - a.backend_start >= make_interval(secs => greatest(d.age - 1, 0))`,
      [backends.map(([pid]) => pid), backends.map(([, openedAt]) => (now - openedAt) / 1000)],
    )
    return rows[0]?.n ?? 0
  }
}
