// Metrics in prom-client, by the definitions of core/metrics.ts: another name, label or kind does not compile.

import type * as PromClient from 'prom-client'
import {
  type CounterName,
  definitionOf,
  type GaugeName,
  type HistogramName,
  type LabelsOf,
  type MetricName,
} from '../core/metrics.ts'
import { Counter, Gauge, Histogram, Registry } from './prometheus.ts'

type Metric = PromClient.Counter | PromClient.Gauge | PromClient.Histogram

function register(registry: PromClient.Registry, name: MetricName): Metric {
  const { kind, help, labels, buckets } = definitionOf(name)
  const options = { name, help, labelNames: [...labels], registers: [registry] }
  switch (kind) {
    case 'counter':
      return new Counter(options)
    case 'gauge':
      return new Gauge(options)
    case 'histogram':
      return new Histogram(buckets === undefined ? options : { ...options, buckets: [...buckets] })
  }
}

/**
 * Values of metrics. One that was never given a value is not there: 0 would be a claim. A value that is no number is left out:
 * it would spoil the whole answer.
 */
export class MetricSet {
  readonly registry = new Registry()
  private readonly metrics = new Map<MetricName, Metric>()

  /** @param counted begin at 0: what this process counts from now on */
  constructor(counted: readonly MetricName[] = []) {
    for (const name of counted) this.metric(name)
  }

  set<N extends GaugeName>(name: N, labels: LabelsOf<N>, value: number): void {
    if (!Number.isFinite(value)) return
    const metric = this.metric(name)
    if (metric instanceof Gauge) metric.set(labels, value)
  }

  add<N extends CounterName>(name: N, labels: LabelsOf<N>, by = 1): void {
    if (!(Number.isFinite(by) && by >= 0)) return
    const metric = this.metric(name)
    if (metric instanceof Counter) metric.inc(labels, by)
  }

  observe<N extends HistogramName>(name: N, labels: LabelsOf<N>, value: number): void {
    if (!Number.isFinite(value)) return
    const metric = this.metric(name)
    if (metric instanceof Histogram) metric.observe(labels, value)
  }

  private metric(name: MetricName): Metric {
    const known = this.metrics.get(name)
    if (known !== undefined) return known
    const made = register(this.registry, name)
    this.metrics.set(name, made)
    return made
  }
}
