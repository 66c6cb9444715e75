// `dagctl dags …` and the short form `dagctl trigger`.

import type { Command } from 'commander'
import { BaramError } from '../../core/errors.ts'
import { readSerializedDag } from '../../core/serialized.ts'
import { isRunFinished, RUN_STATES } from '../../core/states.ts'
import type { DueRun } from '../../core/timetables/timetable.ts'
import { localTexts } from '../../core/timetables/zone.ts'
import { pauseDag } from '../../engine/dags/pause.ts'
import { planDag } from '../../engine/dags/preview-schedule.ts'
import { type TriggeredRun, type TriggerRequest, triggerRun } from '../../engine/runs/create.ts'
import { countImportErrors, listImportErrors } from '../../store/postgres/read-admin.ts'
import { type DagListRow, getVersion, listDags } from '../../store/postgres/read-dags.ts'
import { getRun, listRuns, type RunListRow } from '../../store/postgres/read-runs.ts'
import { loadVersion } from '../../store/postgres/versions.ts'
import type { Sql } from '../../store/sql.ts'
import { time, wholeNumber } from '../arguments.ts'
import { CLI_ACTOR, everything, readJsonObject, withContext, withOutput } from '../context.ts'
import { EXIT } from '../exit.ts'
import { inOrder, requireDag } from '../lookup.ts'
import { type Format, print, printRows, type Row, readFormat, setExitCode, tell, when } from '../output.ts'
import { style } from '../style.ts'
import type { Context } from '../wire.ts'
import { addDagControl } from './control.ts'
import { addVersionCommands } from './versions.ts'

interface Output {
  readonly output: string
}

const dagRow = (dag: DagListRow): Row => ({
  dag_id: dag.dagId,
  fileloc: dag.relativeFileloc,
  owners: dag.owners,
  is_paused: dag.isPaused,
  schedule: dag.timetableSummary,
  timezone: dag.timezone,
  next_run: when(dag.nextDagrunCreateAfter),
})

/** What a terminal has room for; JSON and YAML have all. */
const RUN_COLUMNS = ['dag_id', 'run_id', 'state', 'logical_date', 'start_date']

const runRow = (run: RunListRow): Row => ({
  dag_id: run.dagId,
  run_id: run.runId,
  state: run.state,
  run_type: run.runType,
  run_after: when(run.runAfter),
  logical_date: when(run.logicalDate),
  data_interval_start: when(run.dataIntervalStart),
  data_interval_end: when(run.dataIntervalEnd),
  start_date: when(run.startDate),
  end_date: when(run.endDate),
  conf: run.conf,
})

