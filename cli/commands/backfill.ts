// `dagctl backfill …`: Airflow's create with its options, and what Airflow has only in its pages: list, show, pause, cancel.

import type { Command } from 'commander'
import { REPROCESS_BEHAVIORS } from '../../core/backfill.ts'
import { BaramError, notFound } from '../../core/errors.ts'
import { localTexts } from '../../core/timetables/zone.ts'
import {
  type BackfillDate,
  type BackfillRequest,
  cancelBackfill,
  createBackfill,
  pauseBackfill,
  previewBackfill,
} from '../../engine/runs/backfill.ts'
import { type BackfillRow, getBackfill, listBackfillDates, listBackfills } from '../../store/postgres/backfills.ts'
import { time, wholeNumber } from '../arguments.ts'
import { CLI_ACTOR, everything, readJsonObject, withContext, withOutput } from '../context.ts'
import { type Confirmable, confirm, withControl } from '../control.ts'
import { count } from '../count.ts'
import { requireDag } from '../lookup.ts'
import { printRows, readFormat, tell, when } from '../output.ts'
import { printPreview } from '../preview.ts'

interface CreateFlags extends Confirmable {
  readonly output: string
  readonly dagId: string
  readonly fromDate: number
  readonly toDate: number
  readonly dagRunConf?: string
  readonly runBackwards?: boolean
  readonly maxActiveRuns: number
  readonly reprocessBehavior: string
  readonly runOnLatestVersion: boolean
}

function requestOf(flags: CreateFlags): BackfillRequest {
  const reprocess = REPROCESS_BEHAVIORS.find((known) => known === flags.reprocessBehavior)
  if (reprocess === undefined)
    throw new BaramError(
      'INPUT_INVALID',
      `--reprocess-behavior is one of ${REPROCESS_BEHAVIORS.join(', ')}; found ${flags.reprocessBehavior}`,
    )
  return {
    dagId: flags.dagId,
    from: flags.fromDate,
    to: flags.toDate,
    isReverse: flags.runBackwards === true,
    reprocess,
    conf: flags.dagRunConf === undefined ? null : readJsonObject(flags.dagRunConf, '--dag-run-conf'),
    maxActiveRuns: flags.maxActiveRuns,
    onLatestVersion: flags.runOnLatestVersion,
  }
}

const DATE_COLUMNS = ['logical_date', 'local', 'timezone', 'run_id', 'what']

const dateRow = ({ run, existing, exception }: BackfillDate, timezone: string) => ({
  logical_date: when(run.logicalDate),
  local: localTexts(run.logicalDate, timezone).ts,
  timezone,
  run_id: existing?.runId ?? '',
  what: exception ?? (existing === null ? 'new run' : `cleared (${existing.state})`),
})

async function create(flags: CreateFlags): Promise<void> {
  const format = readFormat(flags.output)
  const request = requestOf(flags)
  await withControl(async (context) => {
    const { timezone } = await requireDag(context, request.dagId)
    const dates = await previewBackfill(context, request)
    const runs = dates.filter((date) => date.exception === null)
    if (flags.dryRun === true || flags.yes !== true)
      printPreview(
        dates.map((date) => dateRow(date, timezone)),
        format,
        DATE_COLUMNS,
        'what',
      )
    const left = dates.length - runs.length
    tell(
      `${count(runs.length, 'run')}, at most ${request.maxActiveRuns} at a time${left === 0 ? '' : `; ${count(left, 'date')} left as they are`}.`,
    )
    if (!(await confirm(`Backfill ${request.dagId} with ${count(runs.length, 'run')}?`, flags))) return
    const id = await createBackfill(context, request, CLI_ACTOR)
    const row = await getBackfill(context.database, id)
    printRows(row === null ? [] : [backfillRow(row)], format, BACKFILL_COLUMNS)
  })
}

const BACKFILL_COLUMNS = ['id', 'state', 'from_date', 'to_date', 'runs', 'success', 'failed']

