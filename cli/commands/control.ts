// `dagctl tasks clear|mark` and `dagctl dags clear|mark|delete|delete-run`: each shows what it will touch first.

import type { Command } from 'commander'
import { BaramError } from '../../core/errors.ts'
import type { TaskPick } from '../../core/run-control.ts'
import { MARKS, type RunState } from '../../core/states.ts'
import type { ClearRequest, RunScope } from '../../engine/control/clear.ts'
import { mapIndex, time } from '../arguments.ts'
import { type Confirmable, confirm } from '../confirm.ts'
import { count, withSeparators } from '../count.ts'
import type { Deployment, Touched } from '../deployment/deployment.ts'
import { withDeployment } from '../deployment/open.ts'
import { requireDag, requireRun } from '../lookup.ts'
import { moment } from '../moment.ts'
import { withOutput } from '../options.ts'
import { print, readFormat, tell } from '../output.ts'
import { printPreview } from '../preview.ts'

interface Flags extends Confirmable {
  readonly output: string
}

const COLUMNS = ['dag_run_id', 'logical_date', 'task_id', 'map_index', 'state']

const touchedRow = (row: Touched, timezone: string) => ({
  dag_run_id: row.runId,
  logical_date: moment(row.logicalDate, timezone),
  task_id: row.taskId,
  map_index: row.mapIndex,
  state: row.state ?? 'no_status',
})

const runCount = (touched: readonly Touched[]): string => count(new Set(touched.map(({ runId }) => runId)).size, 'run')

interface ClearFlags extends Flags {
  readonly taskRegex?: string
  readonly taskId?: readonly string[]
  readonly mapIndex?: number
  readonly runId?: string
  readonly startDate?: number
  readonly endDate?: number
  readonly upstream?: boolean
  readonly downstream?: boolean
  readonly past?: boolean
  readonly future?: boolean
  readonly onlyFailed?: boolean
  readonly onlyRunning?: boolean
  readonly resetDagRuns: boolean
  readonly runOnLatestVersion?: boolean
  readonly preventRunningTask?: boolean
}

async function scopeOf(deployment: Deployment, dagId: string, flags: ClearFlags): Promise<RunScope> {
  if (flags.runId === undefined) {
    if (flags.past === true || flags.future === true)
      throw new BaramError('INPUT_INVALID', '--past and --future need --run-id: they count from a run')
    return { kind: 'dates', from: flags.startDate ?? null, to: flags.endDate ?? null }
  }
  if (flags.startDate !== undefined || flags.endDate !== undefined)
    throw new BaramError('INPUT_INVALID', 'give either --run-id or dates, not both')
  const { runId } = await requireRun(deployment, dagId, flags.runId)
  return { kind: 'run', runId, past: flags.past === true, future: flags.future === true }
}

async function picksOf({ dags }: Deployment, dagId: string, flags: ClearFlags): Promise<readonly TaskPick[] | null> {
  const instance = flags.mapIndex === undefined ? {} : { mapIndex: flags.mapIndex }
  if (flags.taskId !== undefined) return flags.taskId.map((taskId) => ({ taskId, ...instance }))
  if (flags.taskRegex === undefined) return null
  const pattern = readPattern(flags.taskRegex)
  const found = ((await dags.shape(dagId))?.tasks ?? []).filter((task) => pattern.test(task.taskId))
  if (found.length === 0)
    throw new BaramError(
      'NOT_FOUND',
      `no task of ${dagId} matches ${flags.taskRegex}; see \`dagctl tasks list ${dagId}\``,
    )
  return found.map(({ taskId }) => ({ taskId, ...instance }))
}

function readPattern(text: string): RegExp {
  try {
    return new RegExp(text)
  } catch (cause) {
    throw new BaramError('INPUT_INVALID', `--task-regex must be a regular expression, found ${text}`, { cause })
  }
}

