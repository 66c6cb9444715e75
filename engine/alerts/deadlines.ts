// Deadlines: what has not ended by its time calls its callbacks, once, also when nothing was ever started.
//
// Promise: a deadline is judged by the database's clock in the transaction that calls its callbacks, so it is missed once however
// often one looks. One that nobody could look at in time (no scheduler lived) is judged by when things ended, not by when it
// is looked at. A paused DAG is not late.
//
// On failure: a scheduler dies: another finds the same rows. One deadline cannot be judged: it is postponed, others go on.

import { deadlinesOf, describeMissed, isStanding, type OwnedDeadline, slotAfter } from '../../core/deadlines.ts'
import { messageOf } from '../../core/errors.ts'
import { limitsOf, type SerializedDag } from '../../core/serialized.ts'
import { uuidv7 } from '../../runtime/ids.ts'
import type { Logger } from '../../runtime/logger.ts'
import { isConnectionError } from '../../store/answers.ts'
import type { Database } from '../../store/database.ts'
import { type CallbackData, insertCallbacks } from '../../store/postgres/callbacks.ts'
import { readSchedule } from '../../store/postgres/dags.ts'
import {
  countFrom,
  deleteDeadline,
  findPassedDeadlines,
  findUnwatchedDeadlines,
  insertRunDeadlines,
  lockPassedDeadline,
  markMissed,
  type PassedDeadline,
  postponeDeadline,
  putStandingDeadlines,
  rearmStreams,
  type StandingDeadline,
  watchFromNow,
  watchSlot,
} from '../../store/postgres/deadlines.ts'
import { databaseNow } from '../../store/postgres/jobs.ts'
import { findLastInterval } from '../../store/postgres/runs.ts'
import type { Sql } from '../../store/sql.ts'
import type { RunCache, Version } from '../transaction/run-cache.ts'

/** How many rows one look takes at most. */
const BATCH = 100
/** Until a deadline that cannot be judged is looked at again, seconds. */
const POSTPONE_SECONDS = 60

/** What a DAG's file says of deadlines that wait for no run. */
export const syncDeadlines = (tx: Sql, dag: SerializedDag, isChanged: boolean): Promise<void> =>
  putStandingDeadlines(tx, dag.dagId, standingOf(dag), isChanged)

const standingOf = (dag: SerializedDag): readonly OwnedDeadline[] =>
  deadlinesOf(dag).filter(({ reference }) => isStanding(reference))

/** The deadlines of runs that were just made, in their transaction. */
export async function startDeadlines(tx: Sql, { graph }: Version, dagRunIds: readonly number[]): Promise<void> {
  if (!graph.hasDeadlines) return
  const own = deadlinesOf(graph.dag).filter(({ reference }) => !isStanding(reference))
  await insertRunDeadlines(tx, graph.dag.dagId, dagRunIds, own)
}

interface WatchDeps {
  readonly database: Database
  readonly runCache: RunCache
  readonly log: Logger
  /** Whether the database's clock is believed, asked with the very instant that made a deadline pass. */
  trusts(now: number): boolean
}

/** The first slot of a DAG's schedule that is due after an instant. */
async function findSlot(sql: Sql, runCache: RunCache, dagId: string, after: number, anchor: number | null) {
  const dag = await readSchedule(sql, dagId)
  if (dag === null) return null
  const { graph } = await runCache.version(sql, dag.versionId, dag.versionHash)
  const limits = limitsOf(graph.dag)
  const from = anchor ?? (await findLastInterval(sql, dagId))?.end ?? limits.earliest ?? 0
  return slotAfter(graph.dag.timetable, from, after, limits)
}

async function begin({ database, runCache }: WatchDeps, { id, dagId, reference }: StandingDeadline): Promise<void> {
  if (reference !== 'slot') return watchFromNow(database, id)
  const now = await databaseNow(database)
  await watchSlot(database, id, await findSlot(database, runCache, dagId, now, null))
}

/** Each row by itself: what is wrong with one delays no other. @throws whatever a lost connection throws */
async function each<T>(deps: WatchDeps, rows: readonly T[], idOf: (row: T) => number, take: (row: T) => Promise<void>) {
  for (const row of rows) {
    try {
      await take(row)
    } catch (error) {
      if (isConnectionError(error)) throw error
      deps.log.error({ deadline: idOf(row), err: messageOf(error) }, 'a deadline could not be judged and is postponed')
      await postponeDeadline(deps.database, idOf(row), POSTPONE_SECONDS)
    }
  }
}

