// The list of DAGs: the sentence, filters, and a row each with its schedule, next and last run and the bars of its past.

import type { Request } from 'express'
import { zoneName } from '../../../core/times.ts'
import {
  countDags,
  type DagCounts,
  type DagListPage,
  type DagListSort,
  type DagListState,
  type ListedDag,
  pageDags,
} from '../../../store/postgres/dag-list.ts'
import { findWarnedDags } from '../../../store/postgres/dag-warnings.ts'
import { listImportErrors } from '../../../store/postgres/read-admin.ts'
import { type RecentRun, recentRuns } from '../../../store/postgres/read-runs.ts'
import type { Web } from '../../deps.ts'
import { Query } from '../../http/query.ts'
import { withQuery } from '../frame/links.ts'
import type { PageView } from '../frame/page-view.ts'
import { pageZone } from '../run/view.ts'
import { type Asked, fromText, keysOf, PAGE, readAsked, SORTS, STATES } from './asked.ts'
import { BARS } from './bars.ts'
import { dagView } from './row.ts'
import { listSentence } from './sentence.ts'

function byDag(recent: readonly RecentRun[]): ReadonlyMap<string, readonly RecentRun[]> {
  const found = new Map<string, RecentRun[]>()
  for (const run of recent) {
    const list = found.get(run.dagId)
    if (list === undefined) found.set(run.dagId, [run])
    else list.push(run)
  }
  return found
}

/** The rows of one page, and whether there are others on either side. */
function cut(rows: readonly ListedDag[], page: DagListPage) {
  const hasMore = rows.length > PAGE
  const shown = page.isBackward ? rows.slice(hasMore ? 1 : 0) : rows.slice(0, PAGE)
  return {
    shown,
    before: (page.isBackward ? hasMore : page.from !== null) ? fromText(shown[0]) : null,
    after: page.isBackward || hasMore ? fromText(shown.at(-1)) : null,
  }
}

type Change = Readonly<Record<string, string | number | null>>

/** What every link of the list keeps of its address. */
const keptOf = ({ find, state, page }: Asked) => ({
  q: find,
  state: state === 'all' ? null : state,
  sort: page.sort === 'name' ? null : page.sort,
  desc: page.isDescending === (page.sort === 'last') ? null : Number(page.isDescending),
})

/** Late is offered only while a DAG is. */
const statesView = (counts: DagCounts, state: DagListState, link: (change: Change) => string) =>
  keysOf(STATES)
    .filter((key) => key !== 'late' || counts.late > 0 || state === 'late')
    .map((key) => ({
      name: STATES[key],
      n: counts[key].toLocaleString('en'),
      isCurrent: key === state,
      href: link({ state: key === 'all' ? null : key }),
    }))

/** A head of the table sorts by it; of the current one it turns the order. The newest last run comes first. */
function sortView(key: DagListSort, page: DagListPage, link: (change: Change) => string) {
  const isCurrent = key === page.sort
  const isDown = isCurrent ? !page.isDescending : key === 'last'
  return {
    name: SORTS[key],
    href: link({ sort: key === 'name' ? null : key, desc: isDown === (key === 'last') ? null : Number(isDown) }),
    order: isCurrent ? (page.isDescending ? 'descending' : 'ascending') : null,
  }
}

async function rowsView(web: Web, shown: readonly ListedDag[], zone: string, now: number) {
  const ids = shown.map((row) => row.dagId)
  const [recent, warned] = await Promise.all([recentRuns(web.database, ids, BARS), findWarnedDags(web.database, ids)])
  const runs = byDag(recent)
  return shown.map((row) => dagView(row, runs.get(row.dagId) ?? [], { zone, hasWarnings: warned.has(row.dagId) }, now))
}

const NEWEST_ERROR = { limit: 1, offset: 0, order: [{ key: 'timestamp', isDescending: true }] }

export async function dagsPage(web: Web, req: Request): Promise<PageView> {
  const now = Date.now()
  const asked = readAsked(new Query(req))
  const { find, state, page } = asked
  const [counts, rows, errors] = await Promise.all([
    countDags(web.database, find),
    pageDags(web.database, { find, state }, page),
    listImportErrors(web.database, {}, NEWEST_ERROR),
  ])
  const { shown, before, after } = cut(rows, page)
  const zone = pageZone(shown)
  const kept = keptOf(asked)
  const link = (change: Change) => withQuery('/dags', { ...kept, ...change })
  const [error] = errors.rows
  return {
    section: 'dags',
    crumbs: [{ text: 'DAGs', href: '/dags' }],
    sentence: listSentence(counts, find === '' ? errors.total : 0),
    topics: 'dags',
    zone: zoneName(zone, now),
    scripts: ['dags.js'],
    view: {
      dags: await rowsView(web, shown, zone, now),
      shown: shown.length,
      total: counts[state].toLocaleString('en'),
      hasNone: counts.all === 0 && find === '',
      folder: web.config.dagsFolder,
      find,
      kept,
      states: statesView(counts, state, link),
      sorts: Object.fromEntries(keysOf(SORTS).map((key) => [key, sortView(key, page, link)])),
      before: before === null ? null : link({ before }),
      after: after === null ? null : link({ after }),
      broken: errors.total,
      error: error === undefined ? null : { file: error.filename, href: `/errors/${error.id}` },
      now,
    },
  }
}
