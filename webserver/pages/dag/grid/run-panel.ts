// The side panel of the grid for the selected run: how it went, what failed, what it wrote.

import { reasonText } from '../../../../engine/why/run.ts'
import type { RunListRow } from '../../../../store/postgres/read-runs.ts'
import { listFailures } from '../../../../store/postgres/read-task-instances.ts'
import { listRunResultTables } from '../../../../store/postgres/result-tables.ts'
import type { Web } from '../../../deps.ts'
import { stateOf } from '../../../states/cells.ts'
import { runTally, type TaskCell } from '../../../states/run-cells.ts'
import { tallyChips } from '../../../states/words.ts'
import { controlLinks, dagPath, taskPath, withQuery } from '../../frame/links.ts'
import { runSentence, runWhy } from '../../run/sentence.ts'
import { runView } from '../../run/view.ts'
import { loadSums } from '../data/page.ts'

type FailureRow = Awaited<ReturnType<typeof listFailures>>[number]
type Cells = ReadonlyMap<string, TaskCell>

function failureView(run: RunListRow, { taskId: task, n, because, mapIndex }: FailureRow) {
  const isMany = n > 1
  return {
    task,
    // Of a mapped task the cause is that of its first failed instance.
    n: isMany ? n : null,
    why: reasonText(because, run.timezone),
    href: withQuery(taskPath(run.dagId, run.runId, task), {
      state: isMany ? 'failed' : null,
      map_index: isMany || mapIndex === -1 ? null : mapIndex,
    }),
  }
}

export async function runPanel(web: Web, run: RunListRow, cells: Cells, now: number) {
  const tally = runTally(cells.values())
  const hasFailed = run.state === 'failed' || tally.some(([letter]) => stateOf(letter) === 'failed')
  const [failures, effects, reports] = await Promise.all([
    hasFailed ? listFailures(web.database, run.id) : [],
    loadSums(web, run.id),
    listRunResultTables(web.database, run.id),
  ])
  return {
    kind: 'run',
    isTask: false,
    isMapped: false,
    isRun: true,
    verbs: controlLinks(run, null, null),
    why: await runWhy(web, run, now),
    state: run.state,
    title: runSentence(run, failures[0]?.taskId ?? null, now),
    run: runView(run, now),
    counts: tallyChips(tally),
    effects,
    data: withQuery(dagPath(run.dagId, '/data'), { run: run.runId }),
    reports: reports.map((report) => ({
      title: report.title ?? report.name,
      href: withQuery(dagPath(run.dagId, `/reports/${encodeURIComponent(report.name)}`), { run: run.runId }),
    })),
    failures: failures.map((failure) => failureView(run, failure)),
    close: dagPath(run.dagId),
    zone: run.timezone,
    now,
  }
}
