// Copies of runs that a process works on. A copy is used only after the run's row was locked and its revision compared:
// equal = current; smaller = the ledger tells what others did; anything odd = load it anew.

import { BaramError } from '../../core/errors.ts'
import { buildGraph, type DagGraph } from '../../core/graph.ts'
import {
  MAX_MAP_LENGTH,
  type PastOfTask,
  RunModel,
  type TaskInstanceView,
  type UpstreamOutputs,
} from '../../core/run-model.ts'
import { readSerializedDag } from '../../core/serialized.ts'
import { isFinished } from '../../core/states.ts'
import { findPreviousRun, type LockedRun, loadRun } from '../../store/postgres/runs.ts'
import {
  type InstanceRow,
  loadChanges,
  loadInstances,
  loadStates,
  type RecordedMove,
} from '../../store/postgres/task-instances.ts'
import { loadVersion } from '../../store/postgres/versions.ts'
import { loadLengths, loadSkips } from '../../store/postgres/xcoms.ts'
import type { Sql } from '../../store/sql.ts'
import { blameAsync } from './run-fault.ts'

export interface Version {
  readonly graph: DagGraph
  readonly versionHash: string
  readonly moduleHash: string
  readonly versionNumber: number
}

/** Runs kept in memory; the least recently used go first. A run of 1,000 tasks takes about 200 kB. */
const MAX_MODELS = 200
const MAX_VERSIONS = 500

function remember<K, V>(map: Map<K, V>, key: K, value: V, most: number): V {
  map.delete(key)
  map.set(key, value)
  if (map.size > most) {
    const oldest = map.keys().next()
    if (oldest.done !== true) map.delete(oldest.value)
  }
  return value
}

/** Whether an instance has a place in a version: its task is there, and mapped or not as it was. */
export function hasPlace({ graph }: Version, taskId: string, mapIndex: number): boolean {
  const task = graph.find(taskId)
  return task !== undefined && (task.mapping !== null || mapIndex === -1)
}

const viewOf = (row: InstanceRow, task: number): TaskInstanceView => ({
  id: row.id,
  task,
  mapIndex: row.mapIndex,
  pool: row.pool,
  poolSlots: row.poolSlots,
  queue: row.queue,
  priorityWeight: row.priorityWeight,
  state: row.state,
  tryNumber: row.tryNumber,
  maxTries: row.maxTries,
  epoch: row.epoch,
  isContinued: row.isContinued,
})

export class RunCache {
  private readonly models = new Map<number, RunModel>()
  private readonly versions = new Map<string, Version>()
  private readonly maxMapLength: number

  /** @param maxMapLength most instances of a mapped task */
  constructor(maxMapLength: number = MAX_MAP_LENGTH) {
    this.maxMapLength = maxMapLength
  }

  /**
   * The graph and module of a version. While no run uses it a version may be replaced in place, by another process too:
   * `hash` (read under the lock of its DAG or run) tells whether what is known still is what is stored.
   */
  async version(sql: Sql, versionId: string, hash?: string): Promise<Version> {
    const known = this.versions.get(versionId)
    if (known !== undefined && (hash === undefined || known.versionHash === hash)) return known
    const row = await loadVersion(sql, versionId)
    if (row === null) throw new BaramError('NOT_FOUND', `there is no DAG version ${versionId}`)
    const version = {
      graph: buildGraph(readSerializedDag(row.data)),
      versionHash: row.versionHash,
      moduleHash: row.moduleHash,
      versionNumber: row.versionNumber,
    }
    return remember(this.versions, versionId, version, MAX_VERSIONS)
  }

  /** Current models of locked runs, by row id. */
  async current(tx: Sql, locked: readonly LockedRun[]): Promise<Map<number, RunModel>> {
    const found = new Map<number, RunModel>()
    const stale: { id: number; rev: number }[] = []
    for (const run of locked) {
      const model = this.models.get(run.id)
      // A past is read each time: it belongs to another run, which this run's lock does not hold.
      const isOther = model?.run.clearNumber !== run.clearNumber
      if (model === undefined || isOther || model.past !== null || model.run.rev > run.rev)
        found.set(run.id, await blameAsync(run.id, () => this.load(tx, run.id)))
      else {
        if (model.run.rev < run.rev) stale.push({ id: run.id, rev: model.run.rev })
        found.set(run.id, remember(this.models, run.id, model, MAX_MODELS))
      }
    }
    if (stale.length > 0) await this.catchUp(tx, found, stale, locked)
    return found
  }

  forget(ids: Iterable<number>): void {
    for (const id of ids) this.models.delete(id)
  }

