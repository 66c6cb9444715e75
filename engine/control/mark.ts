// Mark: a user sets instances, or a whole run, to a state. Airflow's rules: set_task_instance_state, set_dag_run_state_to_*.

import { decide } from '../../core/decide.ts'
import { conflict, notFound } from '../../core/errors.ts'
import type { DagGraph } from '../../core/graph.ts'
import {
  chooseMarked,
  chooseResumed,
  chooseTasks,
  endWithRun,
  isChosen,
  markInstances,
  reachable,
  type TaskScope,
} from '../../core/run-control.ts'
import { isFailed, isFinished, type Mark, type RunState } from '../../core/states.ts'
import { isOwnDate, isPeriodic } from '../../core/timetables/slot.ts'
import type { Database } from '../../store/database.ts'
import {
  findDatedRuns,
  findDateRange,
  findRun,
  findTouched,
  type RunOfDag,
  type TouchedInstance,
} from '../../store/postgres/run-control.ts'
import type { Sql } from '../../store/sql.ts'
import { type Actor, audit, type Engine } from '../engine.ts'
import { latestVersion } from '../runs/change-version.ts'
import type { RunChanges } from '../transaction/changes.ts'
import { clearInRun } from './clear.ts'

export interface MarkRequest {
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  /** Null = all instances of the task. */
  readonly mapIndex: number | null
  readonly to: Mark
  /** Also everything upstream or downstream of the task, however far; of those all instances. */
  readonly upstream: boolean
  readonly downstream: boolean
  /** Also the runs before or after on the schedule's own dates. */
  readonly past: boolean
  readonly future: boolean
}

/** Runs of one transaction. */
const BATCH = 50

interface Resolved {
  readonly graph: DagGraph
  /** Runs in which instances are set. */
  readonly marked: readonly RunOfDag[]
  /** Runs in which failed downstream tasks are cleared. */
  readonly resumed: readonly RunOfDag[]
}

const scopeOf = (request: MarkRequest): TaskScope => ({
  tasks: [
    request.mapIndex === null ? { taskId: request.taskId } : { taskId: request.taskId, mapIndex: request.mapIndex },
  ],
  upstream: request.upstream,
  downstream: request.downstream,
})

/** The schedule's own dates of the range; without a schedule every date, of one that has no dates only the run itself. */
async function runsToMark(
  database: Database,
  graph: DagGraph,
  run: RunOfDag,
  { dagId, past, future }: MarkRequest,
): Promise<readonly RunOfDag[]> {
  const range = run.logicalDate === null ? null : await findDateRange(database, dagId)
  if (range === null || run.logicalDate === null || (!past && !future)) return [run]
  const [from, to] = [past ? range.first : run.logicalDate, future ? range.last : run.logicalDate]
  const { timetable } = graph.dag
  if (timetable.kind !== 'none' && !isPeriodic(timetable)) return [run]
  const runs = await findDatedRuns(database, dagId, from, to)
  if (timetable.kind === 'none') return runs
  return runs.filter(
    (candidate) =>
      candidate.id === run.id || (candidate.logicalDate !== null && isOwnDate(timetable, from, candidate.logicalDate)),
  )
}

async function runsToResume(
  database: Database,
  run: RunOfDag,
  { dagId, past, future }: MarkRequest,
): Promise<readonly RunOfDag[]> {
  if (!past && !future) return [run]
  const from = past ? null : run.logicalDate
  const to = future ? null : run.logicalDate
  return findDatedRuns(database, dagId, from, to)
}

async function resolve({ database, runCache }: Engine, request: MarkRequest): Promise<Resolved> {
  const { graph } = await latestVersion(database, runCache, request.dagId)
  if (!graph.indexOf.has(request.taskId)) throw notFound('task', { dagId: request.dagId, taskId: request.taskId })
  const run = await findRun(database, request.dagId, request.runId)
  if (run === null) throw notFound('dag_run', { dagId: request.dagId, runId: request.runId })
  return {
    graph,
    marked: await runsToMark(database, graph, run, request),
    resumed: await runsToResume(database, run, request),
  }
}

/** What marking would touch: what is set, and what goes on because of it. */
const noteMark = (tx: Sql, { dagId, runId, taskId, mapIndex, to, ...scope }: MarkRequest, actor: Actor) =>
  audit(tx, actor, { event: 'task_instance.patch', dagId, runId, taskId, mapIndex, extra: { new_state: to, ...scope } })

export interface MarkPreview {
  readonly set: readonly TouchedInstance[]
  readonly cleared: readonly TouchedInstance[]
}

