// Every state change as one verb: each is a turn with its own way of deciding. Used alike by scheduler and worker.

import type { RunBoard, TaskInstanceView } from '../core/board.ts'
import { advance, decide, expire, failFast } from '../core/decide.ts'
import { BaramError } from '../core/errors.ts'
import type { JsonValue } from '../core/json.ts'
import { countItems } from '../core/mapping.ts'
import { type Outcome, settle } from '../core/settle.ts'
import { isFinished, isRunFinished } from '../core/states.ts'
import type { Database } from '../store/database.ts'
import { insertAudit } from '../store/postgres/audit.ts'
import { pauseFailingDags } from '../store/postgres/dags.ts'
import { deleteAsked, findAsked, takeFailures } from '../store/postgres/inbox.ts'
import { type DueRow, findDue, findHeldRuns, findOrphans } from '../store/postgres/live.ts'
import { notifyPages } from '../store/postgres/notify.ts'
import {
  dagIdsOfRuns,
  findIdleRuns,
  findStartableRuns,
  findTimedOutRuns,
  lockRunPlaces,
  markLookedAt,
} from '../store/postgres/runs.ts'
import { SKIP_KEY } from '../store/postgres/xcoms.ts'
import type { NewXCom, RunChanges } from './changes.ts'
import type { Slots, TurnResult, TurnRunner } from './turn.ts'

/** How many runs or rows one turn takes at most: a batch has a limit, the rest is the next turn's. */
const BATCH = 100

export interface Report {
  readonly dagRunId: number
  readonly tiId: string
  readonly epoch: number
  readonly outcome: Outcome
  readonly xcoms: readonly NewXCom[]
}

/** What an attempt handed on that decides on other tasks. */
function record(changes: RunChanges, ti: TaskInstanceView, one: Report): void {
  const { board } = changes
  const taskId = board.graph.tasks[ti.task]?.taskId ?? ''
  const { outcome } = one
  if (outcome.kind === 'success' && board.graph.skippers.has(ti.task)) {
    // Also when it skips nothing: what it chose in an earlier life of its run must not go on.
    const skipped = board.recordSkips(ti.task, outcome.skips ?? [])
    if (skipped.length > 0)
      changes.xcoms.push({ taskId, mapIndex: ti.mapIndex, key: SKIP_KEY, value: { skipped: [...skipped] } })
  }
  if (outcome.kind === 'defer') changes.waits.push({ tiId: ti.id, wait: outcome.wait })
  if (!board.graph.mapSources.has(ti.task)) return
  const value = one.xcoms.find((xcom) => xcom.key === 'return_value' && xcom.taskId === taskId)?.value
  if (value !== undefined) board.recordLength(ti, countItems(value) ?? 0)
}

/** Settles an instance and moves on what its end releases. */
function settleAndAdvance(changes: RunChanges, ti: TaskInstanceView, outcome: Outcome, now: number): void {
  const { board } = changes
  const transition = settle(board, ti, outcome, now)
  changes.add([transition])
  if (!isFinished(transition.to)) return
  if (transition.to === 'failed' && board.graph.dag.failFast) {
    const stopped = failFast(board, ti)
    changes.add(stopped)
    changes.mustStop ||= stopped.some(({ from }) => from === 'running')
  }
  changes.add(advance(board, [ti]))
}

const isAttempt = (board: RunBoard | undefined, tiId: string, epoch: number): TaskInstanceView | null => {
  const ti = board?.instances.get(tiId)
  return ti !== undefined && ti.state === 'running' && ti.epoch === epoch ? ti : null
}

/**
 * What ended on this worker, and what it starts instead. A report whose attempt is no longer the current one is dropped:
 * either it was written before (its reply was lost) or somebody else took the instance over.
 */