const backfillRow = (row: BackfillRow) => ({
  id: row.id,
  dag_id: row.dagId,
  from_date: when(row.fromDate),
  to_date: when(row.toDate),
  state: row.completedAt !== null ? 'completed' : row.isPaused ? 'paused' : 'running',
  runs: row.dates - row.withoutRun,
  success: row.success,
  failed: row.failed,
  running: row.running,
  queued: row.queued,
  max_active_runs: row.maxActiveRuns,
  reprocess_behavior: row.reprocessBehavior,
})

async function printList(flags: { output: string; dagId: string }): Promise<void> {
  const format = readFormat(flags.output)
  await withContext(async (context) => {
    await requireDag(context, flags.dagId)
    const { rows } = await listBackfills(context.database, flags.dagId, everything)
    printRows(rows.map(backfillRow), format, BACKFILL_COLUMNS)
  })
}

async function show(id: number, flags: { output: string }): Promise<void> {
  const format = readFormat(flags.output)
  await withContext(async ({ database }) => {
    const rows = await listBackfillDates(database, id, everything.limit)
    if (rows.length === 0) throw notFound('backfill', id)
    printRows(
      rows.map((row) => ({
        logical_date: when(row.logicalDate),
        run_id: row.runId,
        state: row.state,
        without_run: row.exceptionReason,
      })),
      format,
      ['logical_date', 'run_id', 'state', 'without_run'],
    )
  })
}

async function pause(id: number, isPaused: boolean): Promise<void> {
  await withContext(async (context) => {
    await pauseBackfill(context, { id, isPaused }, CLI_ACTOR)
    tell(isPaused ? 'Paused: no more of its runs start.' : 'Goes on.')
  })
}

async function cancel(id: number, flags: Confirmable): Promise<void> {
  await withControl(async (context) => {
    const row = await getBackfill(context.database, id)
    if (row === null) throw notFound('backfill', id)
    const question = `Cancel backfill ${id} of ${row.dagId}: ${count(row.queued, 'queued run')} fail, ${row.running} that run go on?`
    if (!(await confirm(question, flags))) return
    await cancelBackfill(context, id, CLI_ACTOR)
    tell(`Cancelled backfill ${id}.`)
  })
}

const backfillId = wholeNumber('the id of a backfill', { least: 1 })

export function addBackfillCommands(program: Command): void {
  const backfill = program.command('backfill').description('runs for a range of past dates')
  withOutput(backfill.command('create').description('make runs for the dates of a range'))
    .requiredOption('--dag-id <id>', 'the DAG')
    .requiredOption('--from-date <time>', 'first logical date, ISO; UTC without a zone', time('--from-date'))
    .requiredOption('--to-date <time>', 'last logical date, inclusive', time('--to-date'))
    .option('--dag-run-conf <json>', 'configuration of the runs, a JSON object')
    .option('--run-backwards', 'the newest date first')
    .option(
      '--max-active-runs <n>',
      'runs of it at a time, beside those of the schedule',
      wholeNumber('--max-active-runs', { least: 1 }),
      10,
    )
    .option('--reprocess-behavior <which>', 'dates that have a run: none, completed or failed are run again', 'none')
    .option('--no-run-on-latest-version', 'runs that exist go on with the version they were made from')
    .option('--dry-run', 'only show the dates')
    .option('-y, --yes', 'do it without asking')
    .action(create)
  withOutput(backfill.command('list').description('backfills of a DAG'))
    .requiredOption('--dag-id <id>', 'the DAG')
    .action(printList)
  withOutput(
    backfill
      .command('show')
      .argument('<id>', 'see `dagctl backfill list`', backfillId)
      .description('the dates of a backfill and their runs'),
  ).action(show)
  for (const [verb, isPaused, text] of [
    ['pause', true, 'start no more of its runs'],
    ['unpause', false, 'go on'],
  ] as const)
    backfill
      .command(verb)
      .argument('<id>', 'see `dagctl backfill list`', backfillId)
      .description(text)
      .action((id: number) => pause(id, isPaused))
  backfill
    .command('cancel')
    .argument('<id>', 'see `dagctl backfill list`', backfillId)
    .description('its queued runs fail, those that run go on')
    .option('-y, --yes', 'do it without asking')
    .action(cancel)
}