async function show(context: Context, dagId: string): Promise<string> {
  await requireDag(context, dagId)
  const version = await getVersion(context.database, dagId, null)
  const stored = version === null ? null : await loadVersion(context.database, version.id)
  if (stored === null) throw new BaramError('NOT_FOUND', `DAG ${dagId} has no version yet`)
  const dag = readSerializedDag(stored.data)
  const below = new Map(
    dag.tasks.map((task) => [task.taskId, dag.edges.filter(([from]) => from === task.taskId).map(([, to]) => to)]),
  )
  const lines = inOrder(dag).map(
    (task) =>
      `  ${task.taskId} (${task.operator})${(below.get(task.taskId) ?? []).length > 0 ? ` → ${(below.get(task.taskId) ?? []).join(', ')}` : ''}`,
  )
  return [`${style.bold(dagId)} v${stored.versionNumber}, ${dag.timezone}`, ...lines].join('\n')
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

/** Thrown in the transaction of a run that was only to be shown: nothing of it stays. */
class OnlyShown extends Error {
  readonly runId: string
  constructor(runId: string) {
    super(`run ${runId} was only shown`)
    this.runId = runId
  }
}

/** How often a waiting trigger looks, ms. */
const WAIT_MS = 200

async function waitForRun(context: Context, dagId: string, runId: string): Promise<RunListRow> {
  for (;;) {
    const run = await getRun(context.database, dagId, runId)
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

/** The run as it would be made, with every check; then it is taken back. */
async function showTrigger(context: Context, request: TriggerRequest, format: Format): Promise<void> {
  try {
    const inspect = async (tx: Sql, run: TriggeredRun) => {
      const row = await getRun(tx, request.dagId, run.runId)
      if (row !== null) printRows([runRow(row)], format, RUN_COLUMNS)
      throw new OnlyShown(run.runId)
    }
    await triggerRun(context, { ...request, inspect }, CLI_ACTOR)
  } catch (error) {
    if (!(error instanceof OnlyShown)) throw error
    tell('Nothing was made.')
  }
}

async function trigger(dagId: string, flags: TriggerFlags): Promise<void> {
  const format = readFormat(flags.output)
  await withContext(async (context) => {
    await requireDag(context, dagId)
    const request = {
      dagId,
      runId: flags.runId ?? null,
      logicalDate: flags.logicalDate ?? null,
      dataInterval: readInterval(flags),
      conf: readJsonObject(flags.conf, '--conf'),
      note: flags.note ?? null,
    }
    if (flags.dryRun === true) {
      await showTrigger(context, request, format)
      return
    }
    const { runId, isPaused } = await triggerRun(context, request, CLI_ACTOR)
    if (isPaused) tell(style.yellow(`${dagId} is paused: the run waits until \`dagctl dags unpause ${dagId}\``))
    const run =
      flags.wait === true ? await waitForRun(context, dagId, runId) : await getRun(context.database, dagId, runId)
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
  await withContext(async (context) => {
    await requireDag(context, dagId)
    // Asked before the switch: afterwards the scheduler may have made the first of them already.
    if (!isPaused) tell((await planDag(context.database, context.runCache, dagId, 2)).sentence)
    if (flags.dryRun === true) return
    await pauseDag(context, { dagId, isPaused }, CLI_ACTOR)
    const dag = await requireDag(context, dagId)
    printRows(
      [
        {
          dag_id: dagId,
          is_paused: dag.isPaused,
          next_run: when(dag.nextDagrunCreateAfter),
          timezone: dag.timezone,
        },
      ],
      format,
    )
  })
}

const planRow = (run: DueRun, isDue: boolean, timezone: string): Row => ({
  due: isDue ? 'now' : '',
  run_after: when(run.runAfter),
  logical_date: when(run.logicalDate),
  data_interval_start: when(run.dataInterval.start),
  data_interval_end: when(run.dataInterval.end),
  local: localTexts(run.runAfter, timezone).ts,
  timezone,
})

async function printNext(dagId: string, flags: Output & { numExecutions: number }): Promise<void> {
  const format = readFormat(flags.output)
  await withContext(async (context) => {
    await requireDag(context, dagId)
    const most = flags.numExecutions
    const plan = await planDag(context.database, context.runCache, dagId, most)
    if (plan.isPaused)
      tell(style.yellow(`${dagId} is paused: none of these is made until \`dagctl dags unpause ${dagId}\``))
    tell(plan.sentence)
    const due = plan.due.map((run) => planRow(run, true, plan.timezone))
    const rows = [...due, ...plan.upcoming.map((run) => planRow(run, false, plan.timezone))].slice(0, most)
    printRows(rows, format, ['due', 'run_after', 'data_interval_start', 'data_interval_end', 'local', 'timezone'])
  })
}

interface RunFlags extends Output {
  readonly state?: string
  readonly startDate?: number
  readonly endDate?: number
  readonly limit: number
}

async function printRuns(dagId: string, flags: RunFlags): Promise<void> {
  const format = readFormat(flags.output)
  if (flags.state !== undefined && !RUN_STATES.some((state) => state === flags.state)) {
    throw new BaramError('INPUT_INVALID', `--state is one of ${RUN_STATES.join(', ')}; found ${flags.state}`)
  }
  const bound = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString())
  await withContext(async (context) => {
    await requireDag(context, dagId)
    const filter = {
      state: flags.state === undefined ? undefined : [flags.state],
      logical_date_gte: bound(flags.startDate),
      logical_date_lte: bound(flags.endDate),
    }
    const page = { limit: flags.limit, offset: 0, order: [{ key: 'id', isDescending: true }] }
    const { rows } = await listRuns(context.database, dagId, filter, page)
    printRows(rows.map(runRow), format, [
      'dag_id',
      'run_id',
      'state',
      'run_after',
      'logical_date',
      'start_date',
      'end_date',
    ])
  })
}

async function printErrors(flags: Output): Promise<void> {
  const format = readFormat(flags.output)
  await withContext(async ({ database }) => {
    const { rows } = await listImportErrors(database, {}, everything)
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
    await withContext(async ({ database }) => {
      const { rows } = await listDags(database, { excludeStale: true }, everything)
      printRows(rows.map(dagRow), format, [
        'dag_id',
        'fileloc',
        'owners',
        'is_paused',
        'schedule',
        'timezone',
        'next_run',
      ])
      const errors = await countImportErrors(database)
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
    .action((dagId: string) => withContext(async (context) => print(await show(context, dagId))))
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
  withOutput(dags.command('list-runs').argument('<dag-id>').description('runs of a DAG, newest first'))
    .option('--state <state>', 'only runs in this state')
    .option('-s, --start-date <time>', 'logical date from', time('--start-date'))
    .option('-e, --end-date <time>', 'logical date to', time('--end-date'))
    .option('--limit <n>', 'at most this many', wholeNumber('--limit', { least: 1 }), 50)
    .action(printRuns)
  withOutput(
    dags.command('list-import-errors').description('DAG files that cannot be read; exit code 1 if there are any'),
  ).action(printErrors)
  addVersionCommands(dags)
  addDagControl(dags)
  addTrigger(program, 'start a run (short form of `dags trigger`)')
}
