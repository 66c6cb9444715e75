// `why`: one sentence for whatever waits, was skipped, failed or never ran, from the scheduler's own records. The same in
// the command, the API and the pages.

import { BaramError, notFound } from '../../core/errors.ts'
import { subject } from '../../core/subjects.ts'
import type { Database } from '../../store/database.ts'
import { databaseNow } from '../../store/postgres/jobs.ts'
import { type DagListRow, getDag } from '../../store/postgres/read-dags.ts'
import { getRun, latestRuns, type RunListRow } from '../../store/postgres/read-runs.ts'
import {
  findInstancesOf,
  getInstance,
  type InstanceListRow,
  listEvents,
} from '../../store/postgres/read-task-instances.ts'
import { findRunAt } from '../../store/postgres/why.ts'
import { latestVersion } from '../runs/change-version.ts'
import type { RunCache } from '../transaction/run-cache.ts'
import { whyDag } from './dag.ts'
import { whyMissing } from './missing-run.ts'
import { whyRun } from './run.ts'
import { whyTask } from './task.ts'
import { at, type Why } from './words.ts'

export type { Why } from './words.ts'

export interface WhyQuestion {
  readonly dagId: string
  /** A run id, `latest`, or an instant (epoch ms): a logical date, or the time at which a run was to be made. Null = the DAG. */
  readonly run: string | number | null
  readonly taskId: string | null
  /** Null = the task's one instance, or of a mapped one the first that is not well. */
  readonly mapIndex: number | null
}

export interface WhyAnswer extends Why {
  readonly dagId: string
  readonly runId: string | null
  readonly taskId: string | null
  readonly mapIndex: number | null
}

async function requireDag(database: Database, dagId: string): Promise<DagListRow> {
  const dag = await getDag(database, dagId)
  if (dag === null) throw notFound('dag', dagId)
  return dag
}

async function findRunOf(database: Database, dagId: string, run: string): Promise<RunListRow> {
  const found = run === 'latest' ? (await latestRuns(database, dagId, 1))[0] : await getRun(database, dagId, run)
  if (found === undefined || found === null) throw notFound('dag_run', { dagId, runId: run })
  return found
}

/** Of a mapped task's instances the one that tells most. */
function mostTelling(rows: readonly InstanceListRow[]): InstanceListRow | undefined {
  const rank = (row: InstanceListRow) => {
    if (row.state === 'failed' || row.state === 'upstream_failed') return 0
    return row.state === 'success' || row.state === 'skipped' || row.state === 'removed' ? 2 : 1
  }
  return [...rows].sort((a, b) => rank(a) - rank(b) || a.mapIndex - b.mapIndex)[0]
}

async function answerTask(
  database: Database,
  runCache: RunCache,
  dag: DagListRow,
  run: RunListRow,
  { taskId, mapIndex }: { taskId: string; mapIndex: number | null },
  now: number,
): Promise<WhyAnswer> {
  const key = { dagId: dag.dagId, runId: run.runId, taskId }
  const ti =
    mapIndex === null
      ? mostTelling(await findInstancesOf(database, key))
      : await getInstance(database, { ...key, mapIndex })
  const graph = run.versionId === null ? null : (await runCache.version(database, run.versionId)).graph
  if (ti === undefined || ti === null) return absent(dag, run, taskId, graph?.indexOf.has(taskId) === true)
  const events = await listEvents(database, run.id, ti.id, 50)
  // Before its run starts, nothing of the task itself is in its way.
  const why =
    run.state === 'queued' && ti.state === null
      ? await whyRun(database, dag, run, now)
      : await whyTask({ database, graph, ti, events, now })
  const name = ti.mapIndex === -1 ? taskId : `${taskId}[${ti.mapIndex}]`
  return {
    ...why,
    sentence: `${name}: ${why.sentence}`,
    dagId: dag.dagId,
    runId: run.runId,
    taskId,
    mapIndex: ti.mapIndex,
  }
}

function absent(dag: DagListRow, run: RunListRow, taskId: string, isKnown: boolean): WhyAnswer {
  if (!isKnown)
    throw new BaramError(
      'NOT_FOUND',
      `run ${run.runId} of ${dag.dagId} (version ${run.versionNumber ?? '?'}) has no task ${taskId}`,
      {
        details: {
          ...subject('task_instance', { dagId: dag.dagId, runId: run.runId, taskId, mapIndex: null }),
          problem: 'missing',
        },
      },
    )
  return {
    code: 'no_instance',
    sentence: `${taskId} has no part in run ${run.runId}: the run's date is outside the task's own startDate and endDate, or it has no such map index.`,
    dagId: dag.dagId,
    runId: run.runId,
    taskId,
    mapIndex: null,
  }
}

/** Who asks for a date is told when a run made by hand stands in the schedule's place; empty otherwise. */
function holderSentence(run: RunListRow, asked: number, now: number): string {
  if (run.runType !== 'manual' || run.logicalDate !== asked) return ''
  const { dataIntervalStart: start, dataIntervalEnd: end, timezone: zone } = run
  const covers =
    start === null || end === null || start === end ? '' : ` and covers ${at(start, zone, now)} → ${at(end, zone, now)}`
  return `${at(asked, zone, now)} is held by ${run.runId}: it was triggered by ${run.triggeringUserName ?? run.triggeredBy}${covers}. `
}

/** @throws BaramError NOT_FOUND */
export async function explain(database: Database, runCache: RunCache, question: WhyQuestion): Promise<WhyAnswer> {
  const { dagId, taskId, mapIndex } = question
  const dag = await requireDag(database, dagId)
  const now = await databaseNow(database)
  const none = { dagId, runId: null, taskId: null, mapIndex: null }
  // A task without a run is meant in the newest.
  const asked = question.run ?? (taskId === null ? null : 'latest')
  if (asked === null) {
    const why = await whyDag(database, runCache, dagId, now)
    if (why === null) throw notFound('dag', dagId)
    return { ...why, ...none }
  }
  const runId = typeof asked === 'number' ? await findRunAt(database, dagId, asked) : asked
  if (runId === null) {
    const { graph } = await latestVersion(database, runCache, dagId)
    return { ...(await whyMissing(database, dag, graph.dag, Number(asked), now)), ...none }
  }
  const run = await findRunOf(database, dagId, runId)
  if (taskId !== null) return answerTask(database, runCache, dag, run, { taskId, mapIndex }, now)
  const why = await whyRun(database, dag, run, now)
  const holder = typeof asked === 'number' && dag.hasSchedule ? holderSentence(run, asked, now) : ''
  return { ...why, sentence: `${holder}${why.sentence}`, ...none, runId: run.runId }
}
