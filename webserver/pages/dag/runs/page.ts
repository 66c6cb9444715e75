// The runs of one DAG, or of all, page by page.

import type { Request } from 'express'
import { isStorableInstant } from '../../../../core/storable.ts'
import { zoneName } from '../../../../core/times.ts'
import {
  countRuns,
  MOST_COUNTED,
  pageRuns,
  type RunCursor,
  type RunListRow,
} from '../../../../store/postgres/read-runs.ts'
import type { Web } from '../../../deps.ts'
import { Query } from '../../../http/query.ts'
import { STATE_NAMES } from '../../../states/cells.ts'
import { dagCrumbs, dagPath, withQuery } from '../../frame/links.ts'
import { type PageView, say } from '../../frame/page-view.ts'
import type { Part } from '../../frame/sentence.ts'
import { pageZone, runView } from '../../run/view.ts'
import { type DagBasics, loadBasics } from '../head/basics.ts'
import { dagSentence } from '../head/sentence.ts'
import { headView } from '../head/view.ts'

/** Runs a page. */
const PAGE = 50

/** `<run_after>_<row id>` of the last run shown. */
const cursorOf = (run: RunListRow | undefined): string | null =>
  run === undefined ? null : `${run.runAfter}_${run.id}`

/** One that nobody has made is as none. */
function readCursor(text: string | undefined): RunCursor | null {
  const [, runAfter, id] = /^(-?\d{1,15})_(\d{1,15})$/.exec(text ?? '') ?? []
  const cursor = { runAfter: Number(runAfter), id: Number(id) }
  return isStorableInstant(cursor.runAfter) && id !== undefined ? cursor : null
}

const totalText = (total: number): string => `${total.toLocaleString('en')}${total === MOST_COUNTED ? ' or more' : ''}`

function runsSentence(total: number, state: string | null): Part[] {
  const n = totalText(total)
  if (total === 0) return say('No runs.')
  if (total === 1) return state === null ? say('One run.') : say('One {state} run.', { state })
  return state === null ? say('{n} runs.', { n }) : say('{n} {state} runs.', { n, state })
}

const STATES = ['running', 'queued', 'failed', 'success'] as const

interface RunFilter {
  readonly dagId: string | null
  readonly state: string | null
  readonly version: number | null
}

/** What leads to other runs: of another state, of all versions, older and newest ones. */
function runLinks(
  { dagId, state, version }: RunFilter,
  before: RunCursor | null,
  hasMore: boolean,
  last: RunListRow | undefined,
) {
  const path = runsPath(dagId)
  return {
    states: [null, ...STATES].map((name) => ({
      name: name === null ? 'All' : STATE_NAMES[name],
      state: name,
      isCurrent: name === state,
      href: withQuery(path, { state: name, version }),
    })),
    version: version === null ? null : { n: version, all: withQuery(path, { state }) },
    more: hasMore ? withQuery(path, { state, version, before: cursorOf(last) }) : null,
    newest: before === null ? null : withQuery(path, { state, version }),
  }
}

const runsPath = (dagId: string | null): string => (dagId === null ? '/runs' : dagPath(dagId, '/runs'))

/** The frame's part: of one DAG below its head, or a page of its own. */
function runsFrame(dagId: string | null, basics: DagBasics | null, shown: readonly RunListRow[], words: Part[]) {
  if (dagId === null || basics === null)
    return {
      section: 'runs' as const,
      crumbs: [{ text: 'Runs', href: '/runs' }],
      sentence: words,
      topics: 'dags',
    }
  return {
    section: 'dags' as const,
    crumbs: dagCrumbs(dagId, { text: 'Runs', href: runsPath(dagId) }),
    sentence: dagSentence(basics.row, shown),
    topics: `dag:${dagId}`,
  }
}

export async function runsPage(web: Web, req: Request, dagId: string | null): Promise<PageView> {
  const now = Date.now()
  const query = new Query(req)
  const before = readCursor(query.text('before'))
  const filter = { dagId, state: query.text('state') ?? null, version: query.int('version', 1) ?? null }
  const basics = dagId === null ? null : await loadBasics(web, dagId)
  const [runs, total] = await Promise.all([
    pageRuns(web.database, filter, before, PAGE + 1),
    countRuns(web.database, filter),
  ])
  const shown = runs.slice(0, PAGE)
  const zone = basics?.row.timezone ?? pageZone(shown)
  return {
    ...runsFrame(dagId, basics, shown, runsSentence(total, filter.state)),
    zone: zoneName(zone, now),
    view: {
      ...(basics === null ? { dag: null, tabs: [], now } : headView(basics, 'runs', null, now)),
      ...runLinks(filter, before, runs.length > PAGE, shown.at(-1)),
      runs: shown.map((run) => runView(run, now, zone)),
      shown: shown.length,
      total: totalText(total),
    },
  }
}
