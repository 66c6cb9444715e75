// The tables of docs/monitoring.md, from the definitions that the code emits by.

import { definitionOf, type MetricName, metricNames } from '../../core/metrics.ts'

const row = (name: MetricName): string => {
  const { kind, labels, help } = definitionOf(name)
  const own = labels.map((label) => `\`${label}\``).join(', ')
  return `| \`${name}\` | ${kind} | ${own} | ${help} |`
}

/** One row a metric: those the database knows, or those that processes count. */
export function metricsTable(of: 'database' | 'processes'): string {
  const names = metricNames.filter((name) => (definitionOf(name).of === 'database') === (of === 'database'))
  return ['| metric | kind | labels | |', '|---|---|---|---|', ...names.map(row)].join('\n')
}
