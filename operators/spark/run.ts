// An application from its submission to its end, in client and in cluster mode.

import { systemClock } from '../clock.ts'
import { endAtCluster } from './cancel.ts'
import { type Cluster, type ClusterJob, ClusterUnreachableError, type JobStatus } from './cluster.ts'
import type { Ending } from './outcome.ts'
import { jobsOf, requireDriver, runSubmit, type Submission } from './submission.ts'
import { alongside, untilTrue } from './waiting.ts'
import { WorkerLog } from './worker-log.ts'

/** The cluster learns of the end of a driver a moment after it. */
const SETTLES_MS = 5_000
/** How long a cluster may say nothing before a driver on it counts as lost. */
const SILENT_MS = 10 * 60_000

const named = ({ kind, id }: ClusterJob) => `${kind} ${id}`

/** Null when the cluster does not answer: the exit code decides then. */
async function finalStatus({ op, cluster }: Submission, job: ClusterJob): Promise<JobStatus | null> {
  if (cluster === null) return null
  let status: JobStatus | null = null
  try {
    await untilTrue(async () => {
      status = await cluster.status(job)
      return status?.isActive !== true
    }, SETTLES_MS)
  } catch (error) {
    if (!(error instanceof ClusterUnreachableError)) throw error
    op.log.warn({ [job.kind]: job.id, reason: error.message }, 'the final state is not known: the exit code decides')
  }
  return status
}

/** Where a driver on this host, or one that the cluster speaks for, tells of itself. */
function driverAddress({ driver, cluster, env, uiPort }: Submission): string {
  const { applicationId, uiPort: told } = driver.identity
  const proxy = applicationId === null ? null : (cluster?.proxyOf(applicationId) ?? null)
  return proxy ?? `http://${env['SPARK_LOCAL_IP'] || '127.0.0.1'}:${told ?? uiPort}`
}

/** Of client mode, and of YARN, whose spark-submit stays until the application has ended. */
async function runAttached(submission: Submission): Promise<Ending> {
  const { driver, progress, pollMs, lines } = submission
  const look = async () => {
    await progress.look(driverAddress(submission))
    if (progress.last !== null) driver.name(progress.last.applicationId)
  }
  const ended = await alongside(runSubmit(submission), look, pollMs)
  const job = jobsOf(submission).at(-1)
  if (job === undefined) return { ended, tail: lines.tail, job: null, status: null }
  return { ended, tail: lines.tail, job: named(job), status: await finalStatus(submission, job) }
}

/** Looks at a driver on a worker until it has ended; its output goes to the log as it grows. */
async function followDriver(submission: Submission, cluster: Cluster, job: ClusterJob): Promise<JobStatus | null> {
  const { op, driver, progress, pollMs, uiPort, tell } = submission
  const output = new WorkerLog(job.id, tell)
  let heardAt = performance.now()
  for (;;) {
    try {
      const status = await cluster.status(job)
      heardAt = performance.now()
      if (status?.workerUi !== undefined)
        await output.read(status.workerUi, !status.isActive).catch((error: unknown) => {
          op.log.debug({ reason: String(error) }, 'the worker does not show the output of the driver')
        })
      if (status?.isActive !== true) return status
      if (status.host !== undefined) await progress.look(`http://${status.host}:${driver.identity.uiPort ?? uiPort}`)
      if (progress.last !== null) driver.name(progress.last.applicationId)
    } catch (error) {
      if (!(error instanceof ClusterUnreachableError) || performance.now() - heardAt > SILENT_MS) throw error
      op.log.warn({ reason: error.message }, 'the cluster does not answer; asking again')
    }
    await systemClock.sleep(pollMs, op.signal)
  }
}

/** Of a standalone cluster's cluster mode: spark-submit ends once the driver is submitted. */
async function runDetached(submission: Submission, cluster: Cluster): Promise<Ending> {
  const { op, lines, driver } = submission
  const ended = await runSubmit(submission)
  if (ended.exitCode !== 0) return { ended, tail: lines.tail, job: null, status: null }
  const job = requireDriver(driver)
  op.log.info({ driver: job.id }, 'the driver is submitted; following it')
  const status = await followDriver(submission, cluster, job)
  if (status === null) throw new Error(`${cluster.name} no longer knows the ${named(job)}: how it ended is not known`)
  return { ended, tail: lines.tail, job: named(job), status }
}

/** Runs it to its end. @throws the signal's reason, when nothing of it runs any longer as far as the cluster tells */
export async function runApplication(submission: Submission): Promise<Ending> {
  const { op, target, cluster } = submission
  const isDetached = target.kind === 'standalone' && target.deployMode === 'cluster'
  try {
    return await (isDetached && cluster !== null ? runDetached(submission, cluster) : runAttached(submission))
  } catch (error) {
    if (cluster !== null) await endAtCluster(cluster, jobsOf(submission), op.log)
    throw error
  }
}
