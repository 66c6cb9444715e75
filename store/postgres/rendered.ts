// Template fields as they were rendered for the last try of a task instance.

import { storableJson } from '../../core/storable.ts'
import type { Sql } from '../sql.ts'

/** @param label name of a mapped instance (mapIndexTemplate); null = leaves it as it is */
export async function putRendered(
  sql: Sql,
  at: { readonly dagRunId: number; readonly taskId: string; readonly mapIndex: number; readonly tiId: string },
  fields: unknown,
  label: string | null,
): Promise<void> {
  await sql.query(
    `with field as (
       insert into rendered_task_instance_fields (dag_run_id, task_id, map_index, rendered_fields) values ($1, $2, $3, $4::json)
       on conflict (dag_run_id, task_id, map_index) do update set rendered_fields = excluded.rendered_fields
     )
     update task_instance set rendered_map_index = $6 where dag_run_id = $1 and id = $5 and $6::text is not null`,
    [at.dagRunId, at.taskId, at.mapIndex, storableJson(fields), at.tiId, label],
    'put_rendered',
  )
}