export async function report(
  turns: TurnRunner,
  reports: readonly Report[],
  slots: Slots,
  now: number,
): Promise<TurnResult & { dropped: readonly Report[] }> {
  let dropped: Report[] = []
  const result = await turns.run({
    runs: [...new Set(reports.map((r) => r.dagRunId))].sort((a, b) => a - b),
    slots,
    act(all) {
      dropped = []
      for (const one of reports) {
        const changes = all.get(one.dagRunId)
        const ti = isAttempt(changes?.board, one.tiId, one.epoch)
        if (changes === undefined || ti === null) dropped.push(one)
        else {
          changes.xcoms.push(...one.xcoms)
          record(changes, ti, one)
          settleAndAdvance(changes, ti, one.outcome, now)
        }
      }
    },
  })
  return { ...result, dropped }
}

/** Takes queued attempts for free slots. */
export function claim(turns: TurnRunner, slots: Slots): Promise<TurnResult> {
  return turns.run({ runs: [], slots, act: () => undefined })
}

/** Queued runs become running, as far as their DAGs' maxActiveRuns go. Returns how many. */
export async function startRuns(database: Database, turns: TurnRunner): Promise<number> {
  const ids = await findStartableRuns(database, BATCH)
  if (ids.length === 0) return 0
  const dagOf = await dagIdsOfRuns(database, ids)
  let places: ReadonlyMap<string, number> = new Map()
  const result = await turns.run({
    runs: [],
    freeRuns: ids,
    async before(tx) {
      places = await lockRunPlaces(tx, [...new Set(dagOf.values())])
    },
    act(all) {
      const left = new Map(places)
      for (const id of ids) {
        const changes = all.get(id)
        const room = left.get(dagOf.get(id) ?? '') ?? 0
        if (changes === undefined || changes.board.run.state !== 'queued' || room <= 0) continue
        left.set(changes.board.run.dagId, room - 1)
        changes.board.run.state = 'running'
        changes.runBecause = { code: 'started' }
        changes.add(decide(changes.board))
      }
    },
  })
  return result.changedRuns.length
}

/** What becomes of one instance whose time has come. */
function wakeOne(changes: RunChanges, ti: TaskInstanceView, row: DueRow, now: number): void {
  const { board } = changes
  if (ti.state === 'up_for_retry') changes.add([board.move(ti, 'scheduled', { code: 'retry_due' })])
  else if (ti.state === 'up_for_reschedule') changes.add([board.move(ti, 'scheduled', { code: 'reschedule_due' })])
  else if (ti.state === 'deferred') {
    // Due by its own date, or because its trigger has not come in time.
    if (row.wait_until !== null && row.wait_until <= row.now) {
      changes.fired.push({ tiId: ti.id, event: new Date(row.wait_until).toISOString() })
      changes.add([board.move(ti, 'scheduled', { code: 'wait_over' })])
    } else settleAndAdvance(changes, ti, { kind: 'wait_timeout' }, now)
  }
}

/** Retries, put-off tries and waits whose time has come go on. Returns how many rows were due. */
export async function wakeDue(database: Database, turns: TurnRunner, now: number): Promise<number> {
  const due = await findDue(database, BATCH)
  if (due.length === 0) return 0
  await turns.run({
    runs: [],
    freeRuns: [...new Set(due.map((row) => row.dag_run_id))],
    act(all) {
      for (const row of due) {
        const changes = all.get(row.dag_run_id)
        const ti = changes?.board.instances.get(row.ti_id)
        if (changes !== undefined && ti !== undefined && !changes.isPaused) wakeOne(changes, ti, row, now)
      }
    },
  })
  return due.length
}

/** What a trigger has told, or why it cannot. */
export interface Fired {
  readonly dagRunId: number
  readonly tiId: string
  readonly tryNumber: number
  readonly result: { readonly event: JsonValue } | { readonly error: string }
}

