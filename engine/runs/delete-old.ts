// Deletes finished runs for their age, with everything that belongs to them, while others run.
//
// Promise: no transaction deletes more than `PIECE_ROWS` rows, whatever the size of a run. A reader sees a run whole or not at all:
// it is marked as deleted first, in one small transaction that judges it under its lock, and from then on nothing finds it.
//
// On failure: a call ends in the middle (a kill, a lost connection): the next one, of whichever process, continues with what is marked.
// A run that somebody holds is passed over, and one that the database will not delete (a foreign key of your own) is set aside.

import { messageOf } from '../../core/errors.ts'
import type { Database } from '../../store/database.ts'
import { notifyPages } from '../../store/postgres/notify.ts'
import {
  countInstancesOf,
  deleteEmptied,
  deleteOwned,
  findOldRuns,
  forbidWholeReads,
  type JudgedRun,
  judgeOldRuns,
  type KeptBecause,
  lockDeleted,
  lockOldRuns,
  markDeleted,
  type OldRun,
  type OldRunsFilter,
  OWNED_TABLES,
} from '../../store/postgres/old-runs.ts'
import { isLasting } from '../../store/refusal.ts'

/** Rows that a transaction deletes at most: some 20 ms. */
export const PIECE_ROWS = 2_000
/** Runs that a transaction marks at most. */
const MARKED = 100
/** Runs that a piece takes at most: many small ones share it. */
const RUNS_OF_PIECE = 50
/** Runs that a preview judges at once. */
const PREVIEWED = 1_000

export interface DeletedRuns {
  readonly runs: number
  readonly taskInstances: number
  /** Of all tables, without the runs' own. */
  readonly rows: number
  /** Old runs that stay, by reason. */
  readonly kept: Readonly<Partial<Record<KeptBecause, number>>>
  /** Old runs that somebody held. */
  readonly locked: number
  /** Runs that the database refuses to delete, with its words. */
  readonly refused: readonly { readonly dagRunId: number; readonly because: string }[]
  /** False: it was told to end before everything was gone. */
  readonly isDone: boolean
}

export interface DeletionLimits {
  /** Transactions that delete or mark; default: as many as it takes. */
  readonly pieces?: number
  /** Told after each of them; throws to break off. */
  readonly onPiece?: (sofar: DeletedRuns) => void
}

/** What a call has done. */
class Tally {
  runs = 0
  taskInstances = 0
  rows = 0
  kept: Partial<Record<KeptBecause, number>> = {}
  locked = 0
  refused: { dagRunId: number; because: string }[] = []
  private pieces = 0
  private readonly limits: DeletionLimits

  constructor(limits: DeletionLimits) {
    this.limits = limits
  }

  get isOver(): boolean {
    return this.pieces >= (this.limits.pieces ?? Number.POSITIVE_INFINITY)
  }

  countPiece(): void {
    this.pieces++
    this.limits.onPiece?.(this.result(false))
  }

  result(isDone: boolean): DeletedRuns {
    const { runs, taskInstances, rows, kept, locked, refused } = this
    return { runs, taskInstances, rows, kept: { ...kept }, locked, refused: [...refused], isDone }
  }
}

interface Piece {
  readonly runs: number
  readonly taskInstances: number
  readonly rows: number
}

/** One transaction: rows of deleted runs, and those runs themselves once nothing is left of them. Null = there are none. */
function deletePiece(database: Database, except: readonly number[], most: number): Promise<Piece | null> {
  return database.transaction(async (tx) => {
    await forbidWholeReads(tx)
    const ids = await lockDeleted(tx, except, most)
    if (ids.length === 0) return null
    let [left, taskInstances] = [PIECE_ROWS, 0]
    for (const table of OWNED_TABLES) {
      const deleted = await deleteOwned(tx, table, ids, left)
      left -= deleted
      if (table === 'task_instance') taskInstances = deleted
      if (left === 0) return { runs: 0, taskInstances, rows: PIECE_ROWS }
    }
    return { runs: await deleteEmptied(tx, ids), taskInstances, rows: PIECE_ROWS - left }
  })
}

