// Slots for ready instances. Whoever ended k attempts of a pool may start k others of it without a lock (nothing grows);
// everything else is growth and is counted under the admission lock.

import { admit, type Candidate, compareCandidates, dagTaskKey, runTaskKey, type Usage } from '../../core/admit.ts'
import { compareInstances } from '../../core/ready-list.ts'
import type { Reason } from '../../core/reasons.ts'
import type { RunModel, TaskInstanceView } from '../../core/run-model.ts'
import { countTasks, countUsage, lockAdmission, type ThrottledInstance } from '../../store/postgres/task-queue.ts'
import type { Sql } from '../../store/sql.ts'
import type { RunChanges } from './changes.ts'

export interface AdmissionLimits {
  /** 0 = none. */
  readonly parallelism: number
}

interface Ready {
  readonly candidate: Candidate
  readonly ti: TaskInstanceView
  readonly changes: RunChanges
  /** Nobody has considered it yet, as far as this copy knows: it has just become ready, or its run has just got room. */
  readonly isNew: boolean
}

function candidateOf(model: RunModel, ti: TaskInstanceView): Candidate {
  const task = model.graph.task(ti.task)
  return {
    id: ti.id,
    dagRunId: model.run.dagRunId,
    dagId: model.run.dagId,
    taskId: task.taskId,
    mapIndex: ti.mapIndex,
    pool: ti.pool,
    poolSlots: ti.poolSlots,
    priorityWeight: ti.priorityWeight,
    isBackfill: model.run.runType === 'backfill',
    runAfter: model.run.runAfter,
    maxActiveTisPerDag: task.maxActiveTisPerDag,
    maxActiveTisPerDagrun: task.maxActiveTisPerDagrun,
  }
}

/**
 * Ready instances of a run, heaviest first, as far as its own cap (maxActiveTasks) lets them start. Of those that have been refused a
 * slot a worker's transaction looks at as many as there are slots to give on: no other can have one.
 */
function readyOf(changes: RunChanges, freed: FreedSlots, isWide: boolean): Ready[] {
  const { model } = changes
  const room = model.graph.dag.maxActiveTasks - model.activeCount
  if (model.run.state !== 'running' || room <= 0) return []
  const waiting = [...model.throttled].flatMap(([pool, list]) =>
    list.first(isWide ? room : Math.min(room, freed.mostOf(pool))),
  )
  return [...model.ready.first(room), ...waiting]
    .sort(compareInstances)
    .slice(0, room)
    .map((ti) => ({ candidate: candidateOf(model, ti), ti, changes, isNew: !model.isThrottled(ti) }))
}

/** Slots that this transaction's ended attempts gave back, by pool. */
class FreedSlots {
  private readonly pools = new Map<string, number>()
  count = 0

  constructor(all: readonly RunChanges[]) {
    for (const changes of all) {
      for (const ti of changes.freed()) {
        this.pools.set(ti.pool, (this.pools.get(ti.pool) ?? 0) + ti.poolSlots)
        this.count++
      }
    }
  }

  /** How many instances of a pool may start by what was given back, at most. */
  mostOf(pool: string): number {
    return this.unused(pool) > 0 ? this.count : 0
  }

  take(candidate: Candidate): boolean {
    const free = this.pools.get(candidate.pool) ?? 0
    if (this.count === 0 || free < candidate.poolSlots) return false
    this.pools.set(candidate.pool, free - candidate.poolSlots)
    this.count--
    return true
  }

  unused(pool: string): number {
    return this.pools.get(pool) ?? 0
  }
}

/** Reasons that more slots in the pool would remove: the others wait for something else and stand in nobody's way. */
const SLOT_REASONS: ReadonlySet<string> = new Set<Reason['code']>([
  'waits_for_pool',
  'waits_for_parallelism',
  'waits_its_turn',
])

/** Somebody of another run has waited for this pool at least as urgently: then the slot is the scheduler's to give. */
function isBehindOthers(
  candidate: Candidate,
  throttled: readonly ThrottledInstance[],
  mine: ReadonlySet<number>,
): boolean {
  return throttled.some(
    (row) =>
      !mine.has(row.dagRunId) && SLOT_REASONS.has(row.code) && row.pool === candidate.pool && isBefore(row, candidate),
  )
}

/** In the order in which slots are given. */
function isBefore(row: ThrottledInstance, candidate: Candidate): boolean {
  if (row.priorityWeight !== candidate.priorityWeight) return row.priorityWeight > candidate.priorityWeight
  if (row.isBackfill !== candidate.isBackfill) return candidate.isBackfill
  return row.dagRunId < candidate.dagRunId
}

const hasTaskLimit = (c: Candidate) => c.maxActiveTisPerDag !== null || c.maxActiveTisPerDagrun !== null

