// Clear: lets instances run again, in one run or many. The same choice is shown first and made under the runs' locks.

import { decide } from '../../core/decide.ts'
import { BaramError, conflict, notFound } from '../../core/errors.ts'
import {
  type ChosenTasks,
  type ClearFilter,
  chooseCleared,
  chooseTasks,
  clearedStates,
  clearInstances,
  isChosen,
  type TaskScope,
} from '../../core/run-control.ts'
import type { RunModel } from '../../core/run-model.ts'
import { isRunFinished } from '../../core/states.ts'
import { subject } from '../../core/subjects.ts'
import type { Database } from '../../store/database.ts'
import {
  findRun,
  findTouched,
  type RunsWanted,
  setInstanceNotes,
  type TouchedInstance,
} from '../../store/postgres/run-control.ts'
import { concurrencyKeysOf } from '../../store/postgres/runs.ts'
import { type AskedClear, deleteServed, findAskedClears } from '../../store/postgres/scheduler-requests.ts'
import { isLasting } from '../../store/refusal.ts'
import type { Sql } from '../../store/sql.ts'
import { maskNote } from '../admin/stored-secrets.ts'
import { type Actor, audit, type Engine, type RunEngine } from '../engine.ts'
import { changeVersionIfFree, changeVersions, latestVersion } from '../runs/change-version.ts'
import type { RunChanges } from '../transaction/changes.ts'
import { blame } from '../transaction/run-fault.ts'
import type { RunTransactions } from '../transaction/run-transaction.ts'
import { noteRefused } from '../transaction/set-aside.ts'

/** Which runs of a DAG a verb is about. */
export type RunScope =
  /** One run; with `past` or `future` also those before or after it by logical date. */
  | { readonly kind: 'run'; readonly runId: string; readonly past: boolean; readonly future: boolean }
  /** Runs by logical date, both ends inclusive; null = no bound. */
  | { readonly kind: 'dates'; readonly from: number | null; readonly to: number | null }

export interface ClearRequest {
  readonly dagId: string
  readonly runs: RunScope
  readonly tasks: TaskScope
  readonly filter: ClearFilter
  /** Runs that have ended begin again; else only their instances are reset (Airflow's reset_dag_runs). */
  readonly resetsRuns: boolean
  /** With the latest version of the DAG instead of the one each run was made from. */
  readonly onLatestVersion: boolean
  /** Refuse when something of it runs. */
  readonly refusesRunning: boolean
  readonly note?: string | null
}

/** Runs of one transaction. */
const BATCH = 50

interface Resolved {
  readonly chosen: ChosenTasks | null
  readonly touched: readonly TouchedInstance[]
}

/** @throws BaramError NOT_FOUND | INPUT_INVALID (a run without logical date has neither past nor future) */
export async function resolveRuns(database: Database, dagId: string, scope: RunScope): Promise<RunsWanted> {
  if (scope.kind === 'dates') return scope
  const run = await findRun(database, dagId, scope.runId)
  if (run === null) throw notFound('dag_run', { dagId, runId: scope.runId })
  if (!scope.past && !scope.future) return { kind: 'runs', ids: [run.id] }
  if (run.logicalDate === null)
    throw new BaramError(
      'INPUT_INVALID',
      `run ${run.runId} of ${dagId} has no logical date, so no run is before or after it; name runs or dates instead`,
      { details: { ...subject('dag_run', { dagId, runId: scope.runId }), problem: 'undated' } },
    )
  return {
    kind: 'dates',
    from: scope.past ? null : run.logicalDate,
    to: scope.future ? null : run.logicalDate,
  }
}

/** The graph by which "upstream" and "downstream" are meant: the named run's, else the latest. */
async function graphOf({ database, runCache }: Engine, request: ClearRequest) {
  const run = request.runs.kind === 'run' ? await findRun(database, request.dagId, request.runs.runId) : null
  const own = request.onLatestVersion || run === null ? null : run.versionId
  const version =
    own === null ? await latestVersion(database, runCache, request.dagId) : await runCache.version(database, own)
  return version.graph
}

async function resolve(engine: Engine, request: ClearRequest): Promise<Resolved> {
  const runs = await resolveRuns(engine.database, request.dagId, request.runs)
  const chosen = chooseTasks(await graphOf(engine, request), request.tasks)
  const rows = await findTouched(
    engine.database,
    request.dagId,
    runs,
    chosen === null ? null : [...chosen.keys()],
    clearedStates(request.filter),
  )
  const touched = rows.filter((row) => isChosen(chosen, row.taskId, row.mapIndex))
  return { chosen, touched }
}

/** What a clear would touch now. @throws BaramError NOT_FOUND | INPUT_INVALID */
export async function previewClear(engine: Engine, request: ClearRequest): Promise<readonly TouchedInstance[]> {
  return (await resolve(engine, request)).touched
}

/** Instances of one run as a clear leaves them, and what follows for the run. */
export function clearInRun(
  changes: RunChanges,
  request: { readonly by: string; readonly resetsRuns: boolean },
  chosen: ReturnType<typeof chooseCleared>,
): void {
  const { model } = changes
  if (chosen.length === 0) return
  changes.isCleared = true
  changes.add(clearInstances(model, chosen, request.by))
  if (isRunFinished(model.run.state)) {
    if (!request.resetsRuns) return
    changes.moveRun('queued', { code: 'cleared', by: request.by })
    // Also of a paused DAG: what is ready waits for its slot there. Undecided, it would look as if nothing could go on.
  } else if (model.run.state === 'running') changes.add(decide(model))
}

const runsOf = (touched: readonly TouchedInstance[]): number[] =>
  [...new Set(touched.map((row) => row.dagRunId))].sort((a, b) => a - b)

