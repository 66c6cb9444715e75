// Instances of a mapped task: all of them in few lines, and some of them as rows.

import { duration } from '../../../../core/times.ts'
import { listBuckets, type MappedRow } from '../../../../store/postgres/read-mapped.ts'
import type { Web } from '../../../deps.ts'
import { stateName } from '../../../states/words.ts'
import { readStrip, type Strip } from './strip.ts'

const BUCKETS = 200

/** The instances of a mapped task in few lines; null when the run has none of it. */
export async function loadStrip(web: Web, dagRunId: number, taskId: string): Promise<Strip | null> {
  const rows = await listBuckets(web.database, dagRunId, taskId, BUCKETS)
  return rows.length === 0 ? null : readStrip(rows)
}

export function rowView(row: MappedRow, href: string, now: number) {
  const live = row.state === 'running' && row.startDate !== null ? (now - row.startDate) / 1000 : null
  return {
    index: row.mapIndex,
    name: row.renderedMapIndex,
    state: row.state,
    stateName: stateName(row.state),
    tries: row.tryNumber === 0 ? '—' : `${row.tryNumber} of ${row.maxTries + 1}`,
    took: duration(row.duration ?? live),
    start: row.startDate,
    href,
  }
}

export const filterOf = (state: string | null, from: number) => ({
  from,
  states: state === null ? null : [state],
  withNoState: state === 'none',
})
