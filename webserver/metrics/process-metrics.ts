// What processes counted, from the rows of those that run, each with labels that tell it from the others. A row of another version
// shows what this version knows; a row that is no sample at all is left out.

import { definitionOf, type MetricName, metricNames } from '../../core/metrics.ts'
import { AggregatorRegistry } from '../../runtime/prometheus.ts'
import { type ProcessRow, SERVICE_OF } from '../../store/postgres/metrics.ts'

interface Value {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  readonly metricName: string
}

const SUFFIXES: readonly unknown[] = ['', '_bucket', '_sum', '_count']

function readSample(name: string, sample: unknown, process: Readonly<Record<string, string>>): readonly Value[] {
  if (!Array.isArray(sample)) return []
  const [labels, value, suffix = ''] = sample as unknown[]
  if (typeof labels !== 'object' || labels === null || typeof value !== 'number' || !SUFFIXES.includes(suffix))
    return []
  // Written by a process of ours, from its own definitions.
  return [{ labels: { ...(labels as Value['labels']), ...process }, value, metricName: `${name}${String(suffix)}` }]
}

function metricOf(name: MetricName, samples: unknown, row: ProcessRow) {
  const { kind, help, of } = definitionOf(name)
  const service = SERVICE_OF[row.jobType]
  if (of === 'database' || !of.includes(service) || !Array.isArray(samples)) return []
  const process = { service, host: row.hostname, job_id: String(row.id) }
  const values = samples.flatMap((sample: unknown) => readSample(name, sample, process))
  // By its labels each series is of one process: nothing is summed.
  return [{ name, help, type: kind, aggregator: 'sum', values }]
}

/** In Prometheus' text format. */
export function processMetricsText(processes: readonly ProcessRow[]): Promise<string> {
  const found = processes.map((row) => {
    const samples = typeof row.samples === 'object' && row.samples !== null ? row.samples : {}
    return metricNames.flatMap((name) => metricOf(name, (samples as Record<string, unknown>)[name], row))
  })
  return AggregatorRegistry.aggregate(found).metrics()
}
