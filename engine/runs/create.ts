// New runs: the run row, its task instances, and (for scheduled ones) the DAG's next date, in one transaction.

import { reasonText } from '../../core/bound-result.ts'
import { BaramError, conflict, messageOf, notFound, type Problem } from '../../core/errors.ts'
import { checkJson, type JsonObject } from '../../core/json.ts'
import { resolveParams } from '../../core/params.ts'
import { makeRunId, RUN_ID_PATTERN, runTypeOf } from '../../core/run-id.ts'
import { limitsOf, type SerializedDag } from '../../core/serialized.ts'
import type { RunType } from '../../core/states.ts'
import { idFault, isStorableInstant } from '../../core/storable.ts'
import { subject } from '../../core/subjects.ts'
import { type ManualRun, manualRun } from '../../core/timetables/manual.ts'
import { type DueRun, nextRun } from '../../core/timetables/timetable.ts'
import { randomText } from '../../runtime/ids.ts'
import { isConnectionError } from '../../store/answers.ts'
import type { Database } from '../../store/database.ts'
import { deleteDagWarning, putDagWarning } from '../../store/postgres/dag-warnings.ts'
import { type DagFacts, findDueDags, lockDag, lockDueDag, postponeDag, setNextRun } from '../../store/postgres/dags.ts'
import { databaseNow } from '../../store/postgres/jobs.ts'
import { notifyPages, notifyScheduler } from '../../store/postgres/notify.ts'
import { findLastInterval, type NewRun } from '../../store/postgres/runs.ts'
import { isLasting } from '../../store/refusal.ts'
import type { Sql } from '../../store/sql.ts'
import { maskNote } from '../admin/stored-secrets.ts'
import { type Actor, audit, type Engine } from '../engine.ts'
import type { RunCache } from '../transaction/run-cache.ts'
import { insertWhole } from './insert.ts'

/** Where the timetable stands: what the next run would be, given the runs that exist. */
export async function computeNext(tx: Sql, dag: SerializedDag, now: number): Promise<DueRun | null> {
  return nextRun(dag.timetable, await findLastInterval(tx, dag.dagId), limitsOf(dag), now)
}

async function createOne(
  database: Database,
  runCache: RunCache,
  dagId: string,
  trusts: (now: number) => boolean,
): Promise<boolean> {
  return database.transaction(async (tx) => {
    const due = await lockDueDag(tx, dagId)
    if (due === null || !trusts(due.now)) return false
    const version = await runCache.version(tx, due.versionId, due.versionHash)
    const { dag } = version.graph
    // Asked anew rather than taken from the row: after an outage, without catchup, exactly the latest date is due.
    let run = await computeNext(tx, dag, due.now)
    let isCreated = false
    // A date that a user's run has taken is passed over in the same look: the next one starts from the last scheduled
    // date again, and would meet it for ever.
    while (!isCreated && run !== null && run.runAfter <= due.now) {
      isCreated = (await insertWhole(tx, version, scheduledRun(dagId, due.versionId, run))) !== null
      run = nextRun(dag.timetable, run.dataInterval, limitsOf(dag), due.now)
    }
    await setNextRun(tx, dagId, run)
    await deleteDagWarning(tx, dagId, RUN_REFUSED)
    return isCreated
  })
}

/** `dag_warning.warning_type` of a DAG whose run cannot be made. */
export const RUN_REFUSED = 'run creation failed'
/** Until a DAG whose run cannot be made is looked at again, seconds. */
const POSTPONE_SECONDS = 60

/** The date is not lost: it is asked for anew. Until then others are made, and the DAG says why it has none. */
async function postpone(database: Database, dagId: string, error: unknown): Promise<void> {
  const message = reasonText(`its next run could not be made: ${messageOf(error)}`)
  await database.transaction(async (tx) => {
    await postponeDag(tx, dagId, POSTPONE_SECONDS)
    await putDagWarning(tx, dagId, RUN_REFUSED, message)
    await notifyPages(tx, { runs: [], dags: [dagId] })
  })
}

