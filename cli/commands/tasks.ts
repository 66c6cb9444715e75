// `dagctl tasks …` and `dagctl logs`.

import { createReadStream, existsSync, statSync, watch } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import { BaramError } from '../../core/errors.ts'
import { readSerializedDag } from '../../core/serialized.ts'
import { isFinished } from '../../core/states.ts'
import { attemptLogPath } from '../../runtime/attempt-log.ts'
import { getVersion } from '../../store/postgres/read-dags.ts'
import type { RunListRow } from '../../store/postgres/read-runs.ts'
import { getInstance, type InstanceListRow, listInstances } from '../../store/postgres/read-task-instances.ts'
import { loadVersion } from '../../store/postgres/versions.ts'
import { mapIndex, wholeNumber } from '../arguments.ts'
import { everything, withContext, withOutput } from '../context.ts'
import { count, withSeparators } from '../count.ts'
import { inOrder, requireDag, requireRun } from '../lookup.ts'
import { hasReader, print, printRows, readFormat, tell, when } from '../output.ts'
import { style } from '../style.ts'
import { escapeUnseen } from '../visible.ts'
import type { Context } from '../wire.ts'
import { addTaskControl } from './control.ts'
import { addTaskTrials } from './task-trial.ts'

interface Output {
  readonly output: string
}

async function printTasks(dagId: string, flags: Output): Promise<void> {
  const format = readFormat(flags.output)
  await withContext(async (context) => {
    await requireDag(context, dagId)
    const version = await getVersion(context.database, dagId, null)
    const stored = version === null ? null : await loadVersion(context.database, version.id)
    const dag = stored === null ? null : readSerializedDag(stored.data)
    const rows = (dag === null ? [] : inOrder(dag)).map((task) => ({
      task_id: task.taskId,
      operator: task.operator,
      trigger_rule: task.triggerRule,
      retries: task.retries,
      pool: task.pool,
    }))
    printRows(rows, format, ['task_id', 'operator', 'trigger_rule', 'retries', 'pool'])
  })
}

const stateRow = (ti: InstanceListRow) => ({
  dag_id: ti.dagId,
  run_id: ti.runId,
  task_id: ti.taskId,
  map_index: ti.mapIndex,
  state: ti.state,
  try_number: ti.tryNumber,
  start_date: when(ti.startDate),
  end_date: when(ti.endDate),
})

async function printStates(dagId: string, runId: string, flags: Output): Promise<void> {
  const format = readFormat(flags.output)
  await withContext(async (context) => {
    const run = await requireRun(context, dagId, runId)
    const { rows, total } = await listInstances(
      context.database,
      dagId,
      run.runId,
      {},
      {
        ...everything,
        order: [
          { key: 'task_id', isDescending: false },
          { key: 'map_index', isDescending: false },
        ],
      },
    )
    printRows(rows.map(stateRow), format, [
      'dag_id',
      'run_id',
      'task_id',
      'map_index',
      'state',
      'try_number',
      'start_date',
      'end_date',
    ])
    if (rows.length < total) tell(`The first ${count(rows.length, 'task instance')} of ${withSeparators(total)}.`)
  })
}

// Logs ------------------------------------------------------------------------------------------------------------------

const COLOURS: Readonly<Record<string, (text: string) => string>> = {
  error: style.red,
  warning: style.yellow,
  debug: style.dim,
}

/** One JSON line as people read it. */
export function readableLine(line: string): string {
  let fields: Record<string, unknown>
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value !== 'object' || value === null) return line
    // A log line is an object of named values.
    fields = value as Record<string, unknown>
  } catch {
    return line // A torn line of a process that was killed while writing it.
  }
  const { timestamp, level, event, fields: more, exception } = fields
  const colour = COLOURS[String(level)] ?? ((text: string) => text)
  const text = [
    String(event),
    more === undefined ? '' : style.dim(escapeUnseen(JSON.stringify(more))),
    exception === undefined ? '' : `\n${String(exception)}`,
  ]
  return `${style.dim(String(timestamp))} ${colour(String(level).toUpperCase().padEnd(7))} ${text.filter((part) => part !== '').join(' ')}`
}

