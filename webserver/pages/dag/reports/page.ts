// The reports of a DAG.

import type { Request } from 'express'
import { zoneName } from '../../../../core/times.ts'
import { listResultTables } from '../../../../store/postgres/result-tables.ts'
import type { Web } from '../../../deps.ts'
import { dagCrumbs, dagPath } from '../../frame/links.ts'
import type { PageView } from '../../frame/page-view.ts'
import { loadBasics, loadRuns } from '../head/basics.ts'
import { dagSentence } from '../head/sentence.ts'
import { headView } from '../head/view.ts'

export const reportPath = (dagId: string, name: string): string =>
  dagPath(dagId, `/reports/${encodeURIComponent(name)}`)

export async function reportsPage(web: Web, req: Request): Promise<PageView> {
  const now = Date.now()
  const dagId = String(req.params['dag_id'] ?? '')
  const [basics, runs, reports] = await Promise.all([
    loadBasics(web, dagId),
    loadRuns(web, dagId, 3),
    listResultTables(web.database, dagId),
  ])
  return {
    section: 'dags',
    crumbs: dagCrumbs(dagId, { text: 'Reports', href: dagPath(dagId, '/reports') }),
    sentence: dagSentence(basics.row, runs),
    topics: `dag:${dagId}`,
    zone: zoneName(basics.row.timezone, now),
    view: {
      ...headView(basics, 'reports', null, now),
      zone: basics.row.timezone,
      reports: reports.map((row) => ({
        name: row.name,
        title: row.title ?? row.name,
        rows: row.rowCount.toLocaleString('en'),
        at: row.publishedAt,
        href: reportPath(dagId, row.name),
      })),
    },
  }
}