async function preview(
  engine: Engine,
  request: MarkRequest,
  { graph, marked, resumed }: Resolved,
): Promise<MarkPreview> {
  const chosen = chooseTasks(graph, scopeOf(request))
  const idsOf = (runs: readonly RunOfDag[]) => ({ kind: 'runs', ids: runs.map((run) => run.id) }) as const
  const chosenIds = chosen === null ? null : [...chosen.keys()]
  const rows = await findTouched(engine.database, request.dagId, idsOf(marked), chosenIds, null)
  const set = rows.filter((row) => row.state !== request.to && isChosen(chosen, row.taskId, row.mapIndex))
  const isSet = new Set(set.map((row) => row.id))
  const downstream = reachable(graph, [graph.indexOf.get(request.taskId) ?? -1], 'downstream')
  const downstreamIds = [...downstream].map((task) => graph.task(task).taskId)
  const after = await findTouched(engine.database, request.dagId, idsOf(resumed), downstreamIds, null)
  const cleared = after.filter((row) => isFailed(isSet.has(row.id) ? request.to : row.state))
  return { set, cleared }
}

/** @throws BaramError NOT_FOUND */
export async function previewMark(engine: Engine, request: MarkRequest): Promise<MarkPreview> {
  return preview(engine, request, await resolve(engine, request))
}

/**
 * Sets instances. What runs is ended; failed downstream tasks are cleared, and their run goes on.
 * @throws BaramError NOT_FOUND, or CONFLICT when everything is in that state already
 */
export async function mark(engine: Engine, request: MarkRequest, actor: Actor): Promise<MarkPreview> {
  const resolved = await resolve(engine, request)
  const touched = await preview(engine, request, resolved)
  if (touched.set.length === 0)
    throw conflict(
      'task',
      { dagId: request.dagId, taskId: request.taskId },
      'unchanged',
      `task ${request.taskId} is already ${request.to}; there is nothing to mark`,
      { state: request.to },
    )
  const markIn = new Set(resolved.marked.map((run) => run.id))
  const resumeIn = new Set(resolved.resumed.map((run) => run.id))
  const ids = [...new Set([...touched.set, ...touched.cleared].map((row) => row.dagRunId))].sort((a, b) => a - b)
  const act = (changes: RunChanges) => {
    const { model } = changes
    if (markIn.has(model.run.dagRunId)) {
      const chosen = chooseMarked(model, chooseTasks(model.graph, scopeOf(request)), request.to)
      const moved = markInstances(model, chosen, request.to, { code: 'marked', by: actor.name })
      changes.add(moved)
    }
    if (resumeIn.has(model.run.dagRunId))
      clearInRun(changes, { by: actor.name, resetsRuns: true }, chooseResumed(model, request.taskId))
    if (model.run.state === 'running') changes.add(decide(model))
  }
  for (let at = 0; at < ids.length; at += BATCH)
    await engine.transactions.run({
      runs: ids.slice(at, at + BATCH),
      before: at === 0 ? (tx) => noteMark(tx, request, actor) : undefined,
      act(all) {
        for (const changes of all.values()) act(changes)
      },
    })
  return touched
}

/** What setting a run to an end would touch. @throws BaramError NOT_FOUND */
export async function previewRunMark(
  { database }: Engine,
  dagId: string,
  runId: string,
): Promise<readonly TouchedInstance[]> {
  const run = await requireRun(database, dagId, runId)
  return (await findTouched(database, dagId, { kind: 'runs', ids: [run.id] }, null, null)).filter(
    (row) => !isFinished(row.state),
  )
}

async function requireRun(database: Database, dagId: string, runId: string): Promise<RunOfDag> {
  const run = await findRun(database, dagId, runId)
  if (run === null) throw notFound('dag_run', { dagId, runId })
  return run
}

/**
 * Sets a run: to an end (what works ends with it, the rest is skipped), or back to queued, which asks it to go on.
 * @throws BaramError NOT_FOUND
 */
export async function markRun(
  engine: Engine,
  request: {
    readonly dagId: string
    readonly runId: string
    readonly to: Exclude<RunState, 'running'>
  },
  actor: Actor,
): Promise<void> {
  const { id } = await requireRun(engine.database, request.dagId, request.runId)
  const { dagId, runId, to } = request
  const by = actor.name
  await engine.transactions.run({
    runs: [id],
    before: (tx) => audit(tx, actor, { event: 'dag_run.patch', dagId, runId, extra: { state: to } }),
    act(all) {
      for (const changes of all.values()) {
        if (to !== 'queued') changes.add(endWithRun(changes.model, to, by))
        changes.moveRun(to, { code: 'run_marked', by, state: to })
      }
    },
  })
}
