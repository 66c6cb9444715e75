// Waits for tasks or a run of another DAG: Airflow's ExternalTaskSensor.

import { FailTask, type Operator, type OperatorContext, type RunApi, type RunInfo, SkipTask } from '../../sdk/index.ts'
import { type SensorOptions, templatedSensor } from '../sensor.ts'
import { checkStates, type ExternalStates, judgeStates, missingTasks, type StateLists } from './check.ts'

export interface ExternalTaskSensorOptions extends SensorOptions {
  /** The other DAG (template). */
  readonly externalDagId: string
  /** A task of it to wait for (template). Default: its whole run. */
  readonly externalTaskId?: string
  /** Several tasks to wait for (template). */
  readonly externalTaskIds?: readonly string[]
  /** All must be in one of these. Default `['success']`. */
  readonly allowedStates?: readonly string[]
  /** One in one of these skips this task. Default: none. */
  readonly skippedStates?: readonly string[]
  /**
   * One in one of these fails this try (with `softFail` it skips the task). Default: none, so a failed task may be
   * cleared meanwhile.
   */
  readonly failedStates?: readonly string[]
  /** Seconds that the other run's logical date lies before this one's. Default 0. */
  readonly executionDelta?: number
  /** Logical dates of the other DAG's runs, from this run's; instead of `executionDelta`. */
  readonly executionDateFn?: (logicalDate: Date, run: RunInfo) => Date | readonly Date[]
  /** A certain run of the other DAG (template), instead of one found by its logical date. */
  readonly externalDagRunId?: string
  /** Fail when a run that is waited for has no such task. Default false: wait. */
  readonly checkExistence?: boolean
}

/** Something waited for is in one of `failedStates`. */
export class ExternalTaskFailedError extends Error {
  override readonly name = 'ExternalTaskFailedError'
}

/** What a look needs; dates are epoch ms. */
type Look = {
  readonly dagId: string
  readonly taskIds: readonly string[] | null
  readonly runId: string | null
  readonly dates: readonly number[]
}

/** @throws Error while the DAG is read */
function checkOptions(options: ExternalTaskSensorOptions, lists: StateLists): void {
  const isSet = (...values: readonly unknown[]) => values.filter((value) => value !== undefined).length > 1
  const { externalTaskId, externalTaskIds, executionDelta, executionDateFn, externalDagRunId } = options
  if (isSet(externalTaskId, externalTaskIds))
    throw new Error('externalTaskSensor: give externalTaskId or externalTaskIds, not both')
  if (isSet(executionDelta, executionDateFn, externalDagRunId))
    throw new Error('externalTaskSensor: give one of executionDelta, executionDateFn and externalDagRunId')
  checkStates(lists, externalTaskId !== undefined || (externalTaskIds ?? []).length > 0)
}

function datesOf(op: OperatorContext, options: ExternalTaskSensorOptions): readonly number[] {
  const { executionDelta = 0, executionDateFn } = options
  const { logicalDate } = op.run
  if (logicalDate === null)
    throw new FailTask(
      'this run has no logical date, so no run of the other DAG belongs to it: ' +
        'give externalDagRunId, or trigger it with a logical date',
    )
  const dates = executionDateFn?.(logicalDate, op.run) ?? new Date(logicalDate.getTime() - executionDelta * 1_000)
  const times = [dates].flat().map((date) => date.getTime())
  if (times.length === 0 || times.some(Number.isNaN))
    throw new FailTask('executionDateFn must return a valid Date, or a list of at least one')
  return times
}

function lookOf(op: OperatorContext, options: ExternalTaskSensorOptions): Look {
  const { externalDagId, externalTaskId, externalTaskIds = [], externalDagRunId } = options
  const taskIds = externalTaskId === undefined ? [...externalTaskIds] : [externalTaskId]
  if (new Set(taskIds).size < taskIds.length) throw new FailTask('externalTaskIds names a task twice')
  return {
    dagId: externalDagId,
    taskIds: taskIds.length === 0 ? null : taskIds,
    runId: externalDagRunId ?? null,
    dates: externalDagRunId === undefined ? datesOf(op, options) : [],
  }
}

/** States of one run; a run that is named by its id is asked for its date, which finds its tasks. */
async function statesOf(
  runs: RunApi,
  look: Look,
  by: { runId: string } | { logicalDate: Date },
): Promise<ExternalStates> {
  const { dagId, taskIds } = look
  if (taskIds !== null && 'logicalDate' in by) return runs.taskStates(dagId, by.logicalDate, taskIds)
  const run = await runs.state(dagId, by)
  if (run === null) return null
  if (taskIds === null) return { [dagId]: [run.state] }
  if (run.logicalDate === null)
    throw new FailTask(
      `run ${run.runId} of ${dagId} has no logical date: only its end can be waited for, not single tasks`,
    )
  return runs.taskStates(dagId, run.logicalDate, taskIds)
}

async function allStates(runs: RunApi, look: Look): Promise<readonly ExternalStates[]> {
  if (look.runId !== null) return [await statesOf(runs, look, { runId: look.runId })]
  return Promise.all(look.dates.map((date) => statesOf(runs, look, { logicalDate: new Date(date) })))
}

/**
 * Waits for another DAG's run, or tasks of it, with the same logical date (or another, by `executionDelta`,
 * `executionDateFn` or `externalDagRunId`). `TArgs`: the task's inputs, for templates.
 * @throws Error while the DAG is read, for options that contradict each other or states that do not exist
 */
export function externalTaskSensor<TArgs extends object = Record<never, never>>(
  options: ExternalTaskSensorOptions,
): Operator<TArgs, undefined> {
  const { allowedStates = ['success'], skippedStates = [], failedStates = [], checkExistence = false } = options
  const lists = { allowedStates, skippedStates, failedStates }
  checkOptions(options, lists)
  return templatedSensor<TArgs, ExternalTaskSensorOptions, Look, undefined>({
    name: 'ExternalTaskSensor',
    options: { ...options, ...lists, checkExistence },
    templateFields: ['externalDagId', 'externalTaskId', 'externalTaskIds', 'externalDagRunId'],
    prepare(op, rendered) {
      const look = lookOf(op, rendered)
      const dates = look.dates.map((date) => new Date(date).toISOString())
      op.log.info({ dagId: look.dagId, taskIds: look.taskIds, runId: look.runId, dates }, 'waiting for another DAG')
      return look
    },
    async poke(look, op) {
      const runs = await allStates(op.runs, look)
      const missing = checkExistence && look.taskIds !== null ? missingTasks(runs, look.taskIds) : []
      if (missing.length > 0)
        throw new FailTask(`DAG ${look.dagId} has no task ${missing.join(', ')} in the run waited for`)
      const verdict = judgeStates(runs, look.taskIds ?? [look.dagId], lists)
      if (typeof verdict === 'string') return verdict === 'done'
      if ('skipped' in verdict) throw new SkipTask(`${verdict.skipped} in DAG ${look.dagId}`)
      const message = `${verdict.failed} in DAG ${look.dagId}`
      // A FailTask is what a sensor's `softFail` turns into a skip; else retries apply, as in Airflow.
      throw options.softFail === true ? new FailTask(message) : new ExternalTaskFailedError(message)
    },
  })
}