/** Prints a file from `from` bytes on; returns where it ended. Streams: a log may be larger than memory. */
async function printFile(path: string, from: number, show: (line: string) => string): Promise<number> {
  if (!existsSync(path)) return from
  const { size } = statSync(path)
  if (size <= from) return from
  for await (const line of createInterface({ input: createReadStream(path, { start: from, end: size - 1 }) }))
    print(show(line))
  return size
}

interface LogFlags {
  readonly run?: string
  readonly try?: number
  readonly mapIndex?: number
  readonly follow?: boolean
  readonly json?: boolean
}

async function follow(
  context: Context,
  run: RunListRow,
  place: { readonly taskId: string; readonly mapIndex: number },
  tryNumber: number,
  path: string,
  at: number,
  show: (line: string) => string,
): Promise<void> {
  let position = at
  for (;;) {
    const ti = await getInstance(context.database, { dagId: run.dagId, runId: run.runId, ...place })
    const isOver = ti === null || ti.tryNumber > tryNumber || isFinished(ti.state) || ti.state === 'up_for_retry'
    position = await printFile(path, position, show)
    if (isOver || !hasReader()) return
    await changed(path)
  }
}

/** Until the file changes, or half a second passes (its end may come without a line). */
function changed(path: string): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, 500)
    const watcher = existsSync(path) ? watch(path, done) : null
    watcher?.on('error', done)
    function done() {
      clearTimeout(timer)
      watcher?.close()
      resolve()
    }
  })
}

/** Why there is no such instance: an unknown task, or one that is mapped and was asked for without an index. */
async function noInstance(context: Context, run: RunListRow, taskId: string, mapIndex: number): Promise<BaramError> {
  const first = mapIndex === -1 ? { dagId: run.dagId, runId: run.runId, taskId, mapIndex: 0 } : null
  const isMapped = first !== null && (await getInstance(context.database, first)) !== null
  return new BaramError(
    'NOT_FOUND',
    isMapped
      ? `${taskId} is a mapped task; say which of its instances: --map-index 0`
      : `run ${run.runId} of ${run.dagId} has no task ${taskId}${mapIndex < 0 ? '' : ` with map index ${mapIndex}`}`,
  )
}

async function printLog(dagId: string, taskId: string, flags: LogFlags): Promise<void> {
  await withContext(async (context) => {
    const run = await requireRun(context, dagId, flags.run)
    const { mapIndex = -1 } = flags
    const ti = await getInstance(context.database, { dagId, runId: run.runId, taskId, mapIndex })
    if (ti === null) throw await noInstance(context, run, taskId, mapIndex)
    const tryNumber = flags.try ?? Math.max(1, ti.tryNumber)
    const path = attemptLogPath(context.config.logFolder, { dagId, runId: run.runId, taskId, mapIndex, tryNumber })
    if (!existsSync(path) && flags.follow !== true)
      throw new BaramError(
        'NOT_FOUND',
        `try ${tryNumber} of ${taskId} in ${run.runId} has no log on this host (${path})`,
      )
    const show = flags.json === true ? escapeUnseen : readableLine
    const end = await printFile(path, 0, show)
    if (flags.follow === true) await follow(context, run, { taskId, mapIndex }, tryNumber, path, end, show)
  })
}

export function addTaskCommands(program: Command): void {
  const tasks = program.command('tasks').description('tasks of DAGs')
  withOutput(tasks.command('list').argument('<dag-id>').description('tasks of a DAG')).action(printTasks)
  withOutput(
    tasks
      .command('states-for-dag-run')
      .argument('<dag-id>')
      .argument('<run-id>')
      .description('states of a run; `latest` for the newest'),
  ).action(printStates)
  addTaskControl(tasks)
  addTaskTrials(tasks)
  program
    .command('logs')
    .argument('<dag-id>')
    .argument('<task-id>')
    .description('the log of a try; the latest of the newest run by default')
    .option('-r, --run <run-id>', 'another run')
    .option('-t, --try <n>', 'another try', wholeNumber('--try', { least: 1 }))
    .option('-m, --map-index <n>', 'which instance of a mapped task, from 0', mapIndex)
    .option('-f, --follow', 'go on until the try ends')
    .option('--json', 'lines as they are stored')
    .action(printLog)
}
