// Where an attempt's log stands, by Airflow's layout: the worker writes it, the webserver reads it.

import { join } from 'node:path'

export interface AttemptLogKey {
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  readonly mapIndex: number
  readonly tryNumber: number
}

/** `dag_id=…/run_id=…/task_id=…/[map_index=…/]attempt=N.log` below the log folder. Ids cannot hold separators. */
export function attemptLogPath(folder: string, key: AttemptLogKey): string {
  const safe = (text: string) => text.replaceAll(/[/\\\u0000]/g, '_')
  const map = key.mapIndex >= 0 ? [`map_index=${key.mapIndex}`] : []
  return join(
    folder,
    `dag_id=${safe(key.dagId)}`,
    `run_id=${safe(key.runId)}`,
    `task_id=${safe(key.taskId)}`,
    ...map,
    `attempt=${key.tryNumber}.log`,
  )
}
