// The cells of runs, with those of ended runs kept: they change only when the run's revision does, and a page of 36 runs
// with 10,000 instances each must not count 360,000 rows at every look.

import { isRunFinished } from '../../core/states.ts'
import { type CellRow, listCells } from '../../store/postgres/read-mapped.ts'
import type { RunListRow } from '../../store/postgres/read-runs.ts'
import type { Sql } from '../../store/sql.ts'
import { stateOf } from './cells.ts'
import { makeTally, type Tally } from './tally.ts'

/** What a run shows of one task. */
export interface TaskCell {
  readonly taskId: string
  readonly tally: Tally
  readonly n: number
  /** Seconds; of a mapped task from its first start to its last end, null while any is unfinished. */
  readonly took: number | null
}

type CellsByTask = ReadonlyMap<string, TaskCell>

const NONE: CellsByTask = new Map()
/** Cells, over all kept runs; about 200 bytes each. */
const MOST_CELLS = 100_000

const isOpen = (row: CellRow): boolean =>
  row.endDate === null && !['skipped', 'upstream_failed', 'removed'].includes(row.state ?? '')

function tookOf(rows: readonly CellRow[], n: number): number | null {
  if (n === 1) return rows[0]?.duration ?? null
  const starts = rows.flatMap((row) => row.startDate ?? [])
  const ends = rows.flatMap((row) => row.endDate ?? [])
  if (starts.length === 0 || ends.length === 0 || rows.some(isOpen)) return null
  return Math.max(0, (Math.max(...ends) - Math.min(...starts)) / 1000)
}

export function cellOf(taskId: string, rows: readonly CellRow[]): TaskCell {
  const n = rows.reduce((sum, row) => sum + row.n, 0)
  return { taskId, n, tally: makeTally(rows.map((row) => [row.state, row.n])), took: tookOf(rows, n) }
}

/** The states of all instances of a run. */
export const runTally = (cells: Iterable<TaskCell>): Tally =>
  makeTally([...cells].flatMap((cell) => cell.tally.map(([letter, n]) => [stateOf(letter), n] as const)))

function byRun(rows: readonly CellRow[]): Map<number, CellsByTask> {
  const grouped = new Map<number, Map<string, CellRow[]>>()
  for (const row of rows) {
    const tasks = grouped.get(row.dagRunId) ?? new Map<string, CellRow[]>()
    grouped.set(row.dagRunId, tasks)
    const list = tasks.get(row.taskId)
    if (list === undefined) tasks.set(row.taskId, [row])
    else list.push(row)
  }
  return new Map(
    [...grouped].map(([run, tasks]) => [run, new Map([...tasks].map(([task, list]) => [task, cellOf(task, list)]))]),
  )
}

export class RunCells {
  private readonly kept = new Map<number, { readonly rev: number; readonly cells: CellsByTask }>()
  private size = 0

  /** The cells of every given run, by run id. */
  async load(
    sql: Sql,
    runs: readonly Pick<RunListRow, 'id' | 'rev' | 'state'>[],
  ): Promise<ReadonlyMap<number, CellsByTask>> {
    const found = new Map<number, CellsByTask>()
    const missing: (typeof runs)[number][] = []
    for (const run of runs) {
      const known = isRunFinished(run.state) ? this.kept.get(run.id) : undefined
      if (known?.rev === run.rev) found.set(run.id, known.cells)
      else missing.push(run)
    }
    if (missing.length === 0) return found
    const read = byRun(
      await listCells(
        sql,
        missing.map((run) => run.id),
      ),
    )
    for (const run of missing) {
      const cells = read.get(run.id) ?? NONE
      found.set(run.id, cells)
      if (isRunFinished(run.state)) this.keep(run.id, run.rev, cells)
    }
    return found
  }

  private keep(id: number, rev: number, cells: CellsByTask): void {
    this.drop(id)
    this.kept.set(id, { rev, cells })
    this.size += cells.size
    for (const oldest of this.kept.keys()) {
      if (this.size <= MOST_CELLS) return
      this.drop(oldest)
    }
  }

  private drop(id: number): void {
    const known = this.kept.get(id)
    if (known === undefined) return
    this.kept.delete(id)
    this.size -= known.cells.size
  }
}
