// monitoring/ as tests read it: the alerts of its rules, the expressions of its dashboards.

import { readdirSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'

const folder = new URL('../../monitoring/', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, folder), 'utf8')

export interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

interface Dashboard {
  readonly uid: string
  readonly panels: readonly {
    readonly id: number
    readonly title: string
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
    readonly targets?: readonly { readonly expr: string }[]
  }[]
}

export const rules: readonly Rule[] = readdirSync(new URL('rules', folder)).flatMap((name) =>
  (parse(read(`rules/${name}`)) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules),
)

export const dashboards: readonly Dashboard[] = readdirSync(new URL('grafana/dashboards', folder)).map(
  (name) => JSON.parse(read(`grafana/dashboards/${name}`)) as Dashboard,
)

/** As Grafana would send them: its variable stands for every DAG. */
export const dashboardExpressions = (): string[] =>
  dashboards
    .flatMap(({ panels }) => panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)))
    .map((expr) => expr.replaceAll('$dag', '.*'))
