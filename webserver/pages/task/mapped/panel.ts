// The side panel of a mapped task.

import { pageMapped } from '../../../../store/postgres/read-mapped.ts'
import type { RunListRow } from '../../../../store/postgres/read-runs.ts'
import type { Web } from '../../../deps.ts'
import { cellState, stateOf } from '../../../states/cells.ts'
import { worstOf } from '../../../states/tally.ts'
import { stateName, tallyChips } from '../../../states/words.ts'
import { controlLinks, dagPath, taskPath, withQuery } from '../../frame/links.ts'
import { runView } from '../../run/view.ts'
import { filterOf, rowView } from './instances.ts'
import { mappedSentence } from './sentence.ts'
import { type Strip, stripSvg, tallyBar } from './strip.ts'

/** Up to so many instances are listed all; of more the first of those a person must look at first. */
const ALL = 24
const WORST = 8

/** The side panel of a mapped task: all of a few, or those a person must look at first. */
export async function mappedPanel(web: Web, run: RunListRow, taskId: string, strip: Strip, now: number) {
  const worst = stateOf(worstOf(strip.tally))
  const isMany = strip.total > ALL
  const filter = filterOf(isMany ? worst : null, 0)
  const rows = await pageMapped(web.database, run.id, taskId, filter, isMany ? WORST : ALL)
  const path = (values: Record<string, string | number | null>) =>
    withQuery(taskPath(run.dagId, run.runId, taskId), values)
  return {
    kind: 'mapped' as const,
    verbs: controlLinks(run, taskId, null),
    isTask: false,
    isMapped: true,
    isRun: false,
    state: worst,
    title: mappedSentence(taskId, strip),
    total: strip.total.toLocaleString('en'),
    chips: tallyChips(strip.tally).map((chip) => ({ ...chip, href: path({ state: chip.state }) })),
    strip: isMany ? stripSvg(strip, (index) => path({ from: index }), null) : tallyBar(strip.tally),
    worstName: isMany ? stateName(cellState(worst)) : null,
    rows: rows.map((row) => rowView(row, path({ map_index: row.mapIndex }), now)),
    run: runView(run, now),
    all: path({}),
    close: dagPath(run.dagId),
    now,
  }
}
