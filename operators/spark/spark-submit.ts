// An application of Apache Spark as a task, as Airflow's SparkSubmitOperator runs it.

import { defineOperator, type JsonValue, type Operator, type OperatorContext } from '../../sdk/index.ts'
import { LOCAL_TARGET, type SparkTarget, sparkTarget } from './connection.ts'
import { checkOptions, type SparkSubmitOptions, TEMPLATE_FIELDS } from './options.ts'
import { type Ending, failureOf } from './outcome.ts'
import { summaryOf } from './progress.ts'
import { publishStages } from './report.ts'
import { runApplication } from './run.ts'
import { prepareSubmission, type SparkSettings, type Submission } from './submission.ts'

/** What became of the application (the task's XCom). */
export type SparkResult = {
  /** `app-…`, `application_…` or `local-…`; null when Spark named none. */
  readonly applicationId: string | null
  /** Of a standalone cluster's driver. */
  readonly driverId: string | null
  /** As the cluster has it: `FINISHED` or `SUCCEEDED`; null where there is none to ask. */
  readonly finalState: string | null
  /** Counts as the driver last told them; null when it told none. */
  readonly progress: { readonly [count: string]: JsonValue } | null
}

async function targetOf(op: OperatorContext, options: SparkSubmitOptions): Promise<SparkTarget> {
  const { connId = LOCAL_TARGET.connId, deployMode } = options
  const connection = await op.client.getConnection(connId)
  if (connection === null) op.log.info({ connId }, 'no such connection: Spark runs on this host, as local[*]')
  const target = connection === null ? { ...LOCAL_TARGET, connId } : sparkTarget(connection)
  return deployMode === undefined ? target : { ...target, deployMode }
}

async function resultOf(submission: Submission, { status }: Ending): Promise<SparkResult> {
  const { op, driver, progress } = submission
  const { applicationId, driverId } = driver.identity
  const finalState = status?.state ?? null
  if (progress.last !== null) await publishStages(op, progress.last, finalState)
  return {
    applicationId,
    driverId,
    finalState,
    progress: progress.last === null ? null : summaryOf(progress.last),
  }
}

/** As `sparkSubmit`, with what a test may set. */
export function sparkSubmitWith<TArgs extends object>(
  settings: SparkSettings,
  options: SparkSubmitOptions,
): Operator<TArgs, SparkResult> {
  checkOptions(options)
  return defineOperator<TArgs, SparkResult, SparkSubmitOptions>({
    name: 'SparkSubmitOperator',
    options,
    templateFields: TEMPLATE_FIELDS,
    async execute(op, _args, rendered) {
      const submission = await prepareSubmission(op, await targetOf(op, rendered), rendered, settings)
      const ending = await runApplication(submission)
      // Published before the failure: its stages are what a person looks for then.
      const result = await resultOf(submission, ending)
      const failure = failureOf(ending)
      if (failure !== null) throw failure
      op.log.info({ ...result }, 'the application has succeeded')
      return result
    },
  })
}

/**
 * Submits an application to the Spark of a connection and waits for its end. The driver's output goes to the task's log line by
 * line, its progress as a line when stages or tasks are done, and its stages become the result table `spark`.
 *
 * It succeeds when spark-submit returns 0 *and* the cluster has the application as finished. When the attempt must stop
 * (`executionTimeout`, a clear, the worker's end), spark-submit is ended and the application killed at the cluster.
 * `TArgs`: the task's inputs, for templates.
 * @throws Error while the DAG is read, for options that cannot be
 */
export function sparkSubmit<TArgs extends object = Record<never, never>>(
  options: SparkSubmitOptions,
): Operator<TArgs, SparkResult> {
  return sparkSubmitWith({}, options)
}
