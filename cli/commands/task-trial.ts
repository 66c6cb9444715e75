// `dagctl tasks test` and `dagctl tasks render`: one task alone, nothing recorded.

import type { Command } from 'commander'
import type { JsonValue } from '../../core/json.ts'
import { describeReason } from '../../core/reasons.ts'
import { readSerializedDag } from '../../core/serialized.ts'
import { loadVersion } from '../../store/postgres/versions.ts'
import { listRunValues } from '../../store/postgres/xcoms.ts'
import { runTask } from '../../testing/index.ts'
import { type RenderOptions, renderTask } from '../../testing/render.ts'
import { readJsonObject, time } from '../arguments.ts'
import { withContext } from '../context.ts'
import { localDags } from '../deployment/local/dags.ts'
import { localRuns } from '../deployment/local/runs.ts'
import { EXIT } from '../exit.ts'
import { requireRun } from '../lookup.ts'
import { jsonText, print, setExitCode } from '../output.ts'
import { style } from '../style.ts'
import { type TrialFlags, telling, withTrial, withTrialOptions } from '../trial.ts'
import { escapeUnseen } from '../visible.ts'

interface TaskFlags extends TrialFlags {
  readonly inputs?: string
  readonly runId?: string
}

async function test(dagId: string, taskId: string, date: number | undefined, flags: TaskFlags): Promise<void> {
  const inputs = readJsonObject(flags.inputs, '--inputs')
  await withTrial(dagId, date === undefined ? flags : { ...flags, date }, async (dag, options) => {
    const { state, value, tries } = await runTask(dag, taskId, { ...options, ...telling(describeReason), inputs })
    if (value !== undefined) print(`${style.dim('return_value')} ${escapeUnseen(JSON.stringify(value))}`)
    print(
      `${taskId}: ${state === 'success' ? style.green(state) : style.red(String(state))} after ${tries} ${tries === 1 ? 'try' : 'tries'}`,
    )
    if (state !== 'success' && state !== 'skipped') setExitCode(EXIT.failed)
  })
}

interface Past {
  readonly flags: { readonly date: number; readonly conf: string }
  readonly options: Pick<RenderOptions, 'dataInterval' | 'inputs' | 'xcoms' | 'runId'>
}

/** Dates, conf and XComs of a run that there was. */
async function readPast(dagId: string, taskId: string, runId: string): Promise<Past> {
  return withContext(async (context) => {
    const run = await requireRun({ dags: localDags(context), runs: localRuns(context) }, dagId, runId)
    const { dataIntervalStart: start, dataIntervalEnd: end } = run
    const stored = run.versionId === null ? null : await loadVersion(context.database, run.versionId)
    const tasks = stored === null ? [] : readSerializedDag(stored.data).tasks
    const values = await listRunValues(context.database, run.id)
    /** As it is returned: the value, or the list of all values of a mapped task. */
    const handedOn = (from: string): JsonValue | undefined => {
      const own = values.filter((row) => row.taskId === from && row.key === 'return_value').map((row) => row.value)
      const isMapped = tasks.some((task) => task.taskId === from && task.mapping !== null)
      return isMapped ? own : own[0]
    }
    const inputs = (tasks.find((task) => task.taskId === taskId)?.inputs ?? []).flatMap((input) => {
      const value = input.kind === 'ref' ? handedOn(input.taskId) : undefined
      return value === undefined ? [] : [[input.name, value] as const]
    })
    return {
      flags: { date: run.logicalDate ?? run.runAfter, conf: JSON.stringify(run.conf ?? {}) },
      options: {
        ...(start !== null && end !== null && { dataInterval: { start: new Date(start), end: new Date(end) } }),
        inputs: Object.fromEntries(inputs),
        xcoms: values.map((row) => ({ taskId: row.taskId, mapIndex: row.mapIndex, key: row.key, value: row.value })),
        runId: run.runId,
      },
    }
  })
}

async function render(dagId: string, taskId: string, flags: TaskFlags): Promise<void> {
  const past = flags.runId === undefined ? null : await readPast(dagId, taskId, flags.runId)
  const inputs = { ...past?.options.inputs, ...readJsonObject(flags.inputs, '--inputs') }
  await withTrial(dagId, { ...flags, ...past?.flags }, async (dag, options) => {
    const fields = Object.entries(await renderTask(dag, taskId, { ...options, ...past?.options, inputs }))
    if (fields.length === 0) print(`${taskId} has no template fields`)
    for (const [name, value] of fields)
      print(`${style.bold(name)}: ${typeof value === 'string' ? value : jsonText(value)}`)
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
      .argument('[date]', 'logical date (ISO); default: now', time('the date')),
  ).action(test)
  withInputs(
    tasks
      .command('render')
      .description('template fields of a task as a try would have them')
      .argument('<dag-id>')
      .argument('<task-id>')
      .option('-d, --date <time>', 'logical date (ISO); default: now', time('--date'))
      .option('-r, --run-id <run-id>', 'as in this run of the deployment: its date, conf and XComs'),
  ).action(render)
}
