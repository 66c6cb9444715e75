// `dagctl dags …` and the short form `dagctl trigger`.

import type { Command } from 'commander'
import { BaramError } from '../../core/errors.ts'
import { isRunFinished } from '../../core/states.ts'
import type { DueRun } from '../../core/timetables/timetable.ts'
import { localTexts } from '../../core/timetables/zone.ts'
import { readJsonObject, time, wholeNumber } from '../arguments.ts'
import type { DagView, Deployment, RunView } from '../deployment/deployment.ts'
import { withDeployment } from '../deployment/open.ts'
import { EXIT } from '../exit.ts'
import { requireDag } from '../lookup.ts'
import { moment } from '../moment.ts'
import { withOutput } from '../options.ts'
import { print, printRows, type Row, readFormat, setExitCode, tell } from '../output.ts'
import { RUN_COLUMNS, runRow } from '../run-rows.ts'
import { style } from '../style.ts'
import { addDagControl } from './control.ts'
import { printRuns, withRunFilter } from './runs.ts'
import { addVersionCommands } from './versions.ts'

interface Output {
  readonly output: string
}

const dagRow = (dag: DagView): Row => ({
  dag_id: dag.dagId,
  fileloc: dag.relativeFileloc,
  owners: dag.owners,
  is_paused: dag.isPaused,
  schedule: dag.timetableSummary,
  timezone: dag.timezone,
  next_run: moment(dag.nextDagrunCreateAfter, dag.timezone),
})

async function shapeText({ dags }: Deployment, dagId: string): Promise<string> {
  const { timezone } = await requireDag(dags, dagId)
  const shape = await dags.shape(dagId)
  if (shape === null) throw new BaramError('NOT_FOUND', `DAG ${dagId} has no version yet`)
  const lines = shape.tasks.map(
    ({ taskId, operator, downstream }) =>
      `  ${taskId} (${operator})${downstream.length > 0 ? ` → ${downstream.join(', ')}` : ''}`,
  )
  return [`${style.bold(dagId)} v${shape.version}, ${timezone}`, ...lines].join('\n')
}

interface TriggerFlags extends Output {
  readonly conf?: string
  readonly runId?: string
  readonly logicalDate?: number
  readonly dataIntervalStart?: number
  readonly dataIntervalEnd?: number
  readonly wait?: boolean
  readonly dryRun?: boolean
  readonly note?: string
}

/** How often a waiting trigger looks, ms. */
const WAIT_MS = 200

async function waitForRun({ runs }: Deployment, dagId: string, runId: string): Promise<RunView> {
  for (;;) {
    const run = await runs.find(dagId, runId)
    if (run === null) throw new BaramError('NOT_FOUND', `run ${runId} of ${dagId} was deleted while waiting for it`)
    if (isRunFinished(run.state)) return run
    await new Promise((done) => setTimeout(done, WAIT_MS))
  }
}

/** @throws BaramError INPUT_INVALID when only one end is given, or they are the wrong way round */
function readInterval(flags: TriggerFlags): { start: number; end: number } | null {
  const { dataIntervalStart: start, dataIntervalEnd: end } = flags
  if (start === undefined && end === undefined) return null
  if (start === undefined || end === undefined)
    throw new BaramError('INPUT_INVALID', 'give both --data-interval-start and --data-interval-end, or neither')
  if (start > end) throw new BaramError('INPUT_INVALID', '--data-interval-start must not be after --data-interval-end')
  return { start, end }
}

async function trigger(dagId: string, flags: TriggerFlags): Promise<void> {
  const format = readFormat(flags.output)
  await withDeployment(async (deployment) => {
    const { dags, runs } = deployment
    await requireDag(dags, dagId)
    const request = {
      dagId,
      runId: flags.runId ?? null,
      logicalDate: flags.logicalDate ?? null,
      dataInterval: readInterval(flags),
      conf: readJsonObject(flags.conf, '--conf'),
      note: flags.note ?? null,
    }
    if (flags.dryRun === true) {
      printRows([runRow(await runs.tryTrigger(request))], format, RUN_COLUMNS)
      tell('Nothing was made.')
      return
    }
    const { runId, isPaused } = await runs.trigger(request)
    if (isPaused) tell(style.yellow(`${dagId} is paused: the run waits until \`dagctl dags unpause ${dagId}\``))
    const run = flags.wait === true ? await waitForRun(deployment, dagId, runId) : await runs.find(dagId, runId)
    if (run !== null) printRows([runRow(run)], format, RUN_COLUMNS)
    if (flags.wait === true && run?.state === 'failed') setExitCode(EXIT.failed)
  })
}

const addTrigger = (parent: Command, description: string): Command =>
  withOutput(parent.command('trigger').argument('<dag-id>').description(description))
    .option('-c, --conf <json>', 'configuration of the run, a JSON object')
    .option('-r, --run-id <id>', 'name of the run')
    .option('-l, --logical-date <time>', 'logical date, ISO; UTC without a zone', time('--logical-date'))
    .option('--data-interval-start <time>', 'start of the interval it covers', time('--data-interval-start'))
    .option('--data-interval-end <time>', 'end of the interval it covers', time('--data-interval-end'))
    .option('--note <text>', 'a note on the run')
    .option('--dry-run', 'only show the run that would be made')
    .option('-w, --wait', 'wait for the end; exit code 1 when the run fails')
    .action(trigger)

