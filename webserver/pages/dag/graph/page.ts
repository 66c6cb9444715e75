// The graph of a DAG, with the states of one run.

import type { Request } from 'express'
import type { DagGraph } from '../../../../core/graph.ts'
import { zoneName } from '../../../../core/times.ts'
import type { RunListRow } from '../../../../store/postgres/read-runs.ts'
import type { Web } from '../../../deps.ts'
import { Query } from '../../../http/query.ts'
import { dagCrumbs, dagPath, withQuery } from '../../frame/links.ts'
import { markup } from '../../frame/markup.ts'
import type { PageView } from '../../frame/page-view.ts'
import { runLabel, runView } from '../../run/view.ts'
import { type DagBasics, dagOf, findRun, loadBasics, loadRuns } from '../head/basics.ts'
import { dagSentence } from '../head/sentence.ts'
import { headView } from '../head/view.ts'
import { graphSvg } from './svg.ts'

/** Runs that the arrows beside the run's name go through. */
const RUNS = 36

/** A run keeps the graph it was made from. */
async function graphOf(web: Web, basics: DagBasics, run: RunListRow | null): Promise<DagGraph> {
  if (run === null || run.versionId === null) return basics.graph
  return (await web.runCache.version(web.database, run.versionId)).graph
}

/** Where the older and the newer run are. */
function besideRun(dagId: string, runs: readonly RunListRow[], run: RunListRow | null) {
  const at = run === null ? -1 : runs.findIndex((item) => item.id === run.id)
  const link = (other: RunListRow | undefined) =>
    other === undefined ? null : withQuery(dagPath(dagId, '/graph'), { run: other.runId })
  return {
    older: at === -1 ? null : link(runs[at + 1]),
    newer: at <= 0 ? null : link(runs[at - 1]),
  }
}

export async function graphPage(web: Web, req: Request): Promise<PageView> {
  const now = Date.now()
  const dagId = dagOf(req)
  const [basics, runs] = await Promise.all([loadBasics(web, dagId), loadRuns(web, dagId, RUNS)])
  const run = (await findRun(web, dagId, runs, new Query(req).text('run'))) ?? runs[0] ?? null
  const cells = run === null ? undefined : (await web.cells.load(web.database, [run])).get(run.id)
  const graph = await graphOf(web, basics, run)
  return {
    section: 'dags',
    crumbs: dagCrumbs(dagId, { text: run === null ? 'Graph' : `${runLabel(run, now)} run`, href: '' }),
    sentence: dagSentence(basics.row, runs),
    topics: `dag:${dagId}`,
    zone: zoneName(basics.row.timezone, now),
    isFlush: true,
    view: {
      ...headView(basics, 'graph', run?.runId ?? null, now),
      ...besideRun(dagId, runs, run),
      run: run === null ? null : runView(run, now),
      graph: markup(graphSvg(graph, cells ?? new Map(), run)),
    },
  }
}
