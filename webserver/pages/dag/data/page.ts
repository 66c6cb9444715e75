// The data of a DAG's runs: what each try read from and wrote to, which file became how many rows of which table.

import type { Request } from 'express'
import { zoneName } from '../../../../core/times.ts'
import { type EffectRow, type EffectSum, listEffects, sumEffects } from '../../../../store/postgres/effects.ts'
import { getRun } from '../../../../store/postgres/read-runs.ts'
import type { Web } from '../../../deps.ts'
import { notFound } from '../../../http/errors.ts'
import { Query } from '../../../http/query.ts'
import { dagCrumbs, dagPath, taskPath, withQuery } from '../../frame/links.ts'
import type { PageView } from '../../frame/page-view.ts'
import { runView } from '../../run/view.ts'
import { loadBasics, loadRuns } from '../head/basics.ts'
import { dagSentence } from '../head/sentence.ts'
import { headView } from '../head/view.ts'
import { byteText } from './bytes.ts'

const KINDS: Readonly<Record<EffectRow['kind'], string>> = {
  source: 'source',
  file: 'file',
  lake: 'lake',
  warehouse: 'warehouse',
  event_log: 'event log',
  index: 'index',
  table: 'table',
}

const count = (n: number): string => n.toLocaleString('en')

function offsetsText(offsets: EffectRow['offsets']): string | null {
  if (offsets === null || offsets === undefined) return null
  return Object.entries(offsets)
    .map(([partition, [first, last]]) => `${partition}: ${first}–${last}`)
    .join(', ')
}

const sumsUp = (row: Pick<EffectRow, 'rows_read' | 'rows_written' | 'rows_rejected'>): boolean =>
  row.rows_read === row.rows_written + row.rows_rejected

function effectView(row: EffectRow) {
  return {
    task: row.map_index === -1 ? row.task_id : `${row.task_id} [${row.map_index}]`,
    tryNumber: row.try_number,
    kind: KINDS[row.kind],
    target: row.target,
    read: count(row.rows_read),
    written: count(row.rows_written),
    rejected: count(row.rows_rejected),
    isRejected: row.rows_rejected > 0,
    isWrong: !sumsUp(row),
    isSuperseded: row.is_superseded,
    bytes: row.bytes === null ? null : byteText(row.bytes),
    checksum: row.checksum,
    shortChecksum: row.checksum === null ? null : row.checksum.replace(/^(\w+:)?(\w{12}).*$/, '$1$2…'),
    offsets: offsetsText(row.offsets),
  }
}

/** A line of the run's panel: one a task and kind of place. */
export const sumView = (row: EffectSum) => ({
  task: row.task_id,
  kind: KINDS[row.kind],
  target: row.places === 1 ? row.target : `${count(row.places)} places, such as ${row.target}`,
  read: count(row.rows_read),
  written: count(row.rows_written),
  rejected: row.rows_rejected === 0 ? null : count(row.rows_rejected),
  isWrong: !sumsUp(row),
})

/** The sums of a run, for its panel. */
export const loadSums = async (web: Web, dagRunId: number) => (await sumEffects(web.database, dagRunId)).map(sumView)

const MOST_RUNS = 36
const MOST_ROWS = 1_000

export async function effectsPage(web: Web, req: Request): Promise<PageView> {
  const now = Date.now()
  const dagId = String(req.params['dag_id'] ?? '')
  const runId = new Query(req).text('run') ?? null
  const [basics, recent] = await Promise.all([loadBasics(web, dagId), loadRuns(web, dagId, MOST_RUNS)])
  const one = runId === null ? null : await getRun(web.database, dagId, runId)
  if (runId !== null && one === null) throw notFound(`There is no run ${runId} of ${dagId}.`)
  const runs = one === null ? recent : [one]
  const rows = await listEffects(
    web.database,
    runs.map((run) => run.id),
    MOST_ROWS,
  )
  const byRun = groupByRun(rows)
  return {
    place: 'dags',
    crumbs: dagCrumbs(dagId, { text: 'Data', href: dagPath(dagId, '/data') }),
    sentence: dagSentence(basics.row, recent),
    topics: one === null ? `dag:${dagId}` : `run:${one.id}`,
    zone: zoneName(basics.row.timezone, now),
    view: {
      ...headView(basics, 'data', runId, now),
      all: one === null ? null : dagPath(dagId, '/data'),
      runs: runs
        .filter((run) => byRun.has(run.id))
        .map((run) => ({
          ...runView(run, now),
          only: withQuery(dagPath(dagId, '/data'), { run: run.run_id }),
          effects: (byRun.get(run.id) ?? []).map((row) => ({
            ...effectView(row),
            href: withQuery(taskPath(dagId, run.run_id, row.task_id), {
              map_index: row.map_index === -1 ? null : row.map_index,
              try: row.try_number,
            }),
          })),
        })),
      isCut: rows.length === MOST_ROWS,
    },
  }
}

function groupByRun(rows: readonly EffectRow[]): ReadonlyMap<number, readonly EffectRow[]> {
  const found = new Map<number, EffectRow[]>()
  for (const row of rows) found.set(row.dag_run_id, [...(found.get(row.dag_run_id) ?? []), row])
  return found
}
