// `dagctl tasks test` and `dagctl tasks render`: one task alone, nothing recorded.

import type { Command } from 'commander'
import pc from 'picocolors'
import type { JsonObject } from '../../core/json.ts'
import { describeReason } from '../../core/reasons.ts'
import { readSerializedDag } from '../../core/serialized.ts'
import { loadVersion } from '../../store/postgres/versions.ts'
import { getReturnValues } from '../../store/postgres/xcoms.ts'
import { type RunOptions, runTask } from '../../testing/index.ts'
import { renderTask } from '../../testing/render.ts'
import { readJsonObject, withContext } from '../context.ts'
import { EXIT } from '../exit.ts'
import { requireRun } from '../lookup.ts'
import { print, setExitCode } from '../output.ts'
import { type TrialFlags, telling, withTrial, withTrialOptions } from '../trial.ts'

interface TaskFlags extends TrialFlags {
  readonly inputs?: string
  readonly runId?: string
}

async function test(dagId: string, taskId: string, date: string | undefined, flags: TaskFlags): Promise<void> {
  const inputs = readJsonObject(flags.inputs, '--inputs')
  await withTrial(dagId, date === undefined ? flags : { ...flags, date }, async (dag, options) => {
    const { state, value, tries } = await runTask(dag, taskId, { ...options, ...telling(describeReason), inputs })
    if (value !== undefined) print(`${pc.dim('return_value')} ${JSON.stringify(value)}`)
    print(
      `${taskId}: ${state === 'success' ? pc.green(state) : pc.red(String(state))} after ${tries} ${tries === 1 ? 'try' : 'tries'}`,
    )
    if (state !== 'success' && state !== 'skipped') setExitCode(EXIT.failed)
  })
}

interface Past {
  readonly date: string
  readonly dataInterval: RunOptions['dataInterval']
  readonly conf: string
  readonly inputs: JsonObject
}

/** Dates, conf and upstream values of a run that there was. */
async function readPast(dagId: string, taskId: string, runId: string): Promise<Past> {
  return withContext(async (context) => {
    const { database } = context
    const run = await requireRun(context, dagId, runId)
    const { data_interval_start: start, data_interval_end: end } = run
    const stored = run.version_id === null ? null : await loadVersion(database, run.version_id)
    const task =
      stored === null ? undefined : readSerializedDag(stored.data).tasks.find((each) => each.taskId === taskId)
    const refs = (task?.inputs ?? []).flatMap((input) => (input.kind === 'ref' ? [input] : []))
    const values = await getReturnValues(
      database,
      run.id,
      refs.map((input) => input.taskId),
    )
    return {
      date: new Date(run.logical_date ?? run.run_after).toISOString(),
      dataInterval: start === null || end === null ? undefined : { start: new Date(start), end: new Date(end) },
      conf: JSON.stringify(run.conf ?? {}),
      inputs: Object.fromEntries(
        refs.flatMap((input) => {
          const found = values.get(input.taskId)?.[0]
          return found === undefined ? [] : [[input.name, found.value]]
        }),
      ),
    }
  })
}

async function render(dagId: string, taskId: string, flags: TaskFlags): Promise<void> {
  const past = flags.runId === undefined ? null : await readPast(dagId, taskId, flags.runId)
  const given = past === null ? flags : { ...flags, date: past.date, conf: past.conf }
  const inputs = { ...past?.inputs, ...readJsonObject(flags.inputs, '--inputs') }
  await withTrial(dagId, given, async (dag, options) => {
    const interval = past?.dataInterval === undefined ? {} : { dataInterval: past.dataInterval }
    const fields = Object.entries(await renderTask(dag, taskId, { ...options, ...interval, inputs }))
    if (fields.length === 0) print(`${taskId} has no template fields`)
    for (const [name, value] of fields)
      print(`${pc.bold(name)}: ${typeof value === 'string' ? value : JSON.stringify(value, null, 2)}`)
  })
}

const withInputs = (command: Command): Command =>
  withTrialOptions(command).option('--inputs <json>', 'arguments that other tasks would give')

export function addTaskTrials(tasks: Command): void {
  withInputs(
    tasks
      .command('test')
      .description('run one task alone, without recording anything; no server needed')
      .argument('<dag-id>')
      .argument('<task-id>')
      .argument('[date]', 'logical date (ISO); default: now'),
  ).action(test)
  withInputs(
    tasks
      .command('render')
      .description('template fields of a task as a try would have them')
      .argument('<dag-id>')
      .argument('<task-id>')
      .option('-d, --date <time>', 'logical date (ISO); default: now')
      .option('-r, --run-id <run-id>', 'as in this run of the deployment: its date, conf and XComs'),
  ).action(render)
}