async function countNow(tx: Sql, growth: readonly Ready[], freed: FreedSlots, limits: AdmissionLimits): Promise<Usage> {
  const pools = await countUsage(tx)
  const usage: Usage = {
    // The rows of this transaction's ended attempts are still there; those given on to others stay counted for them.
    pools: new Map(pools.map((row) => [row.pool, { slots: row.slots, used: row.used - freed.unused(row.pool) }])),
    parallelism: { limit: limits.parallelism, used: pools.reduce((sum, row) => sum + row.active, 0) - freed.count },
    runs: new Map(),
    tasks: new Map(),
  }
  for (const { changes } of growth) {
    const { model } = changes
    usage.runs.set(model.run.dagRunId, { limit: model.graph.dag.maxActiveTasks, used: model.activeCount })
  }
  const limited = growth.filter((ready) => hasTaskLimit(ready.candidate))
  if (limited.length > 0) {
    const rows = await countTasks(
      tx,
      limited.map((r) => r.candidate.dagId),
      limited.map((r) => r.candidate.taskId),
    )
    for (const row of rows) {
      const dagKey = dagTaskKey({ dagId: row.dagId, taskId: row.taskId })
      usage.tasks.set(dagKey, (usage.tasks.get(dagKey) ?? 0) + row.active)
      usage.tasks.set(runTaskKey({ dagRunId: row.dagRunId, taskId: row.taskId }), row.active)
    }
  }
  return usage
}

export interface AdmissionResult {
  /** In order of urgency; each is `queued` on its model now. */
  readonly admitted: { readonly changes: RunChanges; readonly ti: TaskInstanceView }[]
  /** Something became free that this transaction could not use, or left to others: the scheduler should look. */
  readonly hasLeftover: boolean
}

function hold(ready: Ready, because: Reason): void {
  const { model, throttled } = ready.changes
  if (model.throttle(ready.ti, because.code)) throttled.set(ready.ti.id, because)
}

/** A task with a limit of its own ended: an instance of it in another run may start now, whoever took the slot. */
const freesTaskLimit = (changes: RunChanges): boolean =>
  changes.left().some((ti) => hasTaskLimit(candidateOf(changes.model, ti)))

/**
 * Gives slots. `isWide` also reconsiders instances that were waiting before this transaction (the scheduler's pass); a worker's
 * transaction only replaces what it ended and tries for what has just become ready, after whoever waits more urgently.
 */
export async function giveSlots(
  tx: Sql,
  all: readonly RunChanges[],
  throttled: readonly ThrottledInstance[],
  limits: AdmissionLimits,
  isWide: boolean,
): Promise<AdmissionResult> {
  const freed = new FreedSlots(all)
  const mine = new Set(all.map((changes) => changes.model.run.dagRunId))
  const admitted: Ready[] = []
  const growth: Ready[] = []
  let mustAsk = all.some(freesTaskLimit)
  for (const ready of all
    .flatMap((changes) => readyOf(changes, freed, isWide))
    .sort((a, b) => compareCandidates(a.candidate, b.candidate))) {
    const { candidate } = ready
    const isBehind = !isWide && isBehindOthers(candidate, throttled, mine)
    if (ready.changes.isPaused) {
      if (ready.isNew) hold(ready, { code: 'waits_while_paused' })
    } else if (!isBehind && !hasTaskLimit(candidate) && freed.take(candidate)) admitted.push(ready)
    else if (isBehind && ready.isNew) {
      hold(ready, { code: 'waits_its_turn', pool: candidate.pool })
      mustAsk = true
    } else if (ready.isNew || isWide) growth.push(ready)
  }
  const queue = (ready: Ready) =>
    ready.changes.add([ready.changes.model.move(ready.ti, 'queued', { code: 'admitted' })])
  admitted.forEach(queue)
  if (growth.length > 0) admitted.push(...(await admitGrowth(tx, growth, freed, limits, queue)))
  admitted.sort((a, b) => compareCandidates(a.candidate, b.candidate))
  return { admitted, hasLeftover: mustAsk || freed.count > 0 }
}

/** Counts under the admission lock, queues what fits and holds the rest. */
async function admitGrowth(
  tx: Sql,
  growth: readonly Ready[],
  freed: FreedSlots,
  limits: AdmissionLimits,
  queue: (ready: Ready) => void,
): Promise<Ready[]> {
  await lockAdmission(tx)
  const byId = new Map(growth.map((ready) => [ready.candidate.id, ready]))
  const decision = admit(
    growth.map((ready) => ready.candidate),
    await countNow(tx, growth, freed, limits),
  )
  for (const { candidate, because } of decision.throttled) {
    const ready = byId.get(candidate.id)
    if (ready !== undefined) hold(ready, because)
  }
  const fits = decision.admitted.flatMap((candidate) => byId.get(candidate.id) ?? [])
  fits.forEach(queue)
  return fits
}
