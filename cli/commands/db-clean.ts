// `dagctl db clean`: deletes finished runs and what else has its age, with Airflow's options.

import type { Command } from 'commander'
import { BaramError } from '../../core/errors.ts'
import {
  CLEANED_TABLES,
  type Cleaned,
  type CleanedTable,
  type CleanPreview,
  type CleanRequest,
  clean,
  previewClean,
} from '../../engine/admin/clean.ts'
import type { DeletedRuns, OldRunsOfDag } from '../../engine/runs/delete-old.ts'
import { databaseNow } from '../../store/postgres/jobs.ts'
import type { KeptBecause } from '../../store/postgres/old-runs.ts'
import { age, names, time } from '../arguments.ts'
import { type Confirmable, confirm } from '../confirm.ts'
import { CLI_ACTOR, withContext } from '../context.ts'
import { count, withSeparators } from '../count.ts'
import { localDags } from '../deployment/local/dags.ts'
import { requireDag } from '../lookup.ts'
import { withOutput } from '../options.ts'
import { readFormat, setExitCode, tell, when } from '../output.ts'
import { printPreview } from '../preview.ts'
import type { Context } from '../wire.ts'

interface Flags extends Confirmable {
  readonly output: string
  readonly cleanBeforeTimestamp?: number
  readonly olderThan?: number
  readonly dagIds?: readonly string[]
  readonly excludeDagIds?: readonly string[]
  readonly tables?: readonly string[]
  readonly skipArchive?: boolean
  readonly verbose?: boolean
}

/** Go with their run. */
const OF_RUNS: ReadonlySet<string> = new Set([
  ...['task_instance', 'task_instance_history', 'xcom', 'rendered_task_instance_fields', 'trigger', 'deadline'],
  ...['backfill_dag_run', 'task_reschedule', 'ti_event', 'effect', 'report'],
])

function readTables(given: readonly string[] | undefined): readonly CleanedTable[] {
  for (const name of given ?? []) {
    if (CLEANED_TABLES.some((table) => table === name)) continue
    const instead = OF_RUNS.has(name)
      ? 'its rows go with their runs: name dag_run'
      : 'what else expires, the scheduler deletes by its settings (docs/operating.md#what-is-deleted-by-itself)'
    throw new BaramError(
      'INPUT_INVALID',
      `--tables takes ${CLEANED_TABLES.join(', ')}; found ${JSON.stringify(name)}: ${instead}`,
    )
  }
  return given === undefined ? CLEANED_TABLES : CLEANED_TABLES.filter((table) => given.includes(table))
}

function readBefore({ cleanBeforeTimestamp, olderThan }: Flags, now: number): number {
  if ((cleanBeforeTimestamp === undefined) === (olderThan === undefined))
    throw new BaramError(
      'INPUT_INVALID',
      'say how old: either --clean-before-timestamp 2026-01-01T00:00:00Z or --older-than 90d',
    )
  const before = cleanBeforeTimestamp ?? now - (olderThan ?? 0)
  if (before <= now) return before
  throw new BaramError(
    'INPUT_INVALID',
    `--clean-before-timestamp must not lie ahead: found ${when(before)}, it is ${when(now)} on the database's clock`,
  )
}

async function readRequest(context: Context, flags: Flags): Promise<CleanRequest> {
  const { dagIds = null, excludeDagIds = [] } = flags
  const tables = readTables(flags.tables)
  const before = readBefore(flags, await databaseNow(context.database))
  // A slip in a name that is excluded would delete what was to stay.
  for (const dagId of [...(dagIds ?? []), ...excludeDagIds]) await requireDag(localDags(context), dagId)
  return { before, dagIds, exceptDagIds: excludeDagIds, tables }
}

const KEPT: Readonly<Record<KeptBecause, string>> = {
  newest: 'newest of a DAG',
  past: 'the next run looks at it',
  backfill: 'in a backfill in progress',
  requested: 'asked to run again',
  alert: 'an alert is still to come',
}

/** `1 newest of a DAG, 2 in a backfill in progress`. */
const keptText = (kept: DeletedRuns['kept']): string =>
  Object.entries(kept)
    // The keys of that record.
    .map(([because, n]) => `${withSeparators(n)} ${KEPT[because as KeptBecause]}`)
    .join(', ')

const COLUMNS = ['table', 'dag_id', 'rows', 'task_instances', 'oldest', 'newest', 'kept']

const runRow = ({ dagId, runs, taskInstances, oldest, newest, kept }: OldRunsOfDag) => ({
  table: 'dag_run',
  dag_id: dagId,
  rows: runs,
  task_instances: taskInstances,
  oldest: when(oldest),
  newest: when(newest),
  kept: keptText(kept),
})

