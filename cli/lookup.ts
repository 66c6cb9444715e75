// What commands are told by name: DAGs and runs.

import { notFound } from '../core/errors.ts'

interface DagLookup<Dag> {
  ids(): Promise<readonly string[]>
  find(dagId: string): Promise<Dag | null>
}

interface RunLookup<Run> {
  find(dagId: string, runId: string): Promise<Run | null>
  latest(dagId: string): Promise<Run | null>
}

/** @throws BaramError NOT_FOUND with the most similar id */
export async function requireDag<Dag>(dags: DagLookup<Dag>, dagId: string): Promise<Dag> {
  const dag = await dags.find(dagId)
  if (dag !== null) return dag
  const near = (await dags.ids()).find((id) => id.startsWith(dagId.slice(0, 3)))
  throw notFound('dag', dagId, near === undefined ? undefined : `did you mean ${near}?`)
}

/**
 * A run by its id, or the newest.
 * @throws BaramError NOT_FOUND
 */
export async function requireRun<Run>(
  { dags, runs }: { readonly dags: DagLookup<unknown>; readonly runs: RunLookup<Run> },
  dagId: string,
  runId: string | undefined,
): Promise<Run> {
  await requireDag(dags, dagId)
  const run = runId === undefined || runId === 'latest' ? await runs.latest(dagId) : await runs.find(dagId, runId)
  if (run === null) throw notFound('dag_run', { dagId, runId: runId ?? 'latest' })
  return run
}
