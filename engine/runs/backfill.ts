// Backfills: runs for a range of dates, made at once and started within a limit of their own. What goes on is the
// scheduler's: it starts them by `startRuns`, and notes when nothing is left.

import {
  type BackfillException,
  type BackfillRange,
  backfillRuns,
  checkBackfill,
  exceptionFor,
  iso,
} from '../../core/backfill.ts'
import { BaramError, conflict, notFound } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import { makeRunId } from '../../core/run-id.ts'
import type { RunState } from '../../core/states.ts'
import { isInt4, MAX_INT4 } from '../../core/storable.ts'
import { subject } from '../../core/subjects.ts'
import type { DueRun } from '../../core/timetables/timetable.ts'
import type { Database } from '../../store/database.ts'
import {
  completeBackfill,
  completeBackfills,
  findActiveBackfill,
  findQueuedOf,
  findRunsOn,
  insertBackfill,
  insertBackfillDates,
  lockBackfill,
  setBackfillPaused,
  takeOverRuns,
} from '../../store/postgres/backfills.ts'
import { type DagFacts, lockDag, readSchedule } from '../../store/postgres/dags.ts'
import { databaseNow } from '../../store/postgres/jobs.ts'
import { notifyPages, notifyScheduler } from '../../store/postgres/notify.ts'
import type { Sql } from '../../store/sql.ts'
import { type Actor, audit, type Engine } from '../engine.ts'
import type { RunCache } from '../transaction/run-cache.ts'
import { checkParams } from './create.ts'
import { insertMany } from './insert.ts'

export interface BackfillRequest extends BackfillRange {
  readonly dagId: string
  /** Null = none; runs that are taken over keep theirs. */
  readonly conf: JsonObject | null
  /** Runs of it that go at once. */
  readonly maxActiveRuns: number
  /** Runs that are taken over go on with the latest version of the DAG. */
  readonly onLatestVersion: boolean
}

/** One date of a backfill: a run that is made, one that is taken over, or why there is none. */
export interface BackfillDate {
  readonly run: DueRun
  readonly existing: { readonly id: number; readonly runId: string; readonly state: RunState } | null
  readonly exception: BackfillException | null
}

async function datesOf(
  sql: Sql,
  runCache: RunCache,
  dag: DagFacts,
  request: BackfillRequest,
  mustLock: boolean,
): Promise<readonly BackfillDate[]> {
  const { graph } = await runCache.version(sql, dag.versionId, dag.versionHash)
  const now = await databaseNow(sql)
  checkBackfill(graph.dag, request, now)
  checkParams(graph.dag, request.conf ?? {})
  const runs = backfillRuns(graph.dag.timetable, request, now)
  const rows = await findRunsOn(
    sql,
    request.dagId,
    runs.map((run) => run.logicalDate),
    mustLock,
  )
  const byDate = new Map(rows.map((row) => [row.logicalDate, row]))
  return runs.map((run) => {
    const row = byDate.get(run.logicalDate)
    return {
      run,
      existing: row === undefined ? null : { id: row.id, runId: row.runId, state: row.state },
      exception: row === undefined ? null : exceptionFor(row.state, request.reprocess),
    }
  })
}

/**
 * What a backfill would do, date by date, in its order.
 * @throws BaramError NOT_FOUND | INPUT_INVALID | PARAMS_INVALID
 */
export async function previewBackfill(
  { database, runCache }: Pick<Engine, 'database' | 'runCache'>,
  request: BackfillRequest,
): Promise<readonly BackfillDate[]> {
  const dag = await readSchedule(database, request.dagId)
  if (dag === null) throw notFound('dag', request.dagId)
  return datesOf(database, runCache, dag, request, false)
}

/**
 * Makes a backfill with all its runs, in one transaction.
 * @returns its id
 * @throws BaramError NOT_FOUND | INPUT_INVALID | PARAMS_INVALID, or CONFLICT while another one of the DAG goes on
 */
export async function createBackfill(
  { database, runCache }: Pick<Engine, 'database' | 'runCache'>,
  request: BackfillRequest,
  actor: Actor,
): Promise<number> {
  if (!isInt4(request.maxActiveRuns) || request.maxActiveRuns < 1)
    throw new BaramError(
      'INPUT_INVALID',
      `max_active_runs must be a whole number from 1 to ${MAX_INT4}, found ${request.maxActiveRuns}`,
    )
  return database.transaction(async (tx) => {
    const dag = await lockDag(tx, request.dagId)
    if (dag === null) throw notFound('dag', request.dagId)
    if ((await findActiveBackfill(tx, request.dagId)) !== null) throw underWay(request.dagId)
    const dates = await datesOf(tx, runCache, dag, request, true)
    if (dates.length === 0)
      throw new BaramError(
        'INPUT_INVALID',
        `the schedule of ${request.dagId} has no run between ${iso(request.from)} and ${iso(request.to)}; choose a longer range`,
        { details: { ...subject('dag', request.dagId), problem: 'range_empty', from: request.from, to: request.to } },
      )
    const backfillId = await insertBackfill(tx, { ...request, user: actor.name })
    if (backfillId === null) throw underWay(request.dagId)
    await makeRuns(tx, runCache, dag, request, backfillId, dates, actor.name)
    await audit(tx, actor, {
      event: 'backfill.create',
      dagId: request.dagId,
      extra: { backfill_id: backfillId, runs: dates.length },
    })
    await notifyScheduler(tx)
    await notifyPages(tx, { runs: [], dags: [request.dagId] })
    return backfillId
  })
}