const scheduledRun = (dagId: string, versionId: string, run: DueRun): NewRun => ({
  dagId,
  runId: makeRunId('scheduled', run.runAfter),
  runType: 'scheduled',
  logicalDate: run.logicalDate,
  dataInterval: run.dataInterval,
  runAfter: run.runAfter,
  conf: {},
  triggeredBy: 'timetable',
  user: null,
  note: null,
  versionId,
})

export interface CreateOptions {
  /** Told of a DAG whose run is refused; default: nobody. */
  readonly tellRefusal?: (dagId: string, error: unknown) => void
  /** Whether the database's clock is believed, asked with the very instant that made a run due; default: always. */
  readonly trusts?: (now: number) => boolean
}

/**
 * Creates every run that is due, up to a limit a pass; a DAG whose run is refused for good stops no other.
 * @returns how many were made
 */
export async function createDueRuns(
  database: Database,
  runCache: RunCache,
  { tellRefusal = () => undefined, trusts = () => true }: CreateOptions = {},
): Promise<number> {
  let created = 0
  for (const dagId of await findDueDags(database, 100)) {
    try {
      if (await createOne(database, runCache, dagId, trusts)) created++
    } catch (error) {
      if (isConnectionError(error)) throw error
      tellRefusal(dagId, error)
      // What will pass (a lock, a full disk) is tried again in the next pass.
      if (isLasting(error)) await postpone(database, dagId, error)
    }
  }
  return created
}

export interface TriggerRequest {
  readonly dagId: string
  readonly runId?: string | null
  readonly logicalDate?: number | null
  readonly dataInterval?: { readonly start: number; readonly end: number } | null
  readonly runAfter?: number | null
  readonly conf?: JsonObject
  /** Stored secrets in it are masked. */
  readonly note?: string | null
  /** Refuse when the DAG is paused, instead of making a run that waits. */
  readonly mustBeActive?: boolean
  /** First in the transaction: throws when the caller may no longer write. */
  readonly fence?: (tx: Sql) => Promise<void>
  /** Last in the transaction: a caller that only looks at the run takes it back by throwing here. */
  readonly inspect?: (tx: Sql, run: TriggeredRun) => Promise<void>
}

export interface TriggeredRun {
  readonly dagRunId: number
  readonly runId: string
  readonly isPaused: boolean
}

/** The field that a refusal is about, as requests name it. */
const OF_RUN_ID = { details: { field: 'run_id' } }

function checkRunId(runId: string, type: RunType): void {
  if (runId.length > 250 || !RUN_ID_PATTERN.test(runId)) {
    throw new BaramError(
      'INPUT_INVALID',
      `a run id has 1 to 250 characters of A-Z a-z 0-9 _ . ~ : + -, found ${JSON.stringify(runId.slice(0, 80))}`,
      OF_RUN_ID,
    )
  }
  const fault = idFault(runId, 'a run id')
  if (fault !== null) throw new BaramError('INPUT_INVALID', fault, OF_RUN_ID)
  if (type === 'scheduled' || type === 'backfill') {
    throw new BaramError(
      'INPUT_INVALID',
      `a run id that starts with ${type}__ is reserved for the scheduler; choose another, found ${JSON.stringify(runId)}`,
      OF_RUN_ID,
    )
  }
}

/** @throws BaramError PARAMS_INVALID, a line for each fault; INPUT_INVALID for a conf that cannot be stored */
export function checkParams(dag: SerializedDag, conf: JsonObject): void {
  try {
    checkJson(conf)
  } catch (error) {
    throw new BaramError('INPUT_INVALID', `conf: ${messageOf(error)}`, { cause: error })
  }
  const resolved = resolveParams(dag.params, conf)
  if ('faults' in resolved)
    throw new BaramError(
      'PARAMS_INVALID',
      `DAG ${dag.dagId} does not accept this conf:\n${resolved.faults.join('\n')}`,
      {
        details: { faults: resolved.faults },
      },
    )
}

/** Dates a manual run brings, before anything is locked for it. @throws BaramError INPUT_INVALID */
function checkDates({ logicalDate, runAfter, dataInterval }: TriggerRequest): void {
  const dates = {
    logicalDate,
    runAfter,
    'the start of the interval': dataInterval?.start,
    'its end': dataInterval?.end,
  }
  for (const [name, date] of Object.entries(dates))
    if (date !== null && date !== undefined && !isStorableInstant(date))
      throw new BaramError(
        'INPUT_INVALID',
        `${name} must be a date of the years 1 to 9999, found ${date} ms since 1970`,
      )
}

