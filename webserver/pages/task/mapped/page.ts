// A mapped task as a whole: its sentence, the strip of all its instances, and a list of some of them.

import { zoneName } from '../../../../core/times.ts'
import { type MappedRow, pageMapped } from '../../../../store/postgres/read-mapped.ts'
import type { RunListRow } from '../../../../store/postgres/read-runs.ts'
import type { Web } from '../../../deps.ts'
import type { Query } from '../../../http/query.ts'
import { isCellState, stateOf } from '../../../states/cells.ts'
import { worstOf } from '../../../states/tally.ts'
import { tallyChips } from '../../../states/words.ts'
import { dagCrumbs, taskPath, withQuery } from '../../frame/links.ts'
import type { PageView } from '../../frame/page-view.ts'
import { runCrumb, runInterval, runView } from '../../run/view.ts'
import { findTask } from '../instance.ts'
import { filterOf, rowView } from './instances.ts'
import { mappedSentence } from './sentence.ts'
import { type Strip, stripSvg, tallyBar } from './strip.ts'

/** Up to so many instances are shown as rows alone. */
const FEW = 24
const PAGE = 200

/** `state` of the address: one of the states, `none` for no state yet. */
function readState(query: Query): string | null {
  const text = query.text('state') ?? ''
  return isCellState(text) ? text : null
}

type Link = (values: Readonly<Record<string, string | number | null>>) => string

const chipsView = ({ tally, total }: Strip, state: string | null, path: Link) => [
  { state: null, name: 'All', n: total.toLocaleString('en'), isCurrent: state === null, href: path({}) },
  ...tallyChips(tally).map((chip) => ({
    ...chip,
    isCurrent: chip.state === state,
    href: path({ state: chip.state }),
  })),
]

/** The bar of a few instances, or the strip of many, with the part that the list shows. */
function stripView(strip: Strip, state: string | null, path: Link, shown: Shown | null) {
  const perBucket = Math.ceil(strip.total / strip.buckets.length)
  const isMany = strip.total > FEW
  return {
    isMany,
    buckets: perBucket > 1 ? `${strip.buckets.length} buckets of ${perBucket}` : `${strip.total} instances`,
    strip: isMany
      ? stripSvg(strip, (index) => path({ state, from: index }), shown === null ? null : [shown.first, shown.last])
      : tallyBar(strip.tally),
    lastIndex: (strip.total - 1).toLocaleString('en'),
  }
}

/** The first and the last index of the list. */
interface Shown {
  readonly first: number
  readonly last: number
}

function shownOf(rows: readonly MappedRow[]): Shown | null {
  const first = rows[0]
  const last = rows.at(-1)
  return first === undefined || last === undefined ? null : { first: first.mapIndex, last: last.mapIndex }
}

/** What leads to other parts of the list. Of one state the part before is not known: the first is offered. */
function pagerView(state: string | null, from: number, next: MappedRow | undefined, path: Link) {
  const before = state === null ? Math.max(0, from - PAGE) || null : null
  return {
    before: from > 0 ? path({ state, from: before }) : null,
    beforeWord: state === null ? 'Previous' : 'First',
    next: next === undefined ? null : path({ state, from: next.mapIndex }),
  }
}

/** The strip, the chips and the list. */
async function mappedView(web: Web, run: RunListRow, taskId: string, strip: Strip, query: Query, now: number) {
  const path: Link = (values) => withQuery(taskPath(run.dagId, run.runId, taskId), values)
  const state = readState(query)
  const from = Math.min(query.int('from', 0) ?? 0, 2 ** 31 - 2)
  const found = await pageMapped(web.database, run.id, taskId, filterOf(state, from), PAGE + 1)
  const rows = found.slice(0, PAGE)
  const shown = shownOf(rows)
  return {
    ...stripView(strip, state, path, shown),
    ...pagerView(state, from, found[PAGE], path),
    total: strip.total.toLocaleString('en'),
    state: stateOf(worstOf(strip.tally)),
    chips: chipsView(strip, state, path),
    rows: rows.map((row) => rowView(row, path({ map_index: row.mapIndex }), now)),
    hasNames: rows.some((row) => row.renderedMapIndex !== null),
    shown,
  }
}

export async function mappedPage(
  web: Web,
  run: RunListRow,
  taskId: string,
  strip: Strip,
  query: Query,
): Promise<PageView> {
  const now = Date.now()
  const task = await findTask(web, run, taskId)
  const view = await mappedView(web, run, taskId, strip, query, now)
  return {
    section: 'dags',
    crumbs: dagCrumbs(run.dagId, runCrumb(run, now), { text: taskId, href: taskPath(run.dagId, run.runId, taskId) }),
    sentence: mappedSentence(taskId, strip),
    topics: `run:${run.id}`,
    zone: zoneName(run.timezone, now),
    view: {
      ...view,
      task: taskId,
      interval: runInterval(run, now),
      run: runView(run, now),
      operator: task?.operator ?? null,
      zone: run.timezone,
      zoneName: zoneName(run.timezone, now),
      now,
    },
  }
}