function atWork({ run: { dagId, runId } }: RunModel, taskId: string, mapIndex: number): BaramError {
  return conflict(
    'task_instance',
    { dagId, runId, taskId, mapIndex },
    'running',
    `task ${taskId} of run ${runId} is running; wait until it has ended, or clear it although it runs`,
  )
}

function refuseRunning(all: ReadonlyMap<number, RunChanges>, request: ClearRequest, chosen: ChosenTasks | null): void {
  if (!request.refusesRunning) return
  for (const { model } of all.values()) {
    const ti = chooseCleared(model, chosen, request.filter).find(({ state }) => state === 'running')
    if (ti !== undefined) throw atWork(model, model.graph.task(ti.task).taskId, ti.mapIndex)
  }
}

/**
 * Clears what the request means at the moment of its locks.
 * @returns what was touched, as it was before
 * @throws BaramError NOT_FOUND | INPUT_INVALID | CONFLICT
 */
export async function clear(engine: Engine, request: ClearRequest, actor: Actor): Promise<readonly TouchedInstance[]> {
  const { chosen, touched } = await resolve(engine, request)
  const note = await maskNote(engine.vault, request.note ?? null)
  const by = actor.name
  const ids = runsOf(touched)
  for (let at = 0; at < ids.length; at += BATCH) {
    const chunk = ids.slice(at, at + BATCH)
    if (request.onLatestVersion) await changeVersions(engine, request.dagId, chunk, by)
    await engine.transactions.run({
      runs: chunk,
      before: at === 0 ? (tx) => noteClear(tx, { ...request, note }, touched, actor) : undefined,
      act(all) {
        refuseRunning(all, request, chosen)
        for (const changes of all.values())
          clearInRun(
            changes,
            { by, resetsRuns: request.resetsRuns },
            chooseCleared(changes.model, chosen, request.filter),
          )
      },
    })
  }
  return touched
}

/** The audit row and the note of a clear, once: in the transaction of the first runs. */
async function noteClear(
  tx: Sql,
  request: Omit<ClearRequest, 'note'> & { readonly note: string | null },
  touched: readonly TouchedInstance[],
  actor: Actor,
): Promise<void> {
  const { dagId, runs, tasks, filter } = request
  await audit(tx, actor, {
    event: 'task_instance.clear',
    dagId,
    runId: runs.kind === 'run' ? runs.runId : null,
    taskId: tasks.tasks?.length === 1 ? (tasks.tasks[0]?.taskId ?? null) : null,
    extra: { runs, ...tasks, ...filter, instances: touched.length },
  })
  if (request.note !== null)
    await setInstanceNotes(
      tx,
      touched.map((row) => row.id),
      request.note,
    )
}

/**
 * Lets a run that has ended begin again from its first task (Airflow's reset of a run that exists). Its tries stay in the
 * history; mapped tasks are measured anew.
 * @throws BaramError REFUSED while the run goes on
 */
export async function resetRun(transactions: RunTransactions, dagRunId: number, by: string): Promise<void> {
  await transactions.run({
    runs: [dagRunId],
    act(all) {
      for (const changes of all.values()) {
        const { run, instances } = changes.model
        if (!isRunFinished(run.state))
          throw new BaramError(
            'REFUSED',
            `run ${run.runId} of ${run.dagId} is ${run.state}; only a run that has ended can begin again`,
          )
        clearInRun(changes, { by, resetsRuns: true }, [...instances.values()])
      }
    },
  })
}

interface VersionChanges {
  /** Those that could be moved, and those that need not be. */
  readonly ready: readonly AskedClear[]
  readonly refused: ReadonlyMap<number, unknown>
}

/** The requests whose runs have the version they are to begin with: one that is held or at fault stops no other. */
async function changeAskedVersions(engine: RunEngine, asked: readonly AskedClear[]): Promise<VersionChanges> {
  const keys = await concurrencyKeysOf(
    engine.database,
    asked.filter((row) => row.onLatest).map((row) => row.dagRunId),
  )
  const ready: AskedClear[] = []
  const refused = new Map<number, unknown>()
  for (const row of asked) {
    const key = keys.get(row.dagRunId)
    try {
      if (key === undefined || (await changeVersionIfFree(engine, key.dagId, row.dagRunId, row.by))) ready.push(row)
    } catch (error) {
      if (!isLasting(error)) throw error
      refused.set(row.dagRunId, error)
    }
  }
  return { ready, refused }
}

/** Ended runs that a backfill took over begin again; one that somebody holds, later. Returns how many were served. */
export async function clearAsked(engine: RunEngine): Promise<number> {
  const asked = await findAskedClears(engine.database, BATCH)
  if (asked.length === 0) return 0
  const { ready, refused: unpinned } = await changeAskedVersions(engine, asked)
  if (ready.length + unpinned.size < asked.length) engine.transactions.noteMissed()
  let served = 0
  const { refused } = await engine.transactions.run({
    runs: ready.map((row) => row.dagRunId),
    skipsLocked: true,
    isBatch: true,
    async also(tx, locked, refused) {
      served = await deleteServed(tx, asked, (id) => locked.has(id) || refused.has(id) || unpinned.has(id))
    },
    act(all) {
      for (const { dagRunId, by } of ready) {
        const changes = all.get(dagRunId)
        if (changes === undefined || !isRunFinished(changes.model.run.state)) continue
        blame(dagRunId, () => clearInRun(changes, { by, resetsRuns: true }, [...changes.model.instances.values()]))
      }
    },
  })
  await noteRefused(engine.transactions, new Map([...unpinned, ...refused]))
  return served
}
