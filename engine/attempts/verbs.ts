// Every state change as one verb: each is a turn with its own way of deciding. Used alike by scheduler and worker. Here
// are those of the way a run takes; waits.ts, run-ends.ts and clear.ts hold the others.

import type { RunBoard, TaskInstanceView } from '../../core/board.ts'
import { reasonText } from '../../core/bound-result.ts'
import { decide } from '../../core/decide.ts'
import { messageOf } from '../../core/errors.ts'
import type { Database } from '../../store/database.ts'
import { deleteServed, findAsked } from '../../store/postgres/inbox.ts'
import { findHeldRuns, findOrphans, type Orphan } from '../../store/postgres/live.ts'
import { insertLogEndings, type LogEnding } from '../../store/postgres/log-endings.ts'
import {
  findIdleRuns,
  findRunsThere,
  findStartableRuns,
  lockRunPlaces,
  markLookedAt,
  placeKey,
  placesOfRuns,
} from '../../store/postgres/runs.ts'
import type { RunChanges } from '../transaction/changes.ts'
import type { Slots, TurnResult, TurnRunner } from '../transaction/run-transaction.ts'
import { blame, noteRefused, takeApart } from '../transaction/set-aside.ts'
import { type Report, recordHanded, settleAndAdvance } from '../transaction/settle-attempt.ts'

/** How many runs or rows one turn takes at most: a batch has a limit, the rest is the next turn's. */
const BATCH = 100

const isAttempt = (board: RunBoard | undefined, tiId: string, epoch: number): TaskInstanceView | null => {
  const ti = board?.instances.get(tiId)
  return ti !== undefined && ti.state === 'running' && ti.epoch === epoch ? ti : null
}

/** A cleared attempt is over: whatever it says, it begins again. */
function restart(changes: RunChanges, tiId: string, epoch: number): boolean {
  const { board } = changes
  const ti = board.instances.get(tiId)
  if (ti === undefined || ti.state !== 'restarting' || ti.epoch !== epoch) return false
  changes.add([board.move(ti, null, { code: 'restarted' })])
  if (board.run.state === 'running') changes.add(decide(board))
  return true
}

/**
 * What ended on this worker, and what it starts instead. A report whose attempt is no longer the current one is dropped:
 * either it was written before (its reply was lost) or somebody else took the instance over. One whose run somebody holds
 * at this moment is `held`: the others do not wait for it, and it is told again soon.
 */
export async function report(
  turns: TurnRunner,
  reports: readonly Report[],
  slots: Slots,
  now: number,
): Promise<TurnResult & { readonly dropped: readonly Report[]; readonly held: readonly Report[] }> {
  let dropped: Report[] = []
  let held: Report[] = []
  const result = await turns.run({
    runs: [...new Set(reports.map((r) => r.dagRunId))].sort((a, b) => a - b),
    slots,
    isBatch: true,
    passesHeld: true,
    // The rows of what cannot be settled now still say `running`.
    slotsNow: (all) => slots.count - reports.filter((one) => !all.has(one.dagRunId)).length,
    act(all) {
      dropped = []
      held = []
      for (const one of reports) {
        const changes = all.get(one.dagRunId)
        if (changes === undefined) held.push(one)
        else if (!blame(one.dagRunId, () => takeReport(changes, one, now))) dropped.push(one)
      }
    },
  })
  const apart = reports.filter((one) => result.refused.has(one.dagRunId))
  await takeApart(turns, apart, [
    (one, changes) => takeReport(changes, one, now),
    // What it hands on or says is refused: its end is not, and it is tried again as far as it has tries.
    (one, changes) => takeReport(changes, asFailure(one, result.refused.get(one.dagRunId)), now),
  ])
  const missing = held.filter((one) => !apart.includes(one))
  if (missing.length === 0) return { ...result, dropped, held: missing }
  // A run that is gone is held by nobody: there is nothing to report to.
  const there = await findRunsThere(turns.database, [...new Set(missing.map((one) => one.dagRunId))])
  return {
    ...result,
    dropped: [...dropped, ...missing.filter((one) => !there.has(one.dagRunId))],
    held: missing.filter((one) => there.has(one.dagRunId)),
  }
}

/** @returns false when the attempt is no longer the current one */
function takeReport(changes: RunChanges, one: Report, now: number): boolean {
  if (restart(changes, one.tiId, one.epoch)) return true
  const ti = isAttempt(changes.board, one.tiId, one.epoch)
  if (ti === null) return false
  changes.xcoms.push(...one.xcoms)
  recordHanded(changes, ti, one)
  settleAndAdvance(changes, ti, one.outcome, now)
  return true
}

/** A report whose content the database refuses: what is left of it is that it failed, and why. */
function asFailure(one: Report, refusal: unknown): Report {
  const message = reasonText(`what the task did could not be stored: ${messageOf(refusal)}`)
  return { ...one, outcome: { kind: 'failure', message, isRetryable: true }, xcoms: [] }
}

/** Takes queued attempts for free slots. */
export function claim(turns: TurnRunner, slots: Slots): Promise<TurnResult> {
  return turns.run({ runs: [], slots, isBatch: true, act: () => undefined })
}