/** Deferred instances whose triggers have come go on; those whose triggers failed fail their try. */
export async function fire(turns: TurnRunner, fired: readonly Fired[], now: number): Promise<void> {
  await turns.run({
    runs: [...new Set(fired.map((one) => one.dagRunId))].sort((a, b) => a - b),
    isWide: true,
    act(all) {
      for (const { dagRunId, tiId, tryNumber, result } of fired) {
        const changes = all.get(dagRunId)
        const ti = changes?.board.instances.get(tiId)
        // Cleared, timed out or fired by another host meanwhile: then nobody waits for this event.
        if (changes === undefined || ti?.state !== 'deferred' || ti.tryNumber !== tryNumber) continue
        if ('event' in result) {
          changes.fired.push({ tiId, event: result.event })
          changes.add([changes.board.move(ti, 'scheduled', { code: 'wait_over' })])
        } else
          settleAndAdvance(
            changes,
            ti,
            { kind: 'failure', message: `its trigger failed: ${result.error}`, isRetryable: true },
            now,
          )
      }
    },
  })
}

/** Lets instances that have ended run again: their tries are kept, and they get as many more as a task begins with. */
function clearInstances(changes: RunChanges, instances: readonly TaskInstanceView[], by: string): void {
  const { board } = changes
  changes.isCleared = true
  for (const ti of instances) {
    if (!isFinished(ti.state)) continue
    const retries = board.graph.tasks[ti.task]?.retries ?? 0
    const extraTries = ti.tryNumber + retries - ti.maxTries
    ti.maxTries += extraTries
    changes.add([board.move(ti, null, { code: 'cleared', by, extraTries })])
  }
}

/**
 * Lets a run that has ended begin again from its first task (Airflow's reset of a run that exists). Its tries stay in the
 * history; mapped tasks are measured anew.
 * @throws BaramError REFUSED while the run goes on
 */
export async function resetRun(turns: TurnRunner, dagRunId: number, by: string): Promise<void> {
  await turns.run({
    runs: [dagRunId],
    act(all) {
      for (const changes of all.values()) {
        const { run, instances } = changes.board
        if (!isRunFinished(run.state))
          throw new BaramError(
            'REFUSED',
            `run ${run.runId} of ${run.dagId} is ${run.state}; only a run that has ended can begin again`,
          )
        clearInstances(changes, [...instances.values()], by)
        run.state = 'queued'
        changes.runBecause = { code: 'cleared', by }
      }
    },
  })
}

/** Lets ended instances of some tasks run again, in a run that has ended or goes on. */
export async function clearTasks(
  turns: TurnRunner,
  dagRunId: number,
  taskIds: readonly string[],
  by: string,
): Promise<void> {
  await turns.run({
    runs: [dagRunId],
    act(all) {
      for (const changes of all.values()) {
        const { board } = changes
        const tasks = taskIds.map((taskId) => board.graph.indexOf.get(taskId) ?? -1)
        clearInstances(
          changes,
          tasks.flatMap((task) => board.byTask[task] ?? []),
          by,
        )
        if (isRunFinished(board.run.state)) {
          board.run.state = 'queued'
          changes.runBecause = { code: 'cleared', by }
        } else changes.add(decide(board))
      }
    },
  })
}

/** Runs that took longer than their DAG allows fail; what has not ended in them is skipped. Returns how many. */
export async function expireRuns(database: Database, turns: TurnRunner): Promise<number> {
  const ids = await findTimedOutRuns(database, BATCH)
  if (ids.length === 0) return 0
  const result = await turns.run({
    runs: ids,
    act(all) {
      for (const changes of all.values()) {
        const { board } = changes
        if (board.run.state !== 'running') continue
        const seconds = board.graph.dag.dagrunTimeout ?? 0
        const ended = expire(board, seconds)
        changes.add(ended)
        changes.mustStop = ended.some(({ from }) => from === 'running')
        board.run.state = 'failed'
        changes.runBecause = { code: 'run_timed_out', seconds }
      }
    },
  })
  return result.changedRuns.length
}

