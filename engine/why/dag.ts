// Why a DAG makes no run now, or when it makes the next.

import { relative } from '../../core/times.ts'
import type { Database } from '../../store/database.ts'
import { findDagWarning } from '../../store/postgres/dag-warnings.ts'
import { listImportErrors } from '../../store/postgres/read-admin.ts'
import { type DagListRow, getDag } from '../../store/postgres/read-dags.ts'
import { activeRunsAt, hasScheduler, listPauses } from '../../store/postgres/why.ts'
import { planDag } from '../dags/preview-schedule.ts'
import { latestVersion } from '../runs/change-version.ts'
import { RUN_REFUSED } from '../runs/create.ts'
import type { RunCache } from '../transaction/run-cache.ts'
import { at, listed, type Why } from './words.ts'

/** Who paused the DAG last, and when: ` since 09:50 KST by admin`. */
async function pausedSince(database: Database, dag: DagListRow, now: number): Promise<string> {
  const last = (await listPauses(database, dag.dagId)).at(-1)
  if (last?.isPause !== true) return ''
  const why = last.extra === null || last.owner !== 'scheduler' ? '' : `: ${last.extra.replaceAll('"', '')}`
  return ` since ${at(last.at, dag.timezone, now)} by ${last.owner}${why}`
}

async function importFault(database: Database, dag: DagListRow): Promise<string> {
  const { rows } = await listImportErrors(database, { p: [dag.relativeFileloc] }, { limit: 1, offset: 0, order: [] })
  const line = rows[0]?.stacktrace.split('\n').find((text) => text.trim() !== '')
  return line === undefined ? '' : ` (${line.trim().slice(0, 160)})`
}

const runRefused = (dagId: string, why: string): Why => ({
  code: 'run_refused',
  sentence: `${dagId} has no new run: ${why}. The scheduler tries again within a minute.`,
})

async function nextWords(database: Database, runCache: RunCache, dag: DagListRow, now: number): Promise<Why> {
  const { dagId, timezone: zone } = dag
  const plan = await planDag(database, runCache, dagId, 1)
  const refused = await findDagWarning(database, dagId, RUN_REFUSED)
  if (refused !== null) return runRefused(dagId, refused)
  const isOverdue = plan.due.length > 0
  if (isOverdue) {
    const active = await activeRunsAt(database, dagId, now)
    if (active.length >= dag.maxActiveRuns)
      return {
        code: 'waits_for_max_active_runs',
        sentence: `${dagId}'s next run waits: ${active.length} of ${dag.maxActiveRuns} runs are active (${listed(active.map((run) => run.runId))}).`,
      }
    return { code: 'due', sentence: `${dagId} has a run due; the scheduler makes it now.` }
  }
  if (plan.next === null)
    return {
      code: 'schedule_over',
      sentence: `${dagId} makes no more runs: its schedule has no date left (endDate, @once).`,
    }
  const { runAfter, logicalDate } = plan.next
  const { graph } = await latestVersion(database, runCache, dagId)
  const start = graph.dag.startDate === null ? null : Date.parse(graph.dag.startDate)
  if (start !== null && start > now)
    return {
      code: 'starts_later',
      sentence: `${dagId} makes its first run ${at(runAfter, zone, now)} (${relative(runAfter, now)}): its startDate is ${at(start, zone, now)}.`,
    }
  const forWhat = logicalDate === runAfter ? '' : `, for the interval from ${at(logicalDate, zone, now)}`
  return {
    code: 'next_run',
    sentence: `${dagId} makes its next run ${at(runAfter, zone, now)} (${relative(runAfter, now)})${forWhat}.`,
  }
}

/** Why no run of the DAG is being made now, or when the next one is. Null = there is no such DAG. */
export async function whyDag(database: Database, runCache: RunCache, dagId: string, now: number): Promise<Why | null> {
  const dag = await getDag(database, dagId)
  if (dag === null) return null
  const told = (code: string, sentence: string): Why => ({ code, sentence })
  if (dag.isStale)
    return told('stale', `${dagId} makes no runs: no file declares it any more (it was in ${dag.relativeFileloc}).`)
  const broken = dag.hasImportErrors
    ? ` Its file ${dag.relativeFileloc} cannot be read${await importFault(database, dag)}: its last good version runs on.`
    : ''
  if (dag.isPaused)
    return told(
      'paused',
      `${dagId} makes no runs: it is paused${await pausedSince(database, dag, now)}. \`dagctl dags unpause ${dagId}\` lets it go on.${broken}`,
    )
  if (!dag.hasSchedule) return told('no_schedule', `${dagId} has no schedule: it runs when it is triggered.${broken}`)
  if (!(await hasScheduler(database)))
    return told(
      'no_scheduler',
      `${dagId} makes no runs: no scheduler is running. Start one with \`dagctl scheduler\`.${broken}`,
    )
  const next = await nextWords(database, runCache, dag, now)
  return broken === '' ? next : told('import_error', `${next.sentence}${broken}`)
}
