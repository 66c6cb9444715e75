// `/api/baram/v1`: what Airflow's API has no place for. Never inside `/api/v2`, whose shapes are Airflow's.

import type { Router } from 'express'
import type { DueRun } from '../../core/timetables/timetable.ts'
import { planDag } from '../../engine/plan.ts'
import type { Web } from '../deps.ts'
import { ApiRoutes, type Call } from './router.ts'

const runJson = (run: DueRun) => ({
  logical_date: new Date(run.logicalDate).toISOString(),
  data_interval_start: new Date(run.dataInterval.start).toISOString(),
  data_interval_end: new Date(run.dataInterval.end).toISOString(),
  run_after: new Date(run.runAfter).toISOString(),
})

/** Runs a plan lists at most. */
const MOST = 100

async function plan({ web, query, param }: Call) {
  const most = Math.min(MOST, query.int('limit', 1) ?? 10)
  query.done()
  const found = await planDag(web.database, web.boards, param('dag_id'), most)
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

export function ownRoutes(web: Web): Router {
  const api = new ApiRoutes(web)
  api.on('get', '/dags/{dag_id}/plan', 'viewer', 200, plan)
  return api.router
}
