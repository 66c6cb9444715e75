// DAGs of this machine's deployment.

import { readSerializedDag, type SerializedDag } from '../../../core/serialized.ts'
import { pauseDag } from '../../../engine/dags/pause.ts'
import { planDag } from '../../../engine/dags/preview-schedule.ts'
import { removeDag } from '../../../engine/runs/delete.ts'
import { countImportErrors, listImportErrors } from '../../../store/postgres/read-admin.ts'
import { getDag, getVersion, listDags, listVersionUses, showSource } from '../../../store/postgres/read-dags.ts'
import { loadVersion } from '../../../store/postgres/versions.ts'
import { CLI_ACTOR, everything } from '../../context.ts'
import { inOrder } from '../../task-order.ts'
import type { Context } from '../../wire.ts'
import type { DagShape, Dags, TaskView } from '../deployment.ts'

const tasksOf = (dag: SerializedDag): readonly TaskView[] =>
  inOrder(
    dag.tasks.map(({ taskId, operator, triggerRule, retries, pool }) => ({
      taskId,
      operator,
      triggerRule,
      retries,
      pool,
      downstream: dag.edges.filter(([from]) => from === taskId).map(([, to]) => to),
    })),
  )

async function shape({ database }: Context, dagId: string): Promise<DagShape | null> {
  const version = await getVersion(database, dagId, null)
  const stored = version === null ? null : await loadVersion(database, version.id)
  return stored === null ? null : { version: stored.versionNumber, tasks: tasksOf(readSerializedDag(stored.data)) }
}

async function list({ database }: Pick<Context, 'database'>) {
  return (await listDags(database, { excludeStale: true }, everything)).rows
}

/** What can be looked up alone, by commands that need no more. */
export const localDags = (context: Pick<Context, 'database'>) => ({
  ids: async () => (await list(context)).map(({ dagId }) => dagId),
  find: (dagId: string) => getDag(context.database, dagId),
})

export const dagsOf = (context: Context): Dags => ({
  ...localDags(context),
  list: () => list(context),
  shape: (dagId) => shape(context, dagId),
  pause: (dagId, isPaused) => pauseDag(context, { dagId, isPaused }, CLI_ACTOR),
  plan: (dagId, most) => planDag(context.database, context.runCache, dagId, most),
  versions: (dagId) => listVersionUses(context.database, dagId, everything.limit),
  source: (dagId, version) => showSource(context.database, dagId, version),
  importErrors: async () => (await listImportErrors(context.database, {}, everything)).rows,
  countImportErrors: () => countImportErrors(context.database),
  remove: (dagId) => removeDag(context, dagId, CLI_ACTOR),
})
