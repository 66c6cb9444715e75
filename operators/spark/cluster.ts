// What Baram asks of the cluster that runs an application: how it ended, whether it still runs, and to kill it.

/** `driver` is that of a standalone cluster's cluster mode; all else is an application. */
export interface ClusterJob {
  readonly kind: 'application' | 'driver'
  readonly id: string
}

export interface JobStatus {
  /** As the cluster has it: FINISHED, FAILED, KILLED … */
  readonly state: string
  readonly isActive: boolean
  readonly hasSucceeded: boolean
  /** Of a driver: where it runs, and where the pages of that worker are. */
  readonly host?: string
  readonly workerUi?: string
}

/** Whether the cluster knows the job: `null` when it does not. It throws when nobody answers. */
export interface Cluster {
  readonly name: string
  status(job: ClusterJob): Promise<JobStatus | null>
  kill(job: ClusterJob): Promise<void>
  /** Where a running application's REST API is found through the cluster; null for drivers that answer themselves. */
  proxyOf(applicationId: string): string | null
}

/** Nobody answered at the addresses of the cluster. */
export class ClusterUnreachableError extends Error {
  override readonly name = 'ClusterUnreachableError'
}
