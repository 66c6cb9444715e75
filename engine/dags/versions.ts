// Two versions of a DAG side by side: what their files say, and what the DAGs themselves became.

import { notFound } from '../../core/errors.ts'
import { type DagChange, planChange } from '../../core/plan-change.ts'
import type { Database } from '../../store/database.ts'
import { getVersion, showSource } from '../../store/postgres/read-dags.ts'
import type { RunCache } from '../transaction/run-cache.ts'
import { type DiffHunk, diffTexts } from './text-diff.ts'

export interface VersionDiff extends Pick<DagChange, 'tasksAdded' | 'tasksRemoved' | 'tasksChanged'> {
  readonly before: number
  readonly after: number
  readonly hunks: readonly DiffHunk[]
  /** Their files say the same, and yet they differ: something they import has changed. */
  readonly isImported: boolean
}

/** @throws BaramError NOT_FOUND */
async function load(database: Database, runCache: RunCache, dagId: string, number: number) {
  const [version, source] = await Promise.all([
    getVersion(database, dagId, number),
    showSource(database, dagId, number),
  ])
  if (version === null || source === null) throw notFound('dag_version', { dagId, version: number })
  const { graph, moduleHash } = await runCache.version(database, version.id)
  return { dag: graph.dag, moduleHash, source: source.sourceCode }
}

/** @throws BaramError NOT_FOUND */
export async function diffVersions(
  database: Database,
  runCache: RunCache,
  dagId: string,
  before: number,
  after: number,
): Promise<VersionDiff> {
  const [old, fresh] = await Promise.all([
    load(database, runCache, dagId, before),
    load(database, runCache, dagId, after),
  ])
  const hunks = diffTexts(old.source, fresh.source)
  const { tasksAdded, tasksRemoved, tasksChanged } = planChange(old.dag, fresh.dag, { last: null, now: 0, most: 0 })
  const isImported = hunks.length === 0 && old.moduleHash !== fresh.moduleHash
  return { before, after, hunks, isImported, tasksAdded, tasksRemoved, tasksChanged }
}
