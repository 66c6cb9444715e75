// `dagctl backfill …`: Airflow's create with its options, and what Airflow has only in its pages: list, show, pause, cancel.

import type { Command } from 'commander'
import { REPROCESS_BEHAVIORS } from '../../core/backfill.ts'
import { BaramError, notFound } from '../../core/errors.ts'
import { localTexts } from '../../core/timetables/zone.ts'
import type { BackfillRequest } from '../../engine/runs/backfill.ts'
import { listBackfillDates } from '../../store/postgres/backfills.ts'
import { readJsonObject, time, wholeNumber } from '../arguments.ts'
import { type Confirmable, confirm } from '../confirm.ts'
import { everything, withContext } from '../context.ts'
import { count } from '../count.ts'
import type { BackfillDateView, BackfillView } from '../deployment/deployment.ts'
import { withDeployment } from '../deployment/open.ts'
import { requireDag } from '../lookup.ts'
import { moment } from '../moment.ts'
import { withOutput } from '../options.ts'
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

const dateRow = ({ run, existing, exception }: BackfillDateView, timezone: string) => ({
  logical_date: when(run.logicalDate),
  local: localTexts(run.logicalDate, timezone).ts,
  timezone,
  run_id: existing?.runId ?? '',
  what: exception ?? (existing === null ? 'new run' : `cleared (${existing.state})`),
})

async function create(flags: CreateFlags): Promise<void> {
  const format = readFormat(flags.output)
  const request = requestOf(flags)
  await withDeployment(async ({ dags, backfills }) => {
    const { timezone } = await requireDag(dags, request.dagId)
    const dates = await backfills.preview(request)
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
    const row = await backfills.find(await backfills.create(request))
    printRows(row === null ? [] : [backfillRow(row, timezone)], format, BACKFILL_COLUMNS)
  })
}

const BACKFILL_COLUMNS = ['id', 'state', 'from_date', 'to_date', 'runs', 'success', 'failed']

const backfillRow = (row: BackfillView, timezone: string) => ({
  id: row.id,
  dag_id: row.dagId,
  from_date: moment(row.fromDate, timezone),
  to_date: moment(row.toDate, timezone),
  state: row.completedAt !== null ? 'completed' : row.isPaused ? 'paused' : 'running',
  runs: row.runs,
  success: row.success,
  failed: row.failed,
  running: row.running,
  queued: row.queued,
  max_active_runs: row.maxActiveRuns,
  reprocess_behavior: row.reprocessBehavior,
})

async function printList(flags: { output: string; dagId: string }): Promise<void> {
  const format = readFormat(flags.output)
  await withDeployment(async ({ dags, backfills }) => {
    const { timezone } = await requireDag(dags, flags.dagId)
    const rows = await backfills.list(flags.dagId)
    printRows(
      rows.map((row) => backfillRow(row, timezone)),
      format,
      BACKFILL_COLUMNS,
    )
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
  await withDeployment(async ({ backfills }) => {
    await backfills.pause(id, isPaused)
    tell(isPaused ? 'Paused: no more of its runs start.' : 'Unpaused: its runs start again.')
  })
}

function cancelQuestion({ id, dagId, queued, running }: BackfillView): string {
  const what =
    queued === null || running === null
      ? 'its queued runs fail, those that run continue'
      : `${count(queued, 'queued run')} fail, ${running} that run continue`
  return `Cancel backfill ${id} of ${dagId}: ${what}?`
}

async function cancel(id: number, flags: Confirmable): Promise<void> {
  await withDeployment(async ({ backfills }) => {
    const row = await backfills.find(id)
    if (row === null) throw notFound('backfill', id)
    if (!(await confirm(cancelQuestion(row), flags))) return
    await backfills.cancel(id)
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
