// A mapped task as a whole: its sentence, the strip of all its instances, and a list of some of them.

import { duration } from '../../../../core/times.ts'
import { listBuckets, type MappedRow, pageMapped } from '../../../../store/postgres/read-mapped.ts'
import type { RunListRow } from '../../../../store/postgres/read-runs.ts'
import type { Web } from '../../../deps.ts'
import type { Query } from '../../../http/query.ts'
import { cellState, isCellState, letterOf, stateOf } from '../../../states/cells.ts'
import type { Tally } from '../../../states/tally.ts'
import { worstOf } from '../../../states/tally.ts'
import { controlLinks, dagPath, taskPath, withQuery } from '../../frame/links.ts'
import { say } from '../../frame/page-view.ts'
import { runView } from '../../run/view.ts'
import { readStrip, type Strip, stateName, stripSvg, tallyBar, tallyChips } from './strip.ts'

const BUCKETS = 200
/** Up to so many instances are shown as rows alone. */
const FEW = 24
const PAGE = 200
/** Instances a side panel lists. */
const PANEL_ROWS = 24
const PANEL_WORST = 8

/** The instances of a mapped task in few lines; null when the run has none of it. */
export async function loadStrip(web: Web, dagRunId: number, taskId: string): Promise<Strip | null> {
  const rows = await listBuckets(web.database, dagRunId, taskId, BUCKETS)
  return rows.length === 0 ? null : readStrip(rows)
}

const countOf = (tally: Tally, ...states: string[]): number => {
  const letters = new Set(states.map(letterOf))
  return tally.reduce((sum, [letter, n]) => sum + (letters.has(letter) ? n : 0), 0)
}

export function mappedSentence(task: string, { tally, total }: Strip) {
  const of = total.toLocaleString('en')
  const values = (n: number) => ({ task, n: n.toLocaleString('en'), of, total })
  const failed = countOf(tally, 'failed')
  const ended = countOf(tally, 'success', 'skipped', 'failed', 'upstream_failed', 'removed')
  if (ended < total)
    return failed > 0
      ? say('{task} has done {n} of {of} instances; {failed} failed.', { ...values(ended), failed }, 'task')
      : say('{task} has done {n} of {of} instances.', values(ended), 'task')
  if (failed > 0) return say('{task} failed: {n} of {of} instances.', values(failed), 'task')
  if (countOf(tally, 'upstream_failed') === total)
    return say('{task} did not start: a task before it failed.', values(0), 'task')
  if (countOf(tally, 'skipped') === total)
    return say('All {of} {total#instance#instances} of {task} were skipped.', values(0), 'task')
  const good = countOf(tally, 'success')
  return good === total
    ? say('All {of} {total#instance#instances} of {task} succeeded.', values(0), 'task')
    : say('{n} of {of} {total#instance#instances} of {task} succeeded.', values(good), 'task')
}

function rowView(row: MappedRow, href: string, now: number) {
  const live = row.state === 'running' && row.start_date !== null ? (now - row.start_date) / 1000 : null
  return {
    index: row.map_index,
    name: row.rendered_map_index,
    state: row.state,
    stateName: stateName(row.state),
    tries: row.try_number === 0 ? '—' : `${row.try_number} of ${row.max_tries + 1}`,
    took: duration(row.duration ?? live),
    start: row.start_date,
    href,
  }
}

/** `state` of the address: one of the states, `none` for no state yet. */
function readState(query: Query): string | null {
  const text = query.text('state') ?? ''
  return isCellState(text) ? text : null
}

const filterOf = (state: string | null, from: number) => ({
  from,
  states: state === null ? null : [state],
  withNoState: state === 'none',
})

/** What the page of a mapped task shows. */
export async function mappedView(web: Web, run: RunListRow, taskId: string, strip: Strip, query: Query, now: number) {
  const path = (values: Record<string, string | number | null>) =>
    withQuery(taskPath(run.dag_id, run.run_id, taskId), values)
  const state = readState(query)
  const from = Math.min(query.int('from', 0) ?? 0, 2 ** 31 - 2)
  const found = await pageMapped(web.database, run.id, taskId, filterOf(state, from), PAGE + 1)
  const rows = found.slice(0, PAGE)
  const next = found[PAGE]
  const [first, last] = [rows[0], rows.at(-1)]
  const isMany = strip.total > FEW
  const perBucket = Math.ceil(strip.total / strip.buckets.length)
  return {
    total: strip.total.toLocaleString('en'),
    state: stateOf(worstOf(strip.tally)),
    chips: [
      { state: null, name: 'All', n: strip.total.toLocaleString('en'), isCurrent: state === null, href: path({}) },
      ...tallyChips(strip.tally).map((chip) => ({
        ...chip,
        isCurrent: chip.state === state,
        href: path({ state: chip.state }),
      })),
    ],
    isMany,
    buckets: perBucket > 1 ? `${strip.buckets.length} buckets of ${perBucket}` : `${strip.total} instances`,
    strip: isMany
      ? stripSvg(
          strip,
          (index) => path({ state, from: index }),
          first === undefined || last === undefined ? null : [first.map_index, last.map_index],
        )
      : tallyBar(strip.tally),
    lastIndex: (strip.total - 1).toLocaleString('en'),
    rows: rows.map((row) => rowView(row, path({ map_index: row.map_index }), now)),
    hasNames: rows.some((row) => row.rendered_map_index !== null),
    shown: first === undefined || last === undefined ? null : { first: first.map_index, last: last.map_index },
    before: from > 0 ? path({ state, from: state === null ? Math.max(0, from - PAGE) || null : null }) : null,
    beforeWord: state === null ? 'Previous' : 'First',
    next: next === undefined ? null : path({ state, from: next.map_index }),
  }
}

/** The side panel of a mapped task: all of a few, or those a person must look at first. */
export async function mappedPanel(web: Web, run: RunListRow, taskId: string, strip: Strip, now: number) {
  const worst = stateOf(worstOf(strip.tally))
  const isMany = strip.total > PANEL_ROWS
  const filter = filterOf(isMany ? worst : null, 0)
  const rows = await pageMapped(web.database, run.id, taskId, filter, isMany ? PANEL_WORST : PANEL_ROWS)
  const path = (values: Record<string, string | number | null>) =>
    withQuery(taskPath(run.dag_id, run.run_id, taskId), values)
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
    worstName: isMany ? stateName(cellState(worst)).toLowerCase() : null,
    rows: rows.map((row) => rowView(row, path({ map_index: row.map_index }), now)),
    run: runView(run, now),
    all: path({}),
    close: dagPath(run.dag_id),
    now,
  }
}