const underWay = (dagId: string) =>
  conflict(
    'dag',
    dagId,
    'backfilling',
    `a backfill of ${dagId} is still running; start another when it ends, or cancel it`,
  )

async function makeRuns(
  tx: Sql,
  runCache: RunCache,
  dag: DagFacts,
  request: BackfillRequest,
  backfillId: number,
  dates: readonly BackfillDate[],
  by: string,
): Promise<void> {
  const version = await runCache.version(tx, dag.versionId, dag.versionHash)
  const idOf = await insertMany(
    tx,
    version,
    dates.filter((date) => date.existing === null).map(({ run }) => newRun(request, by, dag.versionId, run)),
    backfillId,
  )
  const taken = dates.flatMap(({ existing, exception }) => (existing === null || exception !== null ? [] : existing.id))
  if (taken.length > 0) {
    const { conf, onLatestVersion: onLatest } = request
    await takeOverRuns(tx, taken, { backfillId, conf, by, onLatest })
  }
  await insertBackfillDates(
    tx,
    backfillId,
    dates.map(({ run, existing, exception }) => {
      const dagRunId = existing === null ? (idOf.get(runIdOf(run)) ?? null) : exception === null ? existing.id : null
      // Its id is taken by a run of another date: somebody named one so.
      const isLost = dagRunId === null && exception === null
      return { dagRunId, exception: isLost ? 'unknown' : exception, logicalDate: run.logicalDate }
    }),
  )
}

const runIdOf = (run: DueRun): string => makeRunId('backfill', run.runAfter)

const newRun = (request: BackfillRequest, by: string, versionId: string, run: DueRun) => ({
  dagId: request.dagId,
  runId: runIdOf(run),
  runType: 'backfill' as const,
  logicalDate: run.logicalDate,
  dataInterval: run.dataInterval,
  runAfter: run.runAfter,
  conf: request.conf ?? {},
  triggeredBy: 'backfill',
  user: by,
  note: null,
  versionId,
})

/** @throws BaramError NOT_FOUND, or CONFLICT when it is over */
async function lockActive(tx: Sql, id: number) {
  const backfill = await lockBackfill(tx, id)
  if (backfill === null) throw notFound('backfill', id)
  if (backfill.completedAt !== null)
    throw conflict('backfill', id, 'ended', `backfill ${id} has ended; start another for the same dates`)
  return backfill
}

/**
 * A paused backfill starts no more runs; those that run go on.
 * @throws BaramError NOT_FOUND, or CONFLICT when it is over
 */
export async function pauseBackfill(
  { database }: Pick<Engine, 'database'>,
  { id, isPaused }: { readonly id: number; readonly isPaused: boolean },
  actor: Actor,
): Promise<void> {
  await stopStarting(database, id, isPaused, isPaused ? 'backfill.pause' : 'backfill.unpause', actor)
}

async function stopStarting(database: Database, id: number, isPaused: boolean, event: string, actor: Actor) {
  await database.transaction(async (tx) => {
    const { dagId } = await lockActive(tx, id)
    await setBackfillPaused(tx, id, isPaused)
    await audit(tx, actor, { event, dagId, extra: { backfill_id: id } })
    await notifyScheduler(tx)
    await notifyPages(tx, { runs: [], dags: [dagId] })
  })
}

/**
 * Ends a backfill: its queued runs fail, those that run go on to their end.
 * @throws BaramError NOT_FOUND, or CONFLICT when it is over
 */
export async function cancelBackfill({ database, transactions }: Engine, id: number, actor: Actor): Promise<void> {
  // First no more of its runs may start; then those that wait are failed, and only then it is over.
  await stopStarting(database, id, true, 'backfill.cancel', actor)
  for (;;) {
    const queued = (await findQueuedOf(database, id)).slice(0, 100)
    if (queued.length === 0) break
    await transactions.run({
      runs: queued,
      act(all) {
        for (const changes of all.values()) {
          if (changes.model.run.state !== 'queued') continue
          changes.moveRun('failed', { code: 'run_marked', by: actor.name, state: 'failed' })
        }
      },
    })
  }
  await database.transaction(async (tx) => {
    const backfill = await lockBackfill(tx, id)
    // The sweep may have found before us that nothing is left of it: then it is as it should be. (Deleted: the same.)
    if (backfill === null || backfill.completedAt !== null) return
    await completeBackfill(tx, id)
    await notifyPages(tx, { runs: [], dags: [backfill.dagId] })
  })
}

/** Backfills of which nothing is left to do are over. */
export async function noteBackfillEnds(database: Database): Promise<void> {
  const dags = await completeBackfills(database)
  if (dags.length > 0) await notifyPages(database, { runs: [], dags })
}
