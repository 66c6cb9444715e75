// The data of a DAG's runs: what each try read from and wrote to, which file became how many rows of which table.

import type { Request } from 'express'
import { duration, zoneName } from '../../../../core/times.ts'
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

/** `lag 0 · 8,412 rows/s · newest 3 s old` */
function streamText({ lag, rowsPerSecond, freshness }: EffectRow): string | null {
  if (lag === null) return null
  const parts = [`lag ${count(lag)}`, `${count(Math.round(rowsPerSecond ?? 0))} rows/s`]
  if (freshness !== null) parts.push(`newest ${duration(freshness)} old`)
  return parts.join(' · ')
}

const sumsUp = (row: Pick<EffectRow, 'rowsRead' | 'rowsWritten' | 'rowsRejected'>): boolean =>
  row.rowsRead === row.rowsWritten + row.rowsRejected

function effectView(row: EffectRow) {
  return {
    task: row.mapIndex === -1 ? row.taskId : `${row.taskId} [${row.mapIndex}]`,
    tryNumber: row.tryNumber,
    kind: KINDS[row.kind],
    target: row.target,
    read: count(row.rowsRead),
    written: count(row.rowsWritten),
    rejected: count(row.rowsRejected),
    isRejected: row.rowsRejected > 0,
    isWrong: !sumsUp(row),
    isSuperseded: row.isSuperseded,
    bytes: row.bytes === null ? null : byteText(row.bytes),
    checksum: row.checksum,
    shortChecksum: row.checksum === null ? null : row.checksum.replace(/^(\w+:)?(\w{12}).*$/, '$1$2…'),
    offsets: offsetsText(row.offsets),
    stream: streamText(row),
  }
}

/** A line of the run's panel: one a task and kind of place. */
export const sumView = (row: EffectSum) => ({
  task: row.taskId,
  kind: KINDS[row.kind],
  target: row.places === 1 ? row.target : `${count(row.places)} places, such as ${row.target}`,
  read: count(row.rowsRead),
  written: count(row.rowsWritten),
  rejected: row.rowsRejected === 0 ? null : count(row.rowsRejected),
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
  const run = runId === null ? null : await getRun(web.database, dagId, runId)
  if (runId !== null && run === null) throw notFound(`There is no run ${runId} of ${dagId}.`)
  const runs = run === null ? recent : [run]
  const rows = await listEffects(
    web.database,
    runs.map((run) => run.id),
    MOST_ROWS,
  )
  const byRun = groupByRun(rows)
  return {
    section: 'dags',
    crumbs: dagCrumbs(dagId, { text: 'Data', href: dagPath(dagId, '/data') }),
    sentence: dagSentence(basics.row, recent),
    topics: run === null ? `dag:${dagId}` : `run:${run.id}`,
    zone: zoneName(basics.row.timezone, now),
    view: {
      ...headView(basics, 'data', runId, now),
      all: run === null ? null : dagPath(dagId, '/data'),
      runs: runs
        .filter((run) => byRun.has(run.id))
        .map((run) => ({
          ...runView(run, now),
          only: withQuery(dagPath(dagId, '/data'), { run: run.runId }),
          effects: (byRun.get(run.id) ?? []).map((row) => ({
            ...effectView(row),
            href: withQuery(taskPath(dagId, run.runId, row.taskId), {
              map_index: row.mapIndex === -1 ? null : row.mapIndex,
              try: row.tryNumber,
            }),
          })),
        })),
      isCut: rows.length === MOST_ROWS,
    },
  }
}

function groupByRun(rows: readonly EffectRow[]): ReadonlyMap<number, readonly EffectRow[]> {
  const found = new Map<number, EffectRow[]>()
  for (const row of rows) found.set(row.dagRunId, [...(found.get(row.dagRunId) ?? []), row])
  return found
}