interface PauseFlags extends Output {
  readonly dryRun?: boolean
}

async function setPaused(dagId: string, isPaused: boolean, flags: PauseFlags): Promise<void> {
  const format = readFormat(flags.output)
  await withDeployment(async ({ dags }) => {
    await requireDag(dags, dagId)
    // Asked before the switch: afterwards the scheduler may have made the first of them already.
    if (!isPaused) tell((await dags.plan(dagId, 2)).sentence)
    if (flags.dryRun === true) return
    await dags.pause(dagId, isPaused)
    const { isPaused: is_paused, nextDagrunCreateAfter, timezone } = await requireDag(dags, dagId)
    printRows([{ dag_id: dagId, is_paused, next_run: moment(nextDagrunCreateAfter, timezone), timezone }], format)
  })
}

const planRow = (run: DueRun, isDue: boolean, timezone: string): Row => ({
  due: isDue ? 'now' : '',
  run_after: moment(run.runAfter, timezone),
  logical_date: moment(run.logicalDate, timezone),
  data_interval_start: moment(run.dataInterval.start, timezone),
  data_interval_end: moment(run.dataInterval.end, timezone),
  local: localTexts(run.runAfter, timezone).ts,
  timezone,
})

async function printNext(dagId: string, flags: Output & { numExecutions: number }): Promise<void> {
  const format = readFormat(flags.output)
  await withDeployment(async ({ dags }) => {
    await requireDag(dags, dagId)
    const most = flags.numExecutions
    const plan = await dags.plan(dagId, most)
    if (plan.isPaused)
      tell(style.yellow(`${dagId} is paused: none of these is made until \`dagctl dags unpause ${dagId}\``))
    tell(plan.sentence)
    const due = plan.due.map((run) => planRow(run, true, plan.timezone))
    const rows = [...due, ...plan.upcoming.map((run) => planRow(run, false, plan.timezone))].slice(0, most)
    printRows(rows, format, ['due', 'run_after', 'data_interval_start', 'data_interval_end', 'local', 'timezone'])
  })
}

async function printErrors(flags: Output): Promise<void> {
  const format = readFormat(flags.output)
  await withDeployment(async ({ dags }) => {
    const rows = await dags.importErrors()
    if (format === 'table') {
      if (rows.length === 0) print('No import errors')
      for (const row of rows) print(`${style.bold(row.filename)}\n${row.stacktrace.replaceAll(/^/gm, '  ')}\n`)
    } else {
      printRows(
        rows.map((row) => ({ bundle_name: row.bundleName, filepath: row.filename, error: row.stacktrace })),
        format,
        ['bundle_name', 'filepath', 'error'],
      )
    }
    if (rows.length > 0) setExitCode(EXIT.failed)
  })
}

export function addDagCommands(program: Command): void {
  const dags = program.command('dags').description('DAGs and their runs')
  withOutput(dags.command('list').description('all DAGs that files declare now')).action(async (flags: Output) => {
    const format = readFormat(flags.output)
    await withDeployment(async (deployment) => {
      printRows((await deployment.dags.list()).map(dagRow), format, [
        'dag_id',
        'fileloc',
        'owners',
        'is_paused',
        'schedule',
        'timezone',
        'next_run',
      ])
      const errors = await deployment.dags.countImportErrors()
      if (errors > 0)
        tell(
          style.yellow(
            `${errors} ${errors === 1 ? 'file has' : 'files have'} import errors; see \`dagctl dags list-import-errors\``,
          ),
        )
    })
  })
  dags
    .command('show')
    .argument('<dag-id>')
    .description('the tasks of a DAG and what follows them')
    .action((dagId: string) => withDeployment(async (deployment) => print(await shapeText(deployment, dagId))))
  addTrigger(dags, 'start a run')
  withOutput(dags.command('pause').argument('<dag-id>').description('pause: schedule no new runs')).action(
    (dagId: string, flags: Output) => setPaused(dagId, true, flags),
  )
  withOutput(dags.command('unpause').argument('<dag-id>').description('resume scheduling, from now'))
    .option('--dry-run', 'only say which runs this would make')
    .action((dagId: string, flags: PauseFlags) => setPaused(dagId, false, flags))
  withOutput(dags.command('next-execution').argument('<dag-id>').description('the runs that the schedule makes next'))
    .option('-n, --num-executions <n>', 'how many', wholeNumber('--num-executions', { least: 1, most: 10_000 }), 1)
    .action(printNext)
  withRunFilter(dags.command('list-runs').argument('<dag-id>').description('runs of a DAG, newest first')).action(
    printRuns,
  )
  withOutput(
    dags.command('list-import-errors').description('DAG files that cannot be read; exit code 1 if there are any'),
  ).action(printErrors)
  addVersionCommands(dags)
  addDagControl(dags)
  addTrigger(program, 'start a run (short form of `dags trigger`)')
}