  private async catchUp(
    tx: Sql,
    models: Map<number, RunModel>,
    stale: readonly { id: number; rev: number }[],
    locked: readonly LockedRun[],
  ): Promise<void> {
    const changes = await loadChanges(tx, stale)
    for (const { id } of stale) {
      const model = models.get(id)
      const rev = locked.find((run) => run.id === id)?.rev
      if (model === undefined || rev === undefined) continue
      const mine = changes.filter((change) => change.dagRunId === id)
      // An instance we do not have, or under another index: somebody has expanded a mapped task.
      if (mine.every((change) => model.instances.get(change.tiId)?.mapIndex === change.mapIndex)) {
        for (const change of mine) applyRecordedMove(model, change)
        if (mine.some((change) => isOutputRead(model.graph, change.taskId)))
          model.upstreamOutputs = await loadUpstreamOutputs(tx, id, model.graph)
        const row = await loadRun(tx, id)
        if (row !== null) model.run.state = row.state
        model.run.rev = rev
      } else {
        models.set(id, await blameAsync(id, () => this.load(tx, id)))
      }
    }
  }

  private async load(tx: Sql, id: number): Promise<RunModel> {
    const row = await loadRun(tx, id)
    if (row === null) throw new BaramError('NOT_FOUND', `there is no run with row id ${id}`)
    const version = await this.version(tx, row.createdDagVersionId, row.versionHash)
    const { graph } = version
    // What was removed when the run moved on to another version is no part of it any more.
    const rows = (await loadInstances(tx, id)).filter(
      (ti) => ti.state !== 'removed' || hasPlace(version, ti.taskId, ti.mapIndex),
    )
    const instances = rows.map((ti) => {
      const task = graph.indexOf.get(ti.taskId)
      if (task === undefined)
        throw new BaramError(
          'SERIALIZED_INVALID',
          `run ${row.runId} has an instance of ${ti.taskId}, which its DAG version lacks`,
        )
      return viewOf(ti, task)
    })
    const { start, end } = { start: row.dataIntervalStart, end: row.dataIntervalEnd }
    const facts = {
      dagRunId: id,
      dagId: row.dagId,
      runId: row.runId,
      runType: row.runType,
      logicalDate: row.logicalDate,
      dataInterval: start === null || end === null ? null : { start, end },
      runAfter: row.runAfter,
      startDate: row.startDate,
      conf: row.conf,
      versionId: row.createdDagVersionId,
      clearNumber: row.clearNumber,
      state: row.state,
      rev: row.rev,
    }
    return remember(
      this.models,
      id,
      new RunModel(graph, facts, instances, await loadPast(tx, graph, facts), {
        upstreamOutputs: await loadUpstreamOutputs(tx, id, graph),
        maxMapLength: this.maxMapLength,
      }),
      MAX_MODELS,
    )
  }
}

function applyRecordedMove(model: RunModel, change: RecordedMove): void {
  model.applyRemote({
    id: change.tiId,
    state: change.toState,
    tryNumber: change.tryNumber,
    epoch: change.epoch,
    maxTries: change.maxTries,
    isContinued: change.isContinued,
  })
}

/** Whether other tasks depend on what this one returns, not only on how it ended. */
function isOutputRead(graph: DagGraph, taskId: string): boolean {
  const task = graph.indexOf.get(taskId) ?? -1
  return graph.mapSources.has(task) || graph.skippers.has(task)
}

async function loadUpstreamOutputs(tx: Sql, dagRunId: number, graph: DagGraph): Promise<UpstreamOutputs> {
  const names = (tasks: ReadonlySet<number>) => [...tasks].map((task) => graph.task(task).taskId)
  const byIndex = <T>(found: ReadonlyMap<string, T>) =>
    new Map([...found].map(([taskId, value]) => [graph.indexOf.get(taskId) ?? -1, value]))
  const { mapSources, skippers } = graph
  return {
    lengths:
      mapSources.size === 0 ? new Map<number, number>() : byIndex(await loadLengths(tx, dagRunId, names(mapSources))),
    skips:
      skippers.size === 0
        ? new Map<number, readonly string[]>()
        : byIndex(await loadSkips(tx, dagRunId, names(skippers))),
  }
}

/** The run before, as depends_on_past sees it; null when no task of the DAG looks at its past. */
async function loadPast(
  tx: Sql,
  graph: DagGraph,
  run: { dagId: string; dagRunId: number; logicalDate: number | null },
): Promise<ReadonlyMap<string, PastOfTask> | null> {
  if (!graph.tasks.some((task) => task.dependsOnPast || task.waitForDownstream)) return null
  const previous = await findPreviousRun(tx, run.dagId, run.dagRunId, run.logicalDate)
  if (previous === null) return new Map()
  const states = await loadStates(tx, previous)
  const isGood = (taskId: string) =>
    (states.get(taskId) ?? []).every((state) => state === 'success' || state === 'skipped')
  const past = new Map<string, PastOfTask>()
  for (const [taskId, list] of states) {
    const index = graph.indexOf.get(taskId)
    const downstream = index === undefined ? [] : (graph.downstream[index] ?? [])
    // Mapped instances count as one: the worst unfinished or failed one speaks for the task.
    const worst =
      list.find((state) => !isFinished(state)) ??
      list.find((state) => state !== 'success' && state !== 'skipped') ??
      list[0] ??
      null
    past.set(taskId, { state: worst, isDownstreamDone: downstream.every((i) => isGood(graph.task(i).taskId)) })
  }
  return past
}