/** @param isVerbose also DAGs of which every old run stays */
function rowsOf({ runs, backfills, audit }: CleanPreview, isVerbose: boolean) {
  const none = { task_instances: null, kept: '' }
  return [
    ...runs.filter((dag) => dag.runs > 0 || isVerbose).map(runRow),
    ...backfills.map(({ dagId, n }) => ({
      table: 'backfill',
      dag_id: dagId,
      rows: n,
      oldest: '',
      newest: '',
      ...none,
    })),
    ...(audit.rows === 0
      ? []
      : [
          {
            table: 'log',
            dag_id: '',
            rows: audit.rows,
            oldest: when(audit.oldest),
            newest: when(audit.newest),
            ...none,
          },
        ]),
  ]
}

const sum = <T>(items: readonly T[], of: (item: T) => number): number => items.reduce((n, item) => n + of(item), 0)

const AUDIT_ROWS = ['row of the audit log', 'rows of the audit log'] as const

/** What would go, as a list; empty = nothing. */
function nameAll({ runs, backfills, audit, unfinished }: CleanPreview): readonly string[] {
  const n = sum(runs, (dag) => dag.runs)
  const dags = runs.filter((dag) => dag.runs > 0)
  const instances = sum(dags, (dag) => dag.taskInstances)
  const over = sum(backfills, (dag) => dag.n)
  return [
    n > 0 && `${count(n, 'run')} of ${count(dags.length, 'DAG')} with ${count(instances, 'task instance')}`,
    unfinished > 0 && `the rest of ${count(unfinished, 'run')} that a call before has begun to delete`,
    over > 0 && count(over, 'backfill'),
    audit.rows > 0 && count(audit.rows, ...AUDIT_ROWS),
  ].filter((part) => part !== false)
}

function tellKept(runs: readonly OldRunsOfDag[]): void {
  const kept: Partial<Record<KeptBecause, number>> = {}
  // The keys of that record.
  for (const dag of runs)
    for (const [because, n] of Object.entries(dag.kept) as [KeptBecause, number][])
      kept[because] = (kept[because] ?? 0) + n
  const text = keptText(kept)
  if (text !== '') tell(`Old runs that stay: ${text}.`)
}

/** Between sentences of progress, ms. */
const PROGRESS_MS = 5_000

function progress(): (sofar: DeletedRuns) => void {
  let told = performance.now()
  return ({ runs, taskInstances }) => {
    if (performance.now() - told < PROGRESS_MS) return
    told = performance.now()
    tell(`Deleted ${count(runs, 'run')}, ${count(taskInstances, 'task instance')} so far.`)
  }
}

function tellDone({ runs, backfills, auditRows }: Cleaned): void {
  const parts = [
    runs !== null && `${count(runs.runs, 'run')} with ${count(runs.taskInstances, 'task instance')}`,
    backfills > 0 && count(backfills, 'backfill'),
    auditRows > 0 && count(auditRows, ...AUDIT_ROWS),
  ].filter((part) => part !== false)
  tell(`Deleted ${parts.length === 0 ? 'nothing' : parts.join(', ')}.`)
  if (runs === null) return
  if (runs.locked > 0)
    tell(`${count(runs.locked, 'run')} stayed: another process held them. The same command again deletes them.`)
  for (const { dagRunId, because } of runs.refused) tell(`The database refuses to delete run ${dagRunId}: ${because}`)
  if (runs.refused.length > 0) setExitCode(1)
}

async function cleanNow(flags: Flags): Promise<void> {
  const format = readFormat(flags.output)
  await withContext(async (context) => {
    const request = await readRequest(context, flags)
    const preview = await previewClean(context.database, request)
    printPreview(rowsOf(preview, flags.verbose === true), format, COLUMNS, 'table')
    tellKept(preview.runs)
    const all = nameAll(preview)
    if (all.length === 0) {
      tell(`Nothing to delete from before ${when(request.before)}.`)
      return
    }
    if (flags.skipArchive !== true)
      tell('Nothing is archived: what is deleted is gone. A backup is yours to make first.')
    if (!(await confirm(`Delete ${all.join(', ')}, from before ${when(request.before)}?`, flags))) return
    tellDone(await clean(context, request, CLI_ACTOR, progress()))
  })
}

export function addCleanCommand(db: Command): void {
  withOutput(db.command('clean').description('delete finished runs, and what else is old'))
    .option('--clean-before-timestamp <time>', 'what ended before this', time('--clean-before-timestamp'))
    .option('--older-than <age>', 'what ended longer ago: 12h, 90d, 8w', age('--older-than'))
    .option('--dag-ids <ids>', 'of these DAGs only, with commas between them', names('--dag-ids'))
    .option('--exclude-dag-ids <ids>', 'not of these DAGs', names('--exclude-dag-ids'))
    .option('-t, --tables <tables>', `some of ${CLEANED_TABLES.join(',')}; all if omitted`, names('--tables'))
    .option('--skip-archive', 'known to Airflow; nothing is ever archived here')
    .option('--dry-run', 'only show what it would delete')
    .option('-y, --yes', 'do not ask')
    .option('-v, --verbose', 'also show DAGs of which every old run stays')
    .action(cleanNow)
}
