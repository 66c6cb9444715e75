// What the end of an application means for its task: the exit code of spark-submit and the state at the cluster are two things.

import { endingText } from '../subprocess/ending.ts'
import type { Ended } from '../subprocess/process.ts'
import type { JobStatus } from './cluster.ts'

export interface Ending {
  readonly ended: Ended
  /** End of what spark-submit and the driver printed. */
  readonly tail: string
  /** `application app-…`, `driver driver-…`; null when none was named. */
  readonly job: string | null
  /** What the cluster says: null when there is none to ask, or it did not answer. */
  readonly status: JobStatus | null
}

/** The application did not succeed. Retries apply. */
export class SparkFailedError extends Error {
  override readonly name = 'SparkFailedError'
  /** Of spark-submit. Below 0: the number of the signal that ended it. */
  readonly exitCode: number
  /** As the cluster has it; null when it could not be asked. */
  readonly finalState: string | null
  constructor(message: string, { ended, status }: Ending) {
    super(message)
    this.exitCode = ended.exitCode
    this.finalState = status?.state ?? null
  }
}

/** Null when it has succeeded. */
export function failureOf(ending: Ending): SparkFailedError | null {
  const { ended, tail, job, status } = ending
  const named = job ?? 'the application'
  const isFailed = status !== null && !status.hasSucceeded
  if (ended.exitCode !== 0) {
    const state =
      status === null
        ? job === null
          ? 'no application was started'
          : `the final state of ${named} is not known`
        : `${named} is ${status.state} at the cluster`
    return new SparkFailedError(`${state}, and spark-submit ${endingText(ended, tail)}`, ending)
  }
  if (!isFailed) return null
  const state = status.isActive ? `still runs (${status.state})` : `ended as ${status.state}`
  const last = tail === '' ? 'it printed nothing' : `its last output:\n${tail}`
  return new SparkFailedError(
    `${named} ${state} at the cluster, though spark-submit returned exit code 0; ${last}`,
    ending,
  )
}
