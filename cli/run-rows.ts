// Runs in rows, as every command prints them.

import type { RunView } from './deployment/deployment.ts'
import { moment } from './moment.ts'
import type { Row } from './output.ts'

/** What a terminal has room for; JSON and YAML have all. */
export const RUN_COLUMNS = ['dag_id', 'run_id', 'state', 'logical_date', 'start_date']
export const RUN_LIST_COLUMNS = ['dag_id', 'run_id', 'state', 'run_after', 'logical_date', 'start_date', 'end_date']

export const runRow = (run: RunView): Row => ({
  dag_id: run.dagId,
  run_id: run.runId,
  state: run.state,
  run_type: run.runType,
  run_after: moment(run.runAfter, run.timezone),
  logical_date: moment(run.logicalDate, run.timezone),
  data_interval_start: moment(run.dataIntervalStart, run.timezone),
  data_interval_end: moment(run.dataIntervalEnd, run.timezone),
  start_date: moment(run.startDate, run.timezone),
  end_date: moment(run.endDate, run.timezone),
  conf: run.conf,
})
