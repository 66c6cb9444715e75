// What a changed DAGs folder would do to a deployment, DAG by DAG, before it is live.

import { type DagChange, planChange } from '../../core/plan-change.ts'
import type { SerializedDag } from '../../core/serialized.ts'
import type { Database } from '../../store/database.ts'
import { findLatestVersion } from '../../store/postgres/dags.ts'
import { databaseNow } from '../../store/postgres/jobs.ts'
import { type DagListRow, listDags } from '../../store/postgres/read-dags.ts'
import { findLastInterval } from '../../store/postgres/runs.ts'
import type { RunCache } from '../transaction/run-cache.ts'
import { versionHashOf } from './sync.ts'

/** A DAG as the folder has it. */
export interface FolderDag {
  readonly dag: SerializedDag
  readonly moduleHash: string
  /** Relative to the folder. */
  readonly file: string
}

export interface Folder {
  readonly dags: readonly FolderDag[]
  /** Files that cannot be read: their DAGs keep their last good version. */
  readonly broken: readonly string[]
  /** Files of stored DAGs that begin so come from elsewhere (the examples): their absence here means nothing. */
  readonly elsewhere: string
}

export interface PlannedDag extends DagChange {
  readonly dagId: string
  readonly file: string
  /** `broken`: its file cannot be read, its last good version runs on. */
  readonly kind: 'new' | 'changed' | 'same' | 'gone' | 'broken'
  /** Version that is live now, and the one that would be. */
  readonly version: number | null
  readonly nextVersion: number | null
  readonly isPaused: boolean
  readonly timezone: string
  readonly schedule: { readonly before: string | null; readonly after: string | null }
}

/** Runs looked ahead of each DAG. */
const AHEAD = 10

interface Stored {
  readonly row: DagListRow
  readonly dag: SerializedDag
  readonly number: number
  readonly hash: string
  readonly isUsed: boolean
}

async function loadStored(database: Database, runCache: RunCache, row: DagListRow): Promise<Stored | null> {
  const latest = await findLatestVersion(database, row.dagId)
  if (latest === null) return null
  const { graph } = await runCache.version(database, latest.id, latest.versionHash)
  const { versionNumber: number, versionHash: hash, isUsed } = latest
  return { row, dag: graph.dag, number, hash, isUsed }
}

function scheduleOf(dag: SerializedDag | null): string | null {
  if (dag === null) return null
  const { timetable } = dag
  switch (timetable.kind) {
    case 'cron':
      return `${timetable.expression} ${timetable.timezone}${timetable.interval ? ', intervals' : ''}`
    case 'crons':
      return `${timetable.expressions.join(' | ')} ${timetable.timezone}`
    case 'delta':
      return `every ${timetable.everyMs / 1000} s${timetable.interval ? ', intervals' : ''}`
    case 'events':
      return `${timetable.at.length} events`
    default:
      return timetable.kind
  }
}

function kindOf(stored: Stored | null, found: FolderDag | undefined, isBroken: boolean): PlannedDag['kind'] {
  if (found === undefined) return isBroken ? 'broken' : 'gone'
  if (stored === null) return 'new'
  return stored.hash === versionHashOf(found.dag, found.moduleHash) ? 'same' : 'changed'
}

async function planOne(
  database: Database,
  stored: Stored | null,
  found: FolderDag | undefined,
  isBroken: boolean,
  now: number,
): Promise<PlannedDag> {
  const kind = kindOf(stored, found, isBroken)
  const before = stored?.dag ?? null
  const after = kind === 'broken' ? before : (found?.dag ?? null)
  const dag = after ?? before
  const dagId = dag?.dagId ?? ''
  const point = { last: await findLastInterval(database, dagId), now, most: AHEAD }
  const next = kind === 'changed' && stored !== null ? (stored.isUsed ? stored.number + 1 : stored.number) : null
  return {
    ...planChange(before, after, point),
    dagId,
    file: found?.file ?? stored?.row.relativeFileloc ?? '',
    kind,
    version: stored?.number ?? null,
    nextVersion: kind === 'new' ? 1 : next,
    isPaused: stored?.row.isPaused ?? after?.isPausedUponCreation ?? true,
    timezone: dag?.timezone ?? 'UTC',
    schedule: { before: scheduleOf(before), after: scheduleOf(after) },
  }
}

/** The plan of a folder against what is stored now; changes nothing. */
export async function planFolder(
  database: Database,
  runCache: RunCache,
  folder: Folder,
): Promise<readonly PlannedDag[]> {
  const now = await databaseNow(database)
  const { rows } = await listDags(database, { excludeStale: true }, { limit: 100_000, offset: 0, order: [] })
  const stored = new Map<string, Stored>()
  const found = new Map(folder.dags.map((dag) => [dag.dag.dagId, dag]))
  for (const row of rows) {
    if (!found.has(row.dagId) && row.relativeFileloc.startsWith(folder.elsewhere)) continue
    const known = await loadStored(database, runCache, row)
    if (known !== null) stored.set(row.dagId, known)
  }
  const ids = [...new Set([...stored.keys(), ...found.keys()])].sort()
  const planned: PlannedDag[] = []
  for (const id of ids) {
    const own = stored.get(id) ?? null
    const isBroken = folder.broken.includes(own?.row.relativeFileloc ?? '')
    planned.push(await planOne(database, own, found.get(id), isBroken, now))
  }
  return planned
}
