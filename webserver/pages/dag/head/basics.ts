// What every page of a DAG reads first.

import type { Request } from 'express'
import type { DagGraph } from '../../../../core/graph.ts'
import { planDag } from '../../../../engine/dags/preview-schedule.ts'
import { getDag, getVersion, type VersionListRow, type WarnedDagRow } from '../../../../store/postgres/read-dags.ts'
import { getRun, latestRuns, type RunListRow } from '../../../../store/postgres/read-runs.ts'
import type { Web } from '../../../deps.ts'
import { notFound } from '../../../http/errors.ts'

export interface DagBasics {
  readonly row: WarnedDagRow
  /** What switching it on would set going; null when it is on, or has no file. */
  readonly plan: string | null
  readonly version: VersionListRow
  readonly graph: DagGraph
}

export async function loadBasics(web: Web, dagId: string): Promise<DagBasics> {
  const [row, version] = await Promise.all([getDag(web.database, dagId), getVersion(web.database, dagId, null)])
  if (row === null || version === null) throw notFound(`There is no DAG ${dagId}.`)
  const { graph } = await web.runCache.version(web.database, version.id)
  const plan =
    row.isPaused && !row.isStale && row.hasSchedule
      ? (await planDag(web.database, web.runCache, dagId, 2)).sentence
      : null
  return { row, plan, version, graph }
}

export const loadRuns = (web: Web, dagId: string, count: number) => latestRuns(web.database, dagId, count)

/** The DAG that a page's address names. */
export const dagOf = (req: Request): string => String(req.params['dag_id'] ?? '')

/** The selected run: of the page's own, or looked up when it is older. */
export async function findRun(web: Web, dagId: string, runs: readonly RunListRow[], runId: string | undefined) {
  if (runId === undefined || runId === '') return null
  return runs.find((run) => run.runId === runId) ?? (await getRun(web.database, dagId, runId))
}
