// docs/monitoring.md lists every metric that there is, as it is defined.

import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { definitionOf, metricNames } from '../../core/metrics.ts'
import { metricsTable } from './metrics-table.ts'

const text = readFileSync(new URL('../../docs/monitoring.md', import.meta.url), 'utf8')

it.each(['database', 'processes'] as const)(
  'the table of metrics of the %s is the one that the code emits by',
  (of) => {
    const found = new RegExp(`<!-- metrics of the ${of}: [^>]*-->\\n([\\s\\S]*?)\\n?<!-- /metrics -->`).exec(text)?.[1]
    expect(found, 'core/metrics.ts has changed: put the expected text between the two markers').toBe(metricsTable(of))
  },
)

it('names say whose they are, and ours their unit', () => {
  const units = /_(seconds|bytes|records|total|slots|per_second)$/
  /** Counts of things that are named. */
  const things =
    /_(up|parts|left_out|processes|paused|warnings|depth|pending|running|last_hour|watched|late|connections|limit|children|attempts)$/
  expect(metricNames.filter((name) => !/^(airflow|baram)_[a-z_]+$/.test(name))).toEqual([])
  expect(metricNames.filter((name) => name.startsWith('baram_') && !units.test(name) && !things.test(name))).toEqual([])
  const counters = metricNames.filter((name) => name.startsWith('baram_') && definitionOf(name).kind === 'counter')
  expect(counters.filter((name) => !name.endsWith('_total'))).toEqual([])
})