/** Queued runs become running, as far as the limits of their DAGs and backfills go. Returns how many. */
export async function startRuns(database: Database, turns: TurnRunner): Promise<number> {
  const ids = await findStartableRuns(database, BATCH)
  if (ids.length === 0) return 0
  const placeOf = await placesOfRuns(database, ids)
  let room: ReadonlyMap<string, number> = new Map()
  const result = await turns.run({
    runs: [],
    freeRuns: ids,
    isBatch: true,
    async before(tx) {
      room = await lockRunPlaces(tx, [...placeOf.values()])
    },
    act(all) {
      const left = new Map(room)
      for (const id of ids) {
        const changes = all.get(id)
        const place = placeOf.get(id)
        if (changes === undefined || place === undefined || changes.board.run.state !== 'queued') continue
        const key = placeKey(place)
        const places = left.get(key) ?? 0
        if (places <= 0) continue
        left.set(key, places - 1)
        changes.board.run.state = 'running'
        changes.runBecause = { code: 'started' }
        blame(id, () => changes.add(decide(changes.board)))
      }
    },
  })
  await noteRefused(turns, result.refused)
  return result.changedRuns.length
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
      isBatch: true,
      act(changes) {
        all = changes
      },
    })
    // The turn moved what it admitted from scheduled to queued; whatever else is in its ways was decided before.
    hasAdmitted = [...all.values()].some((changes) => changes.ways.size > 0)
  }
}

/** The last line of a log whose worker is dead. */
type LostEnding = LogEnding & { readonly workerId: number }

function lostEnding({ graph, run }: RunBoard, ti: TaskInstanceView, workerId: number, isRetried: boolean): LostEnding {
  return {
    dagId: run.dagId,
    runId: run.runId,
    taskId: graph.tasks[ti.task]?.taskId ?? '',
    mapIndex: ti.mapIndex,
    tryNumber: ti.tryNumber,
    workerId,
    level: 'error',
    event: `Ended: lost, the worker died${isRetried ? '; the task will be tried again' : ''}`,
    isFinal: true,
  }
}

/** Attempts whose worker is dead end as lost: retried or failed like any other failure. Returns how many. */
export async function rescue(database: Database, turns: TurnRunner, now: number): Promise<number> {
  const orphans = await findOrphans(database)
  if (orphans.length === 0) return 0
  let lost: LostEnding[] = []
  const take = (row: Orphan, changes: RunChanges) => {
    const ended = takeOrphan(changes, row, now)
    if (ended !== null) lost.push(ended)
  }
  let noted = 0
  const { refused } = await turns.run({
    runs: [],
    // A run that somebody holds at this moment is looked at again soon: nobody else waits for it.
    freeRuns: [...new Set(orphans.map((row) => row.dagRunId))].sort((a, b) => a - b),
    isBatch: true,
    act(all) {
      lost = []
      for (const row of orphans) {
        const changes = all.get(row.dagRunId)
        if (changes !== undefined) blame(row.dagRunId, () => take(row, changes))
      }
    },
    async also(tx) {
      await insertLogEndings(tx, lost)
      noted = lost.length
    },
  })
  const apart = orphans.filter((row) => refused.has(row.dagRunId))
  await takeApart(turns, apart, [take])
  await insertLogEndings(database, lost.slice(noted))
  return lost.length
}

/** Ends one attempt whose worker is dead; null when it has gone on meanwhile. */
function takeOrphan(changes: RunChanges, row: Orphan, now: number): LostEnding | null {
  const { board } = changes
  const own = board.instances.get(row.tiId)
  const ended = own === undefined ? null : lostEnding(board, own, row.workerId, true)
  // As it was before it began again: its log needs a last line.
  if (restart(changes, row.tiId, row.epoch)) return ended
  const ti = isAttempt(board, row.tiId, row.epoch)
  if (ti === null) return null
  settleAndAdvance(changes, ti, { kind: 'lost', worker: row.hostname ?? `worker ${row.workerId}` }, now)
  return lostEnding(board, ti, row.workerId, ti.state === 'up_for_retry')
}

function decideAll(all: ReadonlyMap<number, RunChanges>): void {
  for (const [id, changes] of all)
    if (changes.board.run.state === 'running' && !changes.isPaused) blame(id, () => changes.add(decide(changes.board)))
}

/** Runs that nobody works on are decided as a whole: the net under every lost wake-up. */
export async function decideIdle(database: Database, turns: TurnRunner): Promise<number> {
  const ids = await findIdleRuns(database, BATCH)
  if (ids.length === 0) return 0
  const result = await turns.run({ runs: [], freeRuns: ids, isWide: true, isBatch: true, act: decideAll })
  await noteRefused(turns, result.refused)
  // Those that stay as they are go to the end of the line: a batch of them must not hide the rest for ever.
  await markLookedAt(database, ids)
  return result.changedRuns.length
}

/**
 * Runs whose past has moved, or whose DAG was resumed, are decided as a whole. A run that somebody holds keeps its request.
 * Returns how many requests were served.
 */
export async function decideAsked(database: Database, turns: TurnRunner): Promise<number> {
  const asked = await findAsked(database, BATCH)
  if (asked.length === 0) return 0
  let served = 0
  const { refused } = await turns.run({
    runs: runsAsked(asked),
    passesHeld: true,
    isWide: true,
    isBatch: true,
    async also(tx, locked, refused) {
      served = await deleteServed(tx, asked, (id) => locked.has(id) || refused.has(id))
    },
    act: decideAll,
  })
  await noteRefused(turns, refused)
  return served
}

/** Each run once, in the order of locks. */
export const runsAsked = (asked: readonly { dag_run_id: number }[]): number[] =>
  [...new Set(asked.map((row) => row.dag_run_id))].sort((a, b) => a - b)
