// The sentence of a DAG's pages.

import type { DagListRow } from '../../../../store/postgres/read-dags.ts'
import type { RunListRow } from '../../../../store/postgres/read-runs.ts'
import { say } from '../../frame/page-view.ts'
import type { Part } from '../../frame/sentence.ts'

/** What a colleague would say of this DAG now. */
export function dagSentence(row: DagListRow, runs: readonly RunListRow[]): Part[] {
  const [last, before] = runs
  const dag = row.dagId
  if (row.isStale) return say('{dag} is in no file any more; its history stays.', { dag }, 'dag')
  if (last === undefined)
    return row.isPaused
      ? say('{dag} is paused and has never run.', { dag }, 'dag')
      : say('{dag} has not run yet.', { dag }, 'dag')
  if (last.state === 'running')
    return before?.state === 'failed'
      ? say('{dag} is running; the run before it failed.', { dag }, 'dag')
      : say('{dag} is running.', { dag }, 'dag')
  if (last.state === 'queued')
    return row.isPaused
      ? say('{dag} is paused; a run waits until it is switched on.', { dag }, 'dag')
      : say('{dag} has a run that waits to start.', { dag }, 'dag')
  const row_of = runs.findIndex((run) => run.state !== last.state)
  const streak = row_of === -1 ? runs.length : row_of
  if (last.state === 'failed')
    return streak === 1
      ? say('{dag}: the last run failed.', { dag }, 'dag')
      : say('{dag}: the last {n} runs failed.', { dag, n: streak }, 'dag')
  return row.isPaused
    ? say('{dag} is paused; its last run succeeded.', { dag }, 'dag')
    : say('{dag} is fine: the last run succeeded.', { dag }, 'dag')
}