/** DAGs whose last runs have all failed are paused, as many as each asks for (maxConsecutiveFailedDagRuns). */
export async function pauseFailing(database: Database): Promise<readonly string[]> {
  return database.transaction(async (tx) => {
    const failed = await takeFailures(tx)
    const paused = failed.length === 0 ? [] : await pauseFailingDags(tx, failed)
    for (const { dag_id, limit } of paused)
      await insertAudit(tx, {
        event: 'paused_after_failures',
        dagId: dag_id,
        owner: 'scheduler',
        extra: `its last ${limit} runs failed (maxConsecutiveFailedDagRuns)`,
      })
    const ids = paused.map((row) => row.dag_id)
    if (ids.length > 0) await notifyPages(tx, { runs: [], dags: ids })
    return ids
  })
}

/** Slots that came free go to what weighs most and has waited longest, until nothing more fits. */
export async function admitHeld(database: Database, turns: TurnRunner): Promise<void> {
  for (let hasAdmitted = true; hasAdmitted; ) {
    const runs = await findHeldRuns(database, BATCH)
    if (runs.length === 0) return
    let all: ReadonlyMap<number, RunChanges> = new Map()
    await turns.run({
      runs: [],
      freeRuns: runs,
      isWide: true,
      act(changes) {
        all = changes
      },
    })
    // The turn moved what it admitted from scheduled to queued; whatever else is in its ways was decided before.
    hasAdmitted = [...all.values()].some((changes) => changes.ways.size > 0)
  }
}

/** An attempt that ended without its worker: whoever shares its host can say so in its log. */
export interface LostAttempt {
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  readonly mapIndex: number
  readonly tryNumber: number
  readonly hostname: string | null
  /** Whether it is tried again. */
  readonly isRetried: boolean
}

/** Attempts whose worker is dead end as lost: retried or failed like any other failure. */
export async function rescue(database: Database, turns: TurnRunner, now: number): Promise<readonly LostAttempt[]> {
  const orphans = await findOrphans(database)
  if (orphans.length === 0) return []
  let lost: LostAttempt[] = []
  await turns.run({
    runs: [...new Set(orphans.map((row) => row.dag_run_id))].sort((a, b) => a - b),
    act(all) {
      lost = []
      for (const row of orphans) {
        const changes = all.get(row.dag_run_id)
        const ti = isAttempt(changes?.board, row.ti_id, row.epoch)
        if (changes === undefined || ti === null) continue
        settleAndAdvance(changes, ti, { kind: 'lost', worker: row.hostname ?? `worker ${row.worker_id}` }, now)
        const { graph, run } = changes.board
        lost.push({
          dagId: run.dagId,
          runId: run.runId,
          taskId: graph.tasks[ti.task]?.taskId ?? '',
          mapIndex: ti.mapIndex,
          tryNumber: ti.tryNumber,
          hostname: row.hostname,
          isRetried: ti.state === 'up_for_retry',
        })
      }
    },
  })
  return lost
}

function decideAll(all: ReadonlyMap<number, RunChanges>): void {
  for (const changes of all.values())
    if (changes.board.run.state === 'running' && !changes.isPaused) changes.add(decide(changes.board))
}

/** Runs that nobody works on are decided as a whole: the net under every lost wake-up. */
export async function decideIdle(database: Database, turns: TurnRunner): Promise<number> {
  const ids = await findIdleRuns(database, BATCH)
  if (ids.length === 0) return 0
  const result = await turns.run({ runs: [], freeRuns: ids, isWide: true, act: decideAll })
  // Those that stay as they are go to the end of the line: a batch of them must not hide the rest for ever.
  await markLookedAt(database, ids)
  return result.changedRuns.length
}

/** Runs whose past has moved, or whose DAG was resumed, are decided as a whole. Returns how many were asked for. */
export async function decideAsked(database: Database, turns: TurnRunner): Promise<number> {
  const asked = await findAsked(database, BATCH)
  if (asked.length === 0) return 0
  await turns.run({
    runs: [...new Set(asked.map((row) => row.dag_run_id))].sort((a, b) => a - b),
    isWide: true,
    before: (tx) =>
      deleteAsked(
        tx,
        asked.map((row) => row.id),
      ),
    act: decideAll,
  })
  return asked.length
}
