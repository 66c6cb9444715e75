// What commands are told by name: DAGs, their tasks in order, runs.

import { notFound } from '../core/errors.ts'
import { buildGraph } from '../core/graph.ts'
import type { SerializedDag, SerializedTask } from '../core/serialized.ts'
import { type DagListRow, getDag, listDags } from '../store/postgres/read-dags.ts'
import { getRun, latestRuns, type RunListRow } from '../store/postgres/read-runs.ts'
import { everything } from './context.ts'
import type { Context } from './wire.ts'

export async function requireDag(context: Context, dagId: string): Promise<DagListRow> {
  const dag = await getDag(context.database, dagId)
  if (dag !== null) return dag
  const { rows } = await listDags(context.database, { excludeStale: true }, everything)
  const near = rows.map((row) => row.dagId).find((id) => id.startsWith(dagId.slice(0, 3)))
  throw notFound('dag', dagId, near === undefined ? undefined : `did you mean ${near}?`)
}

/** Tasks in the order in which they can run. */
export function inOrder(dag: SerializedDag): readonly SerializedTask[] {
  return buildGraph(dag).order.flatMap((i) => dag.tasks[i] ?? [])
}

/** A run by its id, or the newest. */
export async function requireRun(context: Context, dagId: string, runId: string | undefined): Promise<RunListRow> {
  await requireDag(context, dagId)
  const run =
    runId === undefined || runId === 'latest'
      ? ((await latestRuns(context.database, dagId, 1))[0] ?? null)
      : await getRun(context.database, dagId, runId)
  if (run === null) throw notFound('dag_run', { dagId, runId: runId ?? 'latest' })
  return run
}
