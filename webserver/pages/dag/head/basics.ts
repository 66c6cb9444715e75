// What every page of a DAG reads first.

import type { DagGraph } from '../../../../core/graph.ts'
import { planDag } from '../../../../engine/dags/preview-schedule.ts'
import { getDag, getVersion, type VersionListRow, type WarnedDagRow } from '../../../../store/postgres/read-dags.ts'
import { latestRuns } from '../../../../store/postgres/read-runs.ts'
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
  const { graph } = await web.boards.version(web.database, version.id)
  const plan =
    row.is_paused && !row.is_stale && row.has_schedule
      ? (await planDag(web.database, web.boards, dagId, 2)).sentence
      : null
  return { row, plan, version, graph }
}

export const loadRuns = (web: Web, dagId: string, count: number) => latestRuns(web.database, dagId, count)
