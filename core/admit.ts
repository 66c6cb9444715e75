// Which ready instances may take a slot now: pools, parallelism, and all concurrency limits. Pure counting; the engine
// counts inside the transaction that holds the admission lock.

import type { Reason } from './reasons.ts'

export interface Candidate {
  readonly id: string
  readonly dagRunId: number
  readonly dagId: string
  readonly taskId: string
  readonly mapIndex: number
  readonly pool: string
  readonly poolSlots: number
  readonly priorityWeight: number
  /** Backfills come after all others at equal weight: they never starve a schedule. */
  readonly isBackfill: boolean
  /** Epoch ms: older runs first at equal weight. */
  readonly runAfter: number
  readonly maxActiveTisPerDag: number | null
  readonly maxActiveTisPerDagrun: number | null
}

/** Slots in use, counted under the admission lock. Mutable: each admitted candidate is counted at once. */
export interface Usage {
  /** `slots` -1 = unlimited. */
  readonly pools: Map<string, { readonly slots: number; used: number }>
  readonly parallelism: { readonly limit: number; used: number }
  /** Active instances of a run, by dagRunId, and the run's limit. */
  readonly runs: Map<number, { readonly limit: number; used: number }>
  /** Active instances by `dagId/taskId`, and by `dagRunId/taskId`. */
  readonly tasks: Map<string, number>
}

export interface Admission {
  readonly admitted: readonly Candidate[]
  readonly throttled: readonly { readonly candidate: Candidate; readonly because: Reason }[]
}

/**
 * Airflow's order of queueing: heavier first, then the older run, then the map index; ids make it total. Ours: of equally
 * heavy ones a backfill's go last, whose runs are the oldest of all.
 */
export function compareCandidates(a: Candidate, b: Candidate): number {
  return (
    b.priorityWeight - a.priorityWeight ||
    Number(a.isBackfill) - Number(b.isBackfill) ||
    a.runAfter - b.runAfter ||
    a.dagRunId - b.dagRunId ||
    a.mapIndex - b.mapIndex ||
    (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  )
}

function poolBlocks(candidate: Candidate, usage: Usage): Reason | null {
  const pool = usage.pools.get(candidate.pool)
  if (pool === undefined) return { code: 'pool_missing', pool: candidate.pool }
  if (pool.slots < 0) return null
  if (candidate.poolSlots > pool.slots) {
    return { code: 'pool_too_small', pool: candidate.pool, slots: pool.slots, needs: candidate.poolSlots }
  }
  if (pool.used + candidate.poolSlots <= pool.slots) return null
  return { code: 'waits_for_pool', pool: candidate.pool, slots: pool.slots, used: pool.used }
}

function limitBlocks(candidate: Candidate, usage: Usage): Reason | null {
  const run = usage.runs.get(candidate.dagRunId)
  if (run !== undefined && run.used >= run.limit) return { code: 'waits_for_run_limit', limit: run.limit }
  const perDag = candidate.maxActiveTisPerDag
  if (perDag !== null && (usage.tasks.get(dagTaskKey(candidate)) ?? 0) >= perDag) {
    return { code: 'waits_for_task_limit', limit: perDag, per: 'dag' }
  }
  const perRun = candidate.maxActiveTisPerDagrun
  if (perRun !== null && (usage.tasks.get(runTaskKey(candidate)) ?? 0) >= perRun) {
    return { code: 'waits_for_task_limit', limit: perRun, per: 'dagrun' }
  }
  return null
}

export const dagTaskKey = (c: { dagId: string; taskId: string }) => `dag:${c.dagId}/${c.taskId}`
export const runTaskKey = (c: { dagRunId: number; taskId: string }) => `run:${c.dagRunId}/${c.taskId}`

function take(candidate: Candidate, usage: Usage): void {
  const pool = usage.pools.get(candidate.pool)
  if (pool !== undefined) pool.used += candidate.poolSlots
  usage.parallelism.used++
  const run = usage.runs.get(candidate.dagRunId)
  if (run !== undefined) run.used++
  for (const key of [dagTaskKey(candidate), runTaskKey(candidate)])
    usage.tasks.set(key, (usage.tasks.get(key) ?? 0) + 1)
}

/**
 * Sorts the candidates and gives slots while there are any. A candidate held by a pool does not stop lighter ones after
 * it that fit, as in Airflow; one held by parallelism stops everything.
 */
export function admit(candidates: readonly Candidate[], usage: Usage): Admission {
  const admitted: Candidate[] = []
  const throttled: { candidate: Candidate; because: Reason }[] = []
  for (const candidate of [...candidates].sort(compareCandidates)) {
    const { limit, used } = usage.parallelism
    const full: Reason | null = limit > 0 && used >= limit ? { code: 'waits_for_parallelism', limit } : null
    const because = limitBlocks(candidate, usage) ?? poolBlocks(candidate, usage) ?? full
    if (because === null) {
      take(candidate, usage)
      admitted.push(candidate)
    } else {
      throttled.push({ candidate, because })
    }
  }
  return { admitted, throttled }
}
