// The end of an attempt must end its application: what still runs at the cluster is killed there, and looked for again.

import type { TaskLogger } from '../../sdk/index.ts'
import type { Cluster, ClusterJob } from './cluster.ts'
import { untilTrue } from './waiting.ts'

/** With the grace of spark-submit less than the five seconds the worker gives an attempt that has to stop. */
const VERIFY_MS = 2_000
/** A driver that has just gone is told of at once; only then is the cluster asked to kill. */
const GOES_BY_ITSELF_MS = 600

async function endJob(cluster: Cluster, job: ClusterJob, log: TaskLogger): Promise<void> {
  const hasEnded = async () => (await cluster.status(job))?.isActive !== true
  const named = { [job.kind]: job.id }
  if (await untilTrue(hasEnded, job.kind === 'driver' ? 0 : GOES_BY_ITSELF_MS)) {
    log.info(named, `the ${job.kind} has ended at the cluster`)
    return
  }
  await cluster.kill(job)
  if (await untilTrue(hasEnded, VERIFY_MS)) log.info(named, `the ${job.kind} was killed at the cluster`)
  else log.error(named, `the ${job.kind} was asked to stop and still runs at the cluster: kill it there`)
}

/** Never throws: the attempt ends for another reason, which is told. */
export async function endAtCluster(cluster: Cluster, jobs: readonly ClusterJob[], log: TaskLogger): Promise<void> {
  for (const job of jobs) {
    await endJob(cluster, job, log).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error)
      log.error({ [job.kind]: job.id, reason }, `whether the ${job.kind} still runs is not known: look at the cluster`)
    })
  }
}
