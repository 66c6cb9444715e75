// Import errors, audit log, jobs.

import {
  AUDIT_ORDER,
  type AuditRow,
  getAudit,
  getImportError,
  IMPORT_ERROR_ORDER,
  type ImportErrorListRow,
  JOB_ORDER,
  listAudit,
  listImportErrors,
  listJobs,
} from '../../store/postgres/read-admin.ts'
import { airflowNotFound } from '../http/airflow-errors.ts'
import type { ApiRoutes, Call } from './router.ts'
import { iso, isoText } from './shapes.ts'

const importErrorJson = (row: ImportErrorListRow) => ({
  import_error_id: row.id,
  timestamp: isoText(row.timestamp),
  filename: row.filename,
  bundle_name: row.bundleName,
  stack_trace: row.stacktrace,
})

const auditJson = (row: AuditRow) => ({
  event_log_id: row.id,
  when: isoText(row.dttm),
  dag_id: row.dagId,
  task_id: row.taskId,
  run_id: row.runId,
  map_index: row.mapIndex,
  try_number: row.tryNumber,
  event: row.event,
  logical_date: iso(row.logicalDate),
  owner: row.owner,
  extra: row.extra,
  dag_display_name: row.dagDisplayName,
  task_display_name: row.taskId,
})

/** A numeric id of a path; anything else names nothing. */
const rowId = (text: string): number => (/^\d{1,9}$/.test(text) ? Number(text) : -1)

async function events({ web, query }: Call) {
  const page = query.page(web.config, AUDIT_ORDER, 'id')
  const filter = {
    dag_id: query.text('dag_id'),
    task_id: query.text('task_id'),
    run_id: query.text('run_id'),
    map_index: query.int('map_index'),
    try_number: query.int('try_number'),
    owner: query.text('owner'),
    event: query.text('event'),
    excluded_events: query.texts('excluded_events'),
    included_events: query.texts('included_events'),
    before: query.date('before'),
    after: query.date('after'),
    dag_id_pattern: query.pattern('dag_id_pattern'),
    task_id_pattern: query.pattern('task_id_pattern'),
    run_id_pattern: query.pattern('run_id_pattern'),
    owner_pattern: query.pattern('owner_pattern'),
    event_pattern: query.pattern('event_pattern'),
  }
  query.done()
  const { rows, total } = await listAudit(web.database, filter, page)
  return { event_logs: rows.map(auditJson), total_entries: total }
}

async function jobs({ web, query }: Call) {
  const page = query.page(web.config, JOB_ORDER, 'id')
  const filter = {
    is_alive: query.bool('is_alive'),
    job_state: query.text('job_state'),
    job_type: query.text('job_type'),
    hostname: query.text('hostname'),
    executor_class: query.text('executor_class'),
    ...query.dates('start_date', 'end_date'),
  }
  query.done()
  const { rows, total } = await listJobs(web.database, filter, page)
  return {
    jobs: rows.map((row) => ({
      id: row.id,
      dag_id: null,
      state: row.state,
      job_type: row.jobType,
      start_date: isoText(row.startDate),
      end_date: iso(row.endDate),
      latest_heartbeat: isoText(row.latestHeartbeat),
      executor_class: row.executorClass,
      hostname: row.hostname,
      unixname: row.unixname,
      dag_display_name: null,
    })),
    total_entries: total,
  }
}

export function adminRoutes(api: ApiRoutes): void {
  api.on('get', '/importErrors', 'viewer', 200, async ({ web, query }) => {
    const page = query.page(web.config, IMPORT_ERROR_ORDER, 'id')
    const p = query.pattern('filename_pattern')
    query.done()
    const { rows, total } = await listImportErrors(web.database, { p }, page)
    return { import_errors: rows.map(importErrorJson), total_entries: total }
  })
  api.on('get', '/importErrors/{import_error_id}', 'viewer', 200, async ({ web, param }) => {
    const row = await getImportError(web.database, rowId(param('import_error_id')))
    if (row === null) throw airflowNotFound('import_error', param('import_error_id'))
    return importErrorJson(row)
  })
  api.on('get', '/eventLogs', 'admin', 200, events)
  api.on('get', '/eventLogs/{event_log_id}', 'admin', 200, async ({ web, param }) => {
    const row = await getAudit(web.database, rowId(param('event_log_id')))
    if (row === null) throw airflowNotFound('event_log', param('event_log_id'))
    return auditJson(row)
  })
  api.on('get', '/jobs', 'viewer', 200, jobs)
}