/**
 * Begins to watch what is new or resumed, and judges what has passed.
 * @returns how many have passed
 */
export async function watchDeadlines(deps: WatchDeps): Promise<number> {
  const { database } = deps
  const unwatched = await findUnwatchedDeadlines(database, BATCH)
  await each(
    deps,
    unwatched,
    ({ id }) => id,
    (deadline) => begin(deps, deadline),
  )
  await rearmStreams(database)
  const passed = await findPassedDeadlines(database, BATCH)
  await each(
    deps,
    passed,
    (id) => id,
    (id) => judge(deps, id),
  )
  return passed.length
}

function judge(deps: WatchDeps, id: number): Promise<void> {
  return deps.database.transaction(async (tx) => {
    const passed = await lockPassedDeadline(tx, id)
    if (passed === null || !deps.trusts(passed.now)) return
    if (passed.reference === 'slot') await judgeSlot(deps, tx, passed)
    else if (passed.dagrunId === null) await judgeStream(deps, tx, passed)
    else if (passed.isMet) await deleteDeadline(tx, id)
    else {
      await callMissed(deps, tx, passed, `run/${passed.dagrunId}`)
      await markMissed(tx, id)
    }
  })
}

/** One slot after the other; those that have passed while nobody looked are told with the first of them. */
async function judgeSlot(deps: WatchDeps, tx: Sql, passed: PassedDeadline): Promise<void> {
  const { id, dagId, countsFrom, slotStart, intervalSeconds, now } = passed
  const due = countsFrom ?? now
  if (!passed.isMet) await callMissed(deps, tx, passed, `slot/${dagId}/${slotStart ?? due}`)
  const after = Math.max(due, now - intervalSeconds * 1000)
  await watchSlot(tx, id, await findSlot(tx, deps.runCache, dagId, after, due))
}

/** A stream is late when what it counts from has not moved; it is told again only after it has moved. */
async function judgeStream(deps: WatchDeps, tx: Sql, passed: PassedDeadline): Promise<void> {
  const { id, dagId, countsFrom, newest, now, intervalSeconds } = passed
  const from = Math.max(countsFrom ?? 0, newest ?? 0)
  if (from + intervalSeconds * 1000 > now) return countFrom(tx, id, from)
  if (from !== countsFrom) await countFrom(tx, id, from)
  await callMissed(deps, tx, passed, `stream/${dagId}/${from}`)
  await markMissed(tx, id)
}

const slotOf = ({ slotStart, countsFrom, runId }: PassedDeadline): Pick<CallbackData, 'slot'> =>
  slotStart === null || countsFrom === null || runId !== null
    ? {}
    : { slot: { logicalDate: slotStart, start: slotStart, end: countsFrom } }

async function callMissed({ log }: WatchDeps, tx: Sql, passed: PassedDeadline, of: string): Promise<void> {
  const { dagId, dagrunId, runId, key, taskId, callbacks, deadlineTime, reference, intervalSeconds } = passed
  // What belongs to the DAG is called as its file says now.
  const versionId = dagrunId === null ? (await readSchedule(tx, dagId))?.versionId : passed.versionId
  if (versionId === undefined || versionId === null) return
  const hasRun = reference === 'last_success' || reference === 'last_rows' ? null : runId !== null
  const reason = describeMissed({ reference, taskId, interval: intervalSeconds }, hasRun)
  const data = { reason, deadline: { key, time: deadlineTime }, ...slotOf(passed) }
  const rows = Array.from({ length: callbacks }, (_, ordinal) => ({
    ...{ id: uuidv7(), dedupKey: `deadline/${of}/${key}/${ordinal}`, kind: 'deadline' as const },
    ...{ taskId, mapIndex: -1, tryNumber: null, ordinal, data },
  }))
  await insertCallbacks(tx, { dagId, versionId, dagRunId: runId }, rows)
  log.info({ dagId, dagRunId: runId, deadline: key, at: new Date(deadlineTime).toISOString() }, 'a deadline was missed')
}