async function clearTasks(dagId: string, flags: ClearFlags): Promise<void> {
  const format = readFormat(flags.output)
  await withDeployment(async (deployment) => {
    const { timezone } = await requireDag(deployment.dags, dagId)
    const request: ClearRequest = {
      dagId,
      runs: await scopeOf(deployment, dagId, flags),
      tasks: {
        tasks: await picksOf(deployment, dagId, flags),
        upstream: flags.upstream === true,
        downstream: flags.downstream === true,
      },
      filter: { onlyFailed: flags.onlyFailed === true, onlyRunning: flags.onlyRunning === true },
      resetsRuns: flags.resetDagRuns,
      onLatestVersion: flags.runOnLatestVersion === true,
      refusesRunning: flags.preventRunningTask === true,
    }
    const shown = await deployment.instances.previewClear(request)
    const rows = shown.map((row) => touchedRow(row, timezone))
    printPreview(rows, format, COLUMNS, 'state')
    if (shown.length === 0) {
      tell('Nothing to clear.')
      return
    }
    const question = `Clear ${count(shown.length, 'task instance')} in ${runCount(shown)} of ${dagId}?`
    if (!(await confirm(question, flags))) return
    const done = await deployment.instances.clear(request)
    tell(`Cleared ${count(done.length, 'task instance')} in ${runCount(done)}.`)
  })
}

interface MarkFlags extends Flags {
  readonly mapIndex?: number
  readonly upstream?: boolean
  readonly downstream?: boolean
  readonly past?: boolean
  readonly future?: boolean
}

async function markTask(dagId: string, runId: string, taskId: string, state: string, flags: MarkFlags): Promise<void> {
  const format = readFormat(flags.output)
  const to = MARKS.find((known) => known === state)
  if (to === undefined) throw new BaramError('INPUT_INVALID', `the state is one of ${MARKS.join(', ')}; found ${state}`)
  await withDeployment(async (deployment) => {
    const { instances } = deployment
    const run = await requireRun(deployment, dagId, runId)
    const request = {
      dagId,
      runId: run.runId,
      taskId,
      mapIndex: flags.mapIndex ?? null,
      to,
      upstream: flags.upstream === true,
      downstream: flags.downstream === true,
      past: flags.past === true,
      future: flags.future === true,
    }
    const { set, cleared } = await instances.previewMark(request)
    const rows = [
      ...set.map((row) => ({ ...touchedRow(row, run.timezone), becomes: to })),
      ...(cleared ?? []).map((row) => ({ ...touchedRow(row, run.timezone), becomes: 'no_status' })),
    ]
    printPreview(rows, format, [...COLUMNS, 'becomes'], 'state')
    const question = `Set ${count(set.length, 'task instance')} to ${to}${clearedText(cleared, taskId)}?`
    if (!(await confirm(question, flags))) return
    const done = await instances.mark(request)
    tell(`Set ${count(done ?? set.length, 'task instance')} to ${to}.`)
  })
}

function clearedText(cleared: readonly Touched[] | null, taskId: string): string {
  if (cleared === null) return ` and clear what failed downstream of ${taskId}`
  return cleared.length === 0 ? '' : ` and clear ${withSeparators(cleared.length)} that failed downstream of ${taskId}`
}

const RUN_MARKS = ['success', 'failed', 'queued'] as const satisfies readonly RunState[]

async function setRun(dagId: string, runId: string, state: string, flags: Flags): Promise<void> {
  const format = readFormat(flags.output)
  const to = RUN_MARKS.find((known) => known === state)
  if (to === undefined)
    throw new BaramError('INPUT_INVALID', `the state is one of ${RUN_MARKS.join(', ')}; found ${state}`)
  await withDeployment(async (deployment) => {
    const run = await requireRun(deployment, dagId, runId)
    const touched = to === 'queued' ? [] : await deployment.runs.previewMark(dagId, run.runId)
    const rows = touched.map((row) => touchedRow(row, run.timezone))
    printPreview(rows, format, COLUMNS, 'state')
    const ends = touched.length === 0 ? '' : `, which ends ${count(touched.length, 'task instance')}`
    if (!(await confirm(`Set run ${run.runId} of ${dagId} from ${run.state} to ${to}${ends}?`, flags))) return
    await deployment.runs.mark(dagId, run.runId, to)
    tell(`Set run ${run.runId} to ${to}.`)
  })
}

