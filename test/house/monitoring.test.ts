// monitoring/: alerts and dashboards ask for metrics that exist, and compose mounts what is there.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { metricNames } from '../../core/metrics.ts'
import { dashboardExpressions, dashboards, rules } from '../support/monitoring.ts'

const root = new URL('../../', import.meta.url)
const own = /\b(?:airflow|baram)_[a-z_]+\b/g

it('each alert has a severity and a sentence, and docs/monitoring.md lists it', () => {
  const docs = readFileSync(new URL('docs/monitoring.md', root), 'utf8')
  expect(rules.length).toBeGreaterThan(10)
  expect(rules.filter(({ labels }) => !/^(critical|warning)$/.test(labels['severity'] ?? ''))).toEqual([])
  expect(rules.filter(({ annotations }) => (annotations['summary'] ?? '') === '')).toEqual([])
  const listed = [...docs.matchAll(/^\| `([A-Z][a-z]\w+)` \|/gm)].map(([, name]) => name)
  expect(listed.sort()).toEqual(rules.map(({ alert }) => alert).sort())
})

it('alerts and dashboards ask for metrics that are emitted', () => {
  const exprs = [...rules.map(({ expr }) => expr), ...dashboardExpressions()]
  expect(exprs.length).toBeGreaterThan(40)
  const names = exprs.flatMap((expr) => expr.match(own) ?? []).map((name) => name.replace(/_(bucket|sum|count)$/, ''))
  expect([...new Set(names)].filter((name) => !metricNames.includes(name as never))).toEqual([])
})

it('dashboards have ids of their own and panels that do not overlap', () => {
  const uids = dashboards.map(({ uid }) => uid)
  expect(new Set(uids).size).toBe(uids.length)
  for (const { panels } of dashboards) {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)}/${y + Math.floor(i / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
    expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([])
  }
})

it('compose mounts files of monitoring/ that exist, and each of them is mounted', () => {
  const compose = parse(readFileSync(new URL('docker-compose.yml', root), 'utf8'), { merge: true }) as {
    services: Record<string, { volumes?: string[] }>
  }
  const mounted = Object.values(compose.services)
    .flatMap(({ volumes = [] }) => volumes)
    .flatMap((volume) => /^\.\/(monitoring\/[^:]+):/.exec(volume)?.[1] ?? [])
  expect(mounted.filter((path) => !existsSync(new URL(path, root)))).toEqual([])
  const files = readdirSync(new URL('monitoring', root), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      `${entry.parentPath}/${entry.name}`.slice(`${entry.parentPath}/${entry.name}`.indexOf('monitoring/')),
    )
  expect(files.filter((file) => !mounted.some((path) => file === path || file.startsWith(`${path}/`)))).toEqual([])
})
