// `/api/baram/v1`: what Airflow's API has no place for. Never inside `/api/v2`, whose shapes are Airflow's.

import type { Router } from 'express'
import { BaramError } from '../../core/errors.ts'
import type { DueRun } from '../../core/timetables/timetable.ts'
import { planDag } from '../../engine/dags/preview-schedule.ts'
import { explain } from '../../engine/why/why.ts'
import { type EffectRow, listEffects } from '../../store/postgres/effects.ts'
import { getRun } from '../../store/postgres/read-runs.ts'
import { findResultTable, listResultTables, type ResultTableListRow } from '../../store/postgres/result-tables.ts'
import type { Web } from '../deps.ts'
import { csvText } from '../http/csv.ts'
import { notFound } from '../http/errors.ts'
import { parseDate } from '../http/query.ts'
import { ApiRoutes, type Call } from './router.ts'

const runJson = (run: DueRun) => ({
  logical_date: new Date(run.logicalDate).toISOString(),
  data_interval_start: new Date(run.dataInterval.start).toISOString(),
  data_interval_end: new Date(run.dataInterval.end).toISOString(),
  run_after: new Date(run.runAfter).toISOString(),
})

/** Runs a plan lists at most. */
const MOST = 100
/** Effects of one run that are told at most. */
const MOST_EFFECTS = 10_000

async function plan({ web, query, param }: Call) {
  const most = Math.min(MOST, query.int('limit', 1) ?? 10)
  query.done()
  const found = await planDag(web.database, web.runCache, param('dag_id'), most)
  return {
    dag_id: found.dagId,
    is_paused: found.isPaused,
    timezone: found.timezone,
    due: found.due.map(runJson),
    /** Null = more than 10,000. */
    due_count: found.dueCount,
    upcoming: found.upcoming.map(runJson),
    sentence: found.sentence,
  }
}

const effectJson = (row: EffectRow) => ({
  run_id: row.runId,
  task_id: row.taskId,
  map_index: row.mapIndex,
  try_number: row.tryNumber,
  kind: row.kind,
  target: row.target,
  rows_read: row.rowsRead,
  rows_written: row.rowsWritten,
  rows_rejected: row.rowsRejected,
  bytes: row.bytes,
  checksum: row.checksum,
  offsets: row.offsets,
  /** Of a stream, when a window of it was settled; null elsewhere. */
  stream: row.lag === null ? null : { lag: row.lag, rows_per_second: row.rowsPerSecond, freshness: row.freshness },
  is_superseded: row.isSuperseded,
  recorded_at: new Date(row.recordedAt).toISOString(),
})

async function effects({ web, query, param }: Call) {
  query.done()
  const run = await getRun(web.database, param('dag_id'), param('dag_run_id'))
  if (run === null) throw notFound(`There is no run ${param('dag_run_id')} of ${param('dag_id')}.`)
  const rows = await listEffects(web.database, [run.id], MOST_EFFECTS)
  return {
    effects: rows.map(effectJson),
    total_entries: rows.length,
  }
}

const listedJson = (row: ResultTableListRow) => ({
  name: row.name,
  title: row.title,
  task_id: row.taskId,
  map_index: row.mapIndex,
  row_count: row.rowCount,
  dag_run_id: row.runId,
  published_at: new Date(row.publishedAt).toISOString(),
})

async function reports({ web, query, param }: Call) {
  query.done()
  const rows = await listResultTables(web.database, param('dag_id'))
  return { reports: rows.map(listedJson), total_entries: rows.length }
}

const FORMATS = ['json', 'csv', 'spreadsheet'] as const

/** One report as JSON, as CSV, or as CSV for a spreadsheet. */
async function report({ web, query, param, res }: Call) {
  const runId = query.text('run_id') ?? null
  const asked = query.text('format') ?? 'json'
  query.done()
  const format = FORMATS.find((format) => format === asked)
  if (format === undefined)
    throw new BaramError('INPUT_INVALID', `format must be one of ${FORMATS.join(', ')}, found ${asked}`)
  const found = await findResultTable(web.database, param('dag_id'), param('name'), runId)
  if (found === null) throw notFound(`${param('dag_id')} has no report ${param('name')}.`)
  const { body, ...listed } = found
  if (format === 'json') return { ...listedJson(listed), ...body }
  const names = body.columns.map((column) => column.name)
  res.type('text/csv; charset=utf-8')
  res.setHeader('Content-Disposition', `attachment; filename="${param('dag_id')}.${found.name}.csv"`)
  res.send(csvText(names, body.rows, { forSpreadsheet: format === 'spreadsheet' }))
  return undefined
}

/** One sentence for whatever waits, was skipped, failed or never ran. `run`: a run id, `latest`, or an ISO time. */
async function why({ web, query, param }: Call) {
  const [run, taskId, mapIndex] = [query.text('run'), query.text('task_id'), query.int('map_index', -1)]
  query.done()
  const known = run === undefined ? null : await getRun(web.database, param('dag_id'), run)
  const at = run === undefined || run === 'latest' || known !== null ? null : parseDate(run)
  const found = await explain(web.database, web.runCache, {
    dagId: param('dag_id'),
    run: at ?? run ?? null,
    taskId: taskId ?? null,
    mapIndex: mapIndex ?? null,
  })
  return {
    dag_id: found.dagId,
    dag_run_id: found.runId,
    task_id: found.taskId,
    map_index: found.mapIndex,
    code: found.code,
    sentence: found.sentence,
  }
}

export function ownRoutes(web: Web): Router {
  const api = new ApiRoutes(web)
  api.on('get', '/dags/{dag_id}/plan', 'viewer', 200, plan)
  api.on('get', '/dags/{dag_id}/why', 'viewer', 200, why)
  api.on('get', '/dags/{dag_id}/dagRuns/{dag_run_id}/effects', 'viewer', 200, effects)
  api.on('get', '/dags/{dag_id}/reports', 'viewer', 200, reports)
  api.on('get', '/dags/{dag_id}/reports/{name}', 'viewer', 200, report)
  return api.router
}