async function deleteRun(dagId: string, runId: string, flags: Flags): Promise<void> {
  await withDeployment(async (deployment) => {
    const run = await requireRun(deployment, dagId, runId)
    const question = `Delete run ${run.runId} of ${dagId} (${run.state}) with its task instances, XComs and history?`
    if (!(await confirm(question, flags))) return
    await deployment.runs.remove(dagId, run.runId)
    print(`Deleted run ${run.runId} of ${dagId}.`)
  })
}

async function deleteDag(dagId: string, flags: Flags): Promise<void> {
  await withDeployment(async ({ dags, runs }) => {
    const dag = await requireDag(dags, dagId)
    const total = await runs.count(dagId)
    const back = dag.isStale ? '' : ` It comes back when ${dag.relativeFileloc} is read again.`
    if (!(await confirm(`Delete ${dagId} with ${count(total, 'run')} and all versions?${back}`, flags))) return
    const n = await dags.remove(dagId)
    print(`Deleted ${dagId} and ${count(n, 'run')}.`)
  })
}

async function noteRun(dagId: string, runId: string, text: string | undefined): Promise<void> {
  await withDeployment(async (deployment) => {
    const run = await requireRun(deployment, dagId, runId)
    const note = text === undefined || text === '' ? null : text
    await deployment.runs.note(dagId, run.runId, note)
    tell(note === null ? `Removed the note of ${run.runId}.` : `Noted on ${run.runId}.`)
  })
}

const withConfirm = (command: Command): Command =>
  command.option('-y, --yes', 'do it without asking').option('--dry-run', 'only show what it would touch')

const withReach = (command: Command): Command =>
  withConfirm(withOutput(command))
    .option('-u, --upstream', 'also all upstream tasks')
    .option('-d, --downstream', 'also all downstream tasks')
    .option('--past', 'also earlier runs')
    .option('--future', 'also later runs')
    .option('-m, --map-index <n>', 'only this instance of a mapped task', mapIndex)

const withRuns = (command: Command): Command =>
  command
    .option('--run-id <id>', 'one run; `latest` for the newest')
    .option('-s, --start-date <time>', 'runs with a logical date from', time('--start-date'))
    .option('-e, --end-date <time>', 'runs with a logical date to', time('--end-date'))
    .option('-f, --only-failed', 'failed instances only')
    .option('-r, --only-running', 'running instances only: they are stopped and rerun')
    .option('--no-reset-dag-runs', 'leave runs that have ended as they are')
    .option('--run-on-latest-version', 'go on with the latest version of the DAG')
    .option('--prevent-running-task', 'refuse when something of it runs')

export function addTaskControl(tasks: Command): void {
  withRuns(withReach(tasks.command('clear').argument('<dag-id>').description('clear tasks so they rerun')))
    .option('-t, --task-regex <pattern>', 'tasks whose id matches')
    .option('--task-id <id...>', 'these tasks')
    .action(clearTasks)
  withReach(
    tasks
      .command('mark')
      .argument('<dag-id>')
      .argument('<run-id>', 'a run, or `latest`')
      .argument('<task-id>')
      .argument('<state>', MARKS.join(', '))
      .description('set the state of a task; failed downstream tasks are cleared'),
  ).action(markTask)
}

export function addDagControl(dags: Command): void {
  withRuns(
    withConfirm(withOutput(dags.command('clear').argument('<dag-id>').description('clear whole runs so they rerun'))),
  ).action(clearTasks)
  withConfirm(
    withOutput(
      dags
        .command('mark')
        .argument('<dag-id>')
        .argument('<run-id>', 'a run, or `latest`')
        .argument('<state>', RUN_MARKS.join(', '))
        .description('set the state of a run; also ends unfinished tasks'),
    ),
  ).action(setRun)
  dags
    .command('note')
    .argument('<dag-id>')
    .argument('<run-id>', 'a run, or `latest`')
    .argument('[text]', 'the note; removed if omitted')
    .description('set the note of a run')
    .action(noteRun)
  withConfirm(dags.command('delete-run').argument('<dag-id>').argument('<run-id>').description('delete a run')).action(
    deleteRun,
  )
  withConfirm(dags.command('delete').argument('<dag-id>').description('delete a DAG and its runs')).action(deleteDag)
}
