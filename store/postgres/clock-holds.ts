// What schedulers say of the database's clock: a row each, in their job's own.

import { rowsOf } from '../rows.ts'
import type { Sql } from '../sql.ts'

export interface ClockHoldRow {
  /** How far the clock is from where it should be, ms. */
  readonly movedMs: number
  /** Database clock minus the machine's uptime, ms, when it was last believed. */
  readonly trustedMs: number
}

/** Null = the clock is believed. */
export async function setClockHold(sql: Sql, jobId: number, hold: ClockHoldRow | null): Promise<void> {
  await sql.query('update job set clock_hold = $2 where id = $1', [jobId, hold === null ? null : JSON.stringify(hold)])
}

export async function readClockHold(sql: Sql, jobId: number): Promise<ClockHoldRow | null> {
  const rows = await rowsOf<{ hold: ClockHoldRow | null }>(sql, 'select clock_hold as hold from job where id = $1', [
    jobId,
  ])
  return rows[0]?.hold ?? null
}

/** What the last scheduler of a boot left: a restart alone makes no clock right. */
export async function findLastClockHold(sql: Sql, bootId: string): Promise<ClockHoldRow | null> {
  const rows = await rowsOf<{ hold: ClockHoldRow | null }>(
    sql,
    "select clock_hold as hold from job where job_type = 'SchedulerJob' and boot_id = $1 and clock_hold is not null order by id desc limit 1",
    [bootId],
  )
  return rows[0]?.hold ?? null
}

/** Forgets what earlier schedulers of a boot held. */
export async function dropClockHolds(sql: Sql, bootId: string): Promise<void> {
  await sql.query(
    "update job set clock_hold = null where boot_id = $1 and clock_hold is not null and state <> 'running'",
    [bootId],
  )
}

/** Somebody says that the clock is right; how many schedulers had doubted it. */
export async function confirmClock(sql: Sql): Promise<number> {
  const rows = await rowsOf<{ state: string }>(
    sql,
    'update job set clock_hold = null where clock_hold is not null returning state',
  )
  return rows.filter((row) => row.state === 'running').length
}

const DOUBT = `select (clock_hold ->> 'movedMs')::float8 from job
  where job_type = 'SchedulerJob' and state = 'running' and clock_hold is not null order by id desc limit 1`

/** How far the clock is from where living schedulers expect it, ms; null = all believe it. */
export async function findClockDoubt(sql: Sql): Promise<number | null> {
  const rows = await rowsOf<{ moved: number | null }>(sql, `select (${DOUBT}) as moved`, [], 'find_clock_doubt')
  return rows[0]?.moved ?? null
}

/** What stands in the frame of every page, in one statement: a page has a budget of them. */
export async function readFrameFacts(
  sql: Sql,
): Promise<{ readonly importErrors: number; readonly clockMovedMs: number | null }> {
  const rows = await rowsOf<{ errors: number; moved: number | null }>(
    sql,
    `select (select count(*) from import_error) as errors, (${DOUBT}) as moved`,
    [],
    'read_frame_facts',
  )
  return { importErrors: rows[0]?.errors ?? 0, clockMovedMs: rows[0]?.moved ?? null }
}
