// One report of a DAG, drawn as charts and a table.

import type { Request } from 'express'
import type { ResultColumn, ResultTable } from '../../../../core/result-table.ts'
import { moment, zoneName } from '../../../../core/times.ts'
import {
  findResultTable,
  listRunsOfResultTable,
  type ResultTableListRow,
} from '../../../../store/postgres/result-tables.ts'
import type { Web } from '../../../deps.ts'
import { notFound } from '../../../http/api-error.ts'
import { Query } from '../../../http/query.ts'
import { dagCrumbs, dagPath, taskPath, withQuery } from '../../frame/links.ts'
import type { PageView } from '../../frame/page-view.ts'
import { loadBasics, loadRuns } from '../head/basics.ts'
import { dagSentence } from '../head/sentence.ts'
import { headView } from '../head/view.ts'
import { reportPath } from './page.ts'

/** Rows that a page's table shows; the CSV has all. */
const MOST_ROWS = 500
const MOST_RUNS = 20

function cellText(value: string | number | null, column: ResultColumn | undefined, zone: string, now: number): string {
  if (value === null) return '—'
  if (column?.type === 'instant') {
    const at = typeof value === 'number' ? value : Date.parse(value)
    return Number.isNaN(at) ? String(value) : moment(at, zone, now)
  }
  // 20 digits: toLocaleString's own three would cut prices of 1e-8.
  return typeof value === 'number' ? value.toLocaleString('en', { maximumSignificantDigits: 15 }) : value
}

const headOf = ({ name, unit }: ResultColumn): string => (unit === undefined ? name : `${name} (${unit})`)

/** What the browser draws: for each chart the values of its columns. Instants become epoch seconds. */
function chartData(report: ResultTable, zone: string) {
  const columnOf = (name: string) => report.columns.findIndex((column) => column.name === name)
  const valuesOf = (name: string) => {
    const at = columnOf(name)
    const isInstant = report.columns[at]?.type === 'instant'
    return report.rows.map((row) => {
      const value = row[at] ?? null
      if (!isInstant || value === null) return value
      return (typeof value === 'number' ? value : Date.parse(value)) / 1000
    })
  }
  return {
    zone,
    charts: (report.charts ?? []).map((chart) => ({
      kind: chart.kind,
      xType: report.columns[columnOf(chart.x)]?.type ?? 'text',
      x: { name: chart.x, values: valuesOf(chart.x) },
      y: chart.y.map((name) => {
        const column = report.columns[columnOf(name)]
        return { name: column === undefined ? name : headOf(column), values: valuesOf(name) }
      }),
    })),
  }
}

function tableView(report: ResultTable, zone: string, now: number) {
  return {
    columns: report.columns.map((column) => ({ head: headOf(column), isNumber: column.type === 'number' })),
    rows: report.rows.slice(0, MOST_ROWS).map((row) => ({
      cells: row.map((value, i) => ({
        text: cellText(value, report.columns[i], zone, now),
        isNumber: report.columns[i]?.type === 'number',
      })),
    })),
    shown: Math.min(MOST_ROWS, report.rows.length).toLocaleString('en'),
    count: report.rows.length.toLocaleString('en'),
    isCut: report.rows.length > MOST_ROWS,
  }
}

/** Where it came from: its task and run. */
function sourceView(row: ResultTableListRow, dagId: string) {
  return {
    task: row.mapIndex === -1 ? row.taskId : `${row.taskId} [${row.mapIndex}]`,
    taskHref: withQuery(taskPath(dagId, row.runId, row.taskId), {
      map_index: row.mapIndex === -1 ? null : row.mapIndex,
    }),
    run: row.runId,
    runHref: withQuery(dagPath(dagId), { run: row.runId }),
    at: row.publishedAt,
  }
}

export async function reportPage(web: Web, req: Request): Promise<PageView> {
  const now = Date.now()
  const dagId = String(req.params['dag_id'] ?? '')
  const name = String(req.params['name'] ?? '')
  const runId = new Query(req).text('run') ?? null
  const [basics, runs, row, published] = await Promise.all([
    loadBasics(web, dagId),
    loadRuns(web, dagId, 3),
    findResultTable(web.database, dagId, name, runId),
    listRunsOfResultTable(web.database, dagId, name, MOST_RUNS),
  ])
  if (row === null) throw notFound(`${dagId} has no report ${name}${runId === null ? '' : ` of run ${runId}`}.`)
  const zone = basics.row.timezone
  const csv = `/api/baram/v1${dagPath(dagId)}/reports/${encodeURIComponent(name)}`
  return {
    section: 'dags',
    crumbs: dagCrumbs(
      dagId,
      { text: 'Reports', href: dagPath(dagId, '/reports') },
      { text: name, href: reportPath(dagId, name) },
    ),
    sentence: dagSentence(basics.row, runs),
    topics: `dag:${dagId}`,
    scripts: ['dag-reports.js'],
    zone: zoneName(zone, now),
    view: {
      ...headView(basics, 'reports', null, now),
      zone,
      title: row.title ?? row.name,
      source: sourceView(row, dagId),
      charts: (row.body.charts ?? []).map((_, i) => ({ id: `chart-${i}` })),
      data: chartData(row.body, zone),
      table: tableView(row.body, zone, now),
      csv: withQuery(csv, { run_id: row.runId, format: 'spreadsheet' }),
      runs: published.map((publishing) => ({
        label: moment(publishing.publishedAt, zone, now),
        isCurrent: publishing.runId === row.runId,
        href: withQuery(reportPath(dagId, name), { run: publishing.runId }),
      })),
    },
  }
}
