// What one process counts. It is stored with its heartbeats (engine/process/lease.ts) and shown by every web server; with the
// process it goes: what it counted since its last heartbeat is lost, and its series end.

import { statfs } from 'node:fs/promises'
import { METRICS, type MetricDefinition, type MetricName, metricNames, type ServiceLabel } from '../../core/metrics.ts'
import type { RunModel } from '../../core/run-model.ts'
import { MetricSet } from '../../runtime/metrics.ts'
import type { Database } from '../../store/database.ts'
import type { InstanceChange, RunChanges } from '../transaction/changes.ts'

/** DAGs that one process tells by name. */
export const MOST_DAGS = 50
const OTHER = 'other'

/** `[labels, value]`, or with the suffix of a histogram's series. */
export type Sample = readonly [labels: Readonly<Record<string, string | number>>, value: number, suffix?: string]
export type Samples = Readonly<Record<string, readonly Sample[]>>

const isOf = (service: ServiceLabel, name: MetricName): boolean => {
  const { of }: MetricDefinition = METRICS[name]
  return of !== 'database' && of.includes(service)
}
/** Gauges are there once they are read. */
const begins = (service: ServiceLabel) => (name: MetricName) => isOf(service, name) && METRICS[name].kind !== 'gauge'

const hasFailed = ({ from, steps }: InstanceChange): boolean =>
  from === 'running' && steps.some(({ to }) => to === 'failed' || to === 'up_for_retry')

export class ProcessMetrics extends MetricSet {
  private readonly dags = new Set<string>()
  private readonly readers: (() => void)[] = []

  constructor(service: ServiceLabel) {
    super(metricNames.filter(begins(service)))
  }

  /** Called before each look: sets gauges. Must not wait for anything. */
  onRead(read: () => void): void {
    this.readers.push(read)
  }

  /** What a run transaction has brought about. */
  countChanges({ model, moved, runStateBefore }: RunChanges): void {
    for (const change of moved.values()) {
      if (hasFailed(change)) this.add('airflow_ti_failures', {})
      else if (change.from === 'running' && change.ti.state === 'success') this.add('airflow_ti_successes', {})
    }
    const { state, runType, runAfter } = model.run
    if (state === 'running' && runStateBefore === 'queued' && runType === 'scheduled')
      this.observe('airflow_dagrun_schedule_delay', {}, Math.max(0, Date.now() - runAfter) / 1000)
    if (state !== runStateBefore && (state === 'success' || state === 'failed'))
      this.add('baram_runs_ended_total', { dag_id: this.dagLabel(model), state })
  }

  /** As JSON, without what the definitions say already. */
  async samples(): Promise<string> {
    for (const read of this.readers) read()
    const found: Record<string, readonly Sample[]> = {}
    for (const { name, values } of (await this.registry.getMetricsAsJSON()) as readonly {
      name: string
      values: readonly { labels: Sample[0]; value: number; metricName?: string }[]
    }[])
      found[name] = values.map(({ labels, value, metricName = name }) =>
        metricName === name ? [labels, value] : [labels, value, metricName.slice(name.length)],
      )
    return JSON.stringify(found satisfies Samples)
  }

  private dagLabel({ run }: RunModel): string {
    if (!this.dags.has(run.dagId) && this.dags.size >= MOST_DAGS) return OTHER
    this.dags.add(run.dagId)
    return run.dagId
  }
}

/** How the pool of this process is used. */
export function watchPool(metrics: ProcessMetrics, database: Pick<Database, 'poolUse'>): void {
  metrics.onRead(() => {
    for (const [state, count] of Object.entries(database.poolUse()))
      metrics.set('baram_database_pool_connections', { state }, count)
  })
}

/** Free space where a folder is, as of the look before: a disk that does not answer holds up no heartbeat. */
export function watchDisk(metrics: ProcessMetrics, folder: string): void {
  let isLooking = false
  const look = async () => {
    isLooking = true
    try {
      const { bavail, bsize } = await statfs(folder)
      metrics.set('baram_disk_free_bytes', {}, bavail * bsize)
    } catch {
      // The folder is not there yet, or its disk does not answer: what was known stays.
    } finally {
      isLooking = false
    }
  }
  metrics.onRead(() => {
    if (!isLooking) void look()
  })
}
