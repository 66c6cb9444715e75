// `dagctl logs` and `dagctl tasks logs`: the log of a try, or those of all that failed in a run.

import type { Command } from 'commander'
import { BaramError } from '../../core/errors.ts'
import { isFinished } from '../../core/states.ts'
import { mapIndex, wholeNumber } from '../arguments.ts'
import { count } from '../count.ts'
import type { Deployment, InstanceView, LogReader, RunView, TryPlace } from '../deployment/deployment.ts'
import { withDeployment } from '../deployment/open.ts'
import { requireRun } from '../lookup.ts'
import { Moment } from '../moment.ts'
import { hasReader, print, tell } from '../output.ts'
import { style } from '../style.ts'
import { escapeUnseen } from '../visible.ts'

const COLORS: Readonly<Record<string, (text: string) => string>> = {
  error: style.red,
  warning: style.yellow,
  debug: style.dim,
}

/** @param zone of the clock to show; null = as it is stored */
function timeText(timestamp: unknown, zone: string | null): string {
  const at = Date.parse(String(timestamp))
  return zone === null || Number.isNaN(at) ? String(timestamp) : new Moment(at, zone).local()
}

/** One JSON line as people read it. `zone`: of the clock to show; null = ISO as it is stored. */
export function readableLine(line: string, zone: string | null = null): string {
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
  const color = COLORS[String(level)] ?? ((text: string) => text)
  const text = [
    String(event),
    more === undefined ? '' : style.dim(escapeUnseen(JSON.stringify(more))),
    exception === undefined ? '' : `\n${String(exception)}`,
  ]
  return `${style.dim(timeText(timestamp, zone))} ${color(String(level).toUpperCase().padEnd(7))} ${text.filter((part) => part !== '').join(' ')}`
}

interface LogFlags {
  readonly run?: string
  readonly try?: number
  readonly mapIndex?: number
  readonly follow?: boolean
  readonly json?: boolean
  readonly failed?: boolean
}

/** Lines as programs read them, or as people do: at a terminal by the clock of the DAG. */
function show({ json }: LogFlags, { timezone }: RunView): (line: string) => string {
  const zone = process.stdout.isTTY ? timezone : null
  return json === true ? escapeUnseen : (line) => readableLine(line, zone)
}

async function printMore(reader: LogReader, text: (line: string) => string): Promise<void> {
  for await (const line of reader.more()) {
    if (!hasReader()) return
    print(text(line))
  }
}

const isOver = (ti: InstanceView | null, tryNumber: number): boolean =>
  ti === null || ti.tryNumber > tryNumber || isFinished(ti.state) || ti.state === 'up_for_retry'

async function follow(
  { instances }: Deployment,
  place: TryPlace,
  reader: LogReader,
  text: (line: string) => string,
): Promise<void> {
  for (;;) {
    const ended = isOver(await instances.find(place), place.tryNumber)
    await printMore(reader, text)
    if (ended || !hasReader()) return
    await reader.changed()
  }
}

/** Why there is no such instance: an unknown task, or one that is mapped and was asked for without an index. */
async function noInstance(
  { instances }: Deployment,
  { dagId, runId }: RunView,
  taskId: string,
  mapIndex: number,
): Promise<BaramError> {
  const isMapped = mapIndex === -1 && (await instances.find({ dagId, runId, taskId, mapIndex: 0 })) !== null
  return new BaramError(
    'NOT_FOUND',
    isMapped
      ? `${taskId} is a mapped task; say which of its instances: --map-index 0`
      : `run ${runId} of ${dagId} has no task ${taskId}${mapIndex < 0 ? '' : ` with map index ${mapIndex}`}`,
  )
}

async function printOne(deployment: Deployment, run: RunView, taskId: string, flags: LogFlags): Promise<void> {
  const { mapIndex = -1 } = flags
  const at = { dagId: run.dagId, runId: run.runId, taskId, mapIndex }
  const ti = await deployment.instances.find(at)
  if (ti === null) throw await noInstance(deployment, run, taskId, mapIndex)
  const place = { ...at, tryNumber: flags.try ?? Math.max(1, ti.tryNumber) }
  const reader = await deployment.instances.log(place, flags.follow === true)
  const text = show(flags, run)
  await printMore(reader, text)
  if (flags.follow === true) await follow(deployment, place, reader, text)
}

/** Instances of a run that are looked through for failed ones. */
const MOST = 10_000

/** Whether the last try of an instance has failed: at the end, or before a retry. */
const hasFailed = ({ state }: InstanceView): boolean => state === 'failed' || state === 'up_for_retry'

/** The log of the last try of each instance that failed; one that is not there is told, and the others follow. */
async function printFailed(
  { instances }: Deployment,
  run: RunView,
  taskId: string | undefined,
  flags: LogFlags,
): Promise<void> {
  const { rows } = await instances.list(run, MOST)
  const failed = rows.filter(
    (ti) =>
      hasFailed(ti) &&
      (taskId === undefined || ti.taskId === taskId) &&
      (flags.mapIndex === undefined || ti.mapIndex === flags.mapIndex),
  )
  if (failed.length === 0) tell(`No failed task instance in ${run.runId} of ${run.dagId}.`)
  for (const { dagId, runId, taskId, mapIndex, tryNumber } of failed) {
    if (!hasReader()) return
    const name = mapIndex < 0 ? taskId : `${taskId}[${mapIndex}]`
    if (flags.json !== true) print(style.bold(`==> ${name}, try ${tryNumber} of ${runId} <==`))
    try {
      await printMore(await instances.log({ dagId, runId, taskId, mapIndex, tryNumber }, false), show(flags, run))
    } catch (error) {
      if (!(error instanceof BaramError) || error.code !== 'NOT_FOUND') throw error
      tell(error.message)
    }
  }
  if (failed.length > 1) tell(`${count(failed.length, 'failed task instance')}.`)
}

function requireOneMeaning(taskId: string | undefined, flags: LogFlags): void {
  if (flags.failed === true && (flags.follow === true || flags.try !== undefined))
    throw new BaramError('INPUT_INVALID', '--failed prints the last tries as they ended: leave out --follow and --try')
  if (flags.failed !== true && taskId === undefined)
    throw new BaramError('INPUT_INVALID', 'name the task whose log to print, or add --failed for all that failed')
}

async function printLogs(dagId: string, taskId: string | undefined, flags: LogFlags): Promise<void> {
  requireOneMeaning(taskId, flags)
  await withDeployment(async (deployment) => {
    const run = await requireRun(deployment, dagId, flags.run)
    if (flags.failed === true) await printFailed(deployment, run, taskId, flags)
    else if (taskId !== undefined) await printOne(deployment, run, taskId, flags)
  })
}

export function addLogCommand(parent: Command): void {
  parent
    .command('logs')
    .argument('<dag-id>')
    .argument('[task-id]', 'may be left out with --failed')
    .description('the log of a try; the latest of the newest run by default')
    .option('-r, --run <run-id>', 'another run')
    .option('-t, --try <n>', 'another try', wholeNumber('--try', { least: 1 }))
    .option('-m, --map-index <n>', 'which instance of a mapped task, from 0', mapIndex)
    .option('-f, --follow', 'continue until the try ends')
    .option('--failed', 'the last try of each instance of the run that failed')
    .option('--json', 'lines as they are stored')
    .action(printLogs)
}