/** How a manual run without a name is called: its time, and random letters when it has no date that makes it unique. */
function nameRun(request: TriggerRequest, runAfter: number): string {
  if (request.runId !== undefined && request.runId !== null && request.runId !== '') {
    checkRunId(request.runId, runTypeOf(request.runId))
    return request.runId
  }
  const hasDate = request.logicalDate !== undefined && request.logicalDate !== null
  return makeRunId('manual', runAfter, hasDate ? undefined : randomText(8))
}

/** What a manual run covers and when it may start. By the database's clock, as everything that waits for a time (docs/reliability.md rule 17). */
async function placeRun(tx: Sql, dag: SerializedDag, request: TriggerRequest): Promise<ManualRun> {
  const { logicalDate = null, dataInterval = null, runAfter = null } = request
  const last = await findLastInterval(tx, dag.dagId)
  const anchor = last?.end ?? limitsOf(dag).earliest ?? 0
  return manualRun(dag.timetable, { logicalDate, dataInterval, runAfter }, anchor, await databaseNow(tx))
}

/** @throws BaramError REFUSED for a DAG that may have no new run as it is */
function checkMayRun(dag: DagFacts, { dagId, mustBeActive }: TriggerRequest): void {
  const refuse = (problem: Problem, message: string): never => {
    throw new BaramError('REFUSED', message, { details: { ...subject('dag', dagId), problem } })
  }
  if (dag.isStale) refuse('stale', `DAG ${dagId} is no longer in any file; put its file back before triggering it`)
  // Airflow's REST API and its execution API: the version that runs may not be what its author means.
  if (dag.hasImportErrors)
    refuse('import_errors', `DAG ${dagId} has import errors; correct its file before triggering it`)
  if (dag.isPaused && mustBeActive === true) refuse('paused', `DAG ${dagId} is paused; unpause it, or let the run wait`)
}

/**
 * Makes a manual run. It starts as soon as its DAG is active and has room.
 * @throws BaramError NOT_FOUND | CONFLICT | REFUSED | INPUT_INVALID | PARAMS_INVALID
 */
export async function triggerRun(
  { database, runCache, vault }: Pick<Engine, 'database' | 'runCache' | 'vault'>,
  request: TriggerRequest,
  actor: Actor,
): Promise<TriggeredRun> {
  checkDates(request)
  const note = await maskNote(vault, request.note ?? null)
  return database.transaction(async (tx) => {
    const dag = await lockDag(tx, request.dagId)
    await request.fence?.(tx)
    if (dag === null) throw notFound('dag', request.dagId)
    checkMayRun(dag, request)
    const version = await runCache.version(tx, dag.versionId, dag.versionHash)
    checkParams(version.graph.dag, request.conf ?? {})
    const logicalDate = request.logicalDate ?? null
    const { dataInterval, runAfter } = await placeRun(tx, version.graph.dag, request)
    const runId = nameRun(request, runAfter)
    const dagRunId = await insertWhole(tx, version, {
      dagId: request.dagId,
      runId,
      runType: 'manual',
      logicalDate,
      dataInterval,
      runAfter,
      conf: request.conf ?? {},
      triggeredBy: actor.via,
      user: actor.name,
      note,
      versionId: dag.versionId,
    })
    if (dagRunId === null) {
      const orDate = logicalDate === null ? '' : ' or with that logical date'
      throw conflict(
        'dag_run',
        { dagId: request.dagId, runId },
        'exists',
        `DAG ${request.dagId} already has a run with id ${runId}${orDate}`,
        { field: 'run_id' },
      )
    }
    const run = { dagRunId, runId, isPaused: dag.isPaused }
    await audit(tx, actor, { event: 'dag_run.trigger', dagId: request.dagId, runId, logicalDate })
    await request.inspect?.(tx, run)
    await notifyScheduler(tx)
    return run
  })
}