/** Deletes the rows of marked runs until none is left. One that is refused for good is set aside, the others continue. */
async function deleteMarked(database: Database, tally: Tally): Promise<void> {
  let most = RUNS_OF_PIECE
  while (!tally.isOver) {
    const except = tally.refused.map(({ dagRunId }) => dagRunId)
    let piece: Piece | null
    try {
      piece = await deletePiece(database, except, most)
    } catch (error) {
      if (!isLasting(error)) throw error
      // Which one it was, only one by one can tell.
      if (most > 1) most = 1
      else {
        const [dagRunId] = await database.transaction((tx) => lockDeleted(tx, except, 1))
        if (dagRunId !== undefined) tally.refused.push({ dagRunId, because: messageOf(error) })
      }
      continue
    }
    if (piece === null) return
    tally.runs += piece.runs
    tally.taskInstances += piece.taskInstances
    tally.rows += piece.rows
    tally.countPiece()
  }
}

/** Marks those of a batch that may go. */
async function markBatch(database: Database, batch: readonly OldRun[], tally: Tally): Promise<void> {
  const judged = await database.transaction(async (tx) => {
    const ids = await lockOldRuns(
      tx,
      batch.map(({ id }) => id),
    )
    const judged = await judgeOldRuns(tx, ids)
    const gone = judged.filter(({ kept }) => kept === null)
    if (gone.length > 0) {
      await markDeleted(
        tx,
        gone.map(({ id }) => id),
      )
      await notifyPages(tx, { runs: [], dags: [...new Set(gone.map(({ dagId }) => dagId))] })
    }
    return judged
  })
  tally.locked += batch.length - judged.length
  for (const { kept } of judged) if (kept !== null) tally.kept[kept] = (tally.kept[kept] ?? 0) + 1
  // A batch of which all stay is a look, not a piece: a call must get past it.
  if (judged.some(({ kept }) => kept === null)) tally.countPiece()
}

/**
 * Deletes runs that ended before an instant, and first what earlier calls have left. Unfinished runs, the newest of each DAG and
 * whatever something still waits for stay (`KeptBecause`).
 */
export async function deleteOldRuns(
  database: Database,
  filter: OldRunsFilter,
  limits: DeletionLimits = {},
): Promise<DeletedRuns> {
  const tally = new Tally(limits)
  let after: OldRun | null = null
  for (;;) {
    await deleteMarked(database, tally)
    if (tally.isOver) return tally.result(false)
    const batch: readonly OldRun[] = await findOldRuns(database, filter, after, MARKED)
    after = batch.at(-1) ?? null
    if (after === null) return tally.result(true)
    await markBatch(database, batch, tally)
  }
}

/** Deletes what earlier calls have marked and not deleted to the end. */
export async function finishDeletedRuns(database: Database, limits: DeletionLimits = {}): Promise<DeletedRuns> {
  const tally = new Tally(limits)
  await deleteMarked(database, tally)
  return tally.result(!tally.isOver)
}

/** What would go of a DAG. */
export interface OldRunsOfDag {
  readonly dagId: string
  readonly runs: number
  readonly taskInstances: number
  /** Ends of the first and the last run that would go, epoch ms; null = none would. */
  readonly oldest: number | null
  readonly newest: number | null
  /** Old runs that stay, by reason. */
  readonly kept: Readonly<Partial<Record<KeptBecause, number>>>
}

type Sums = { -readonly [K in keyof OldRunsOfDag]: OldRunsOfDag[K] } & { kept: Partial<Record<KeptBecause, number>> }

function addTo(sums: Map<string, Sums>, { dagId, endDate, kept }: JudgedRun, taskInstances: number): void {
  const none: Sums = { dagId, runs: 0, taskInstances: 0, oldest: null, newest: null, kept: {} }
  const of = sums.get(dagId) ?? none
  sums.set(dagId, of)
  if (kept !== null) of.kept[kept] = (of.kept[kept] ?? 0) + 1
  else {
    of.runs++
    of.taskInstances += taskInstances
    of.oldest ??= endDate
    of.newest = endDate
  }
}

/** What `deleteOldRuns` would delete now, by DAG; it is decided anew when it is done. */
export async function previewOldRuns(database: Database, filter: OldRunsFilter): Promise<readonly OldRunsOfDag[]> {
  const sums = new Map<string, Sums>()
  let after: OldRun | null = null
  for (;;) {
    const batch: readonly OldRun[] = await findOldRuns(database, filter, after, PREVIEWED)
    after = batch.at(-1) ?? null
    if (after === null) return [...sums.values()].sort((a, b) => (a.dagId < b.dagId ? -1 : 1))
    const judged = await judgeOldRuns(
      database,
      batch.map(({ id }) => id),
    )
    const counts = await countInstancesOf(
      database,
      judged.flatMap(({ id, kept }) => (kept === null ? [id] : [])),
    )
    for (const run of judged) addTo(sums, run, counts.get(run.id) ?? 0)
  }
}
