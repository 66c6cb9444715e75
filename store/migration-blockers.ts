// Who holds what a migration waits for: asked while it waits, since afterwards nothing tells.

type Ask = <Row>(text: string) => Promise<readonly Row[]>

interface BlockerRow {
  readonly pid: number
  readonly application: string | null
  readonly state: string | null
  readonly since: string | null
}

export interface Blockers {
  /** The sessions that were last seen in the way. */
  describe(): string
  stop(): Promise<void>
}

const describeOne = ({ pid, application, state, since }: BlockerRow): string =>
  `process ${pid} (${application === null || application === '' ? 'no application name' : application}, ` +
  `${state ?? 'state unknown'}, its query began ${since ?? 'at a time unknown'})`

/** `application`: the name of the sessions that wait. */
export function watchBlockers(ask: Ask, application: string, timeoutMs: number): Blockers {
  let found: readonly BlockerRow[] = []
  let looking: Promise<void> | null = null
  const look = async () => {
    const rows = await ask<BlockerRow>(
      `select distinct b.pid, b.application_name as application, b.state, b.query_start::text as since
       from pg_stat_activity w cross join lateral unnest(pg_blocking_pids(w.pid)) as held (pid)
       join pg_stat_activity b on b.pid = held.pid
       where w.application_name = '${application}' and w.datname = current_database()`,
    )
    if (rows.length > 0) found = rows
  }
  const timer = setInterval(
    () => {
      looking ??= look()
        .catch(() => undefined)
        .finally(() => {
          looking = null
        })
    },
    Math.min(1_000, timeoutMs / 4),
  )
  return {
    describe: () => (found.length === 0 ? 'a session that ended meanwhile' : found.map(describeOne).join(', ')),
    async stop() {
      clearInterval(timer)
      await looking
    },
  }
}
