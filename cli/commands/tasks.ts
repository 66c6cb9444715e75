// `dagctl tasks …`.

import type { Command } from 'commander'
import { count, withSeparators } from '../count.ts'
import type { InstanceView } from '../deployment/deployment.ts'
import { withDeployment } from '../deployment/open.ts'
import { requireDag, requireRun } from '../lookup.ts'
import { moment } from '../moment.ts'
import { withOutput } from '../options.ts'
import { printRows, readFormat, tell } from '../output.ts'
import { addTaskControl } from './control.ts'
import { addLogCommand } from './logs.ts'
import { addTaskTrials } from './task-trial.ts'

interface Output {
  readonly output: string
}

async function printTasks(dagId: string, flags: Output): Promise<void> {
  const format = readFormat(flags.output)
  await withDeployment(async ({ dags }) => {
    await requireDag(dags, dagId)
    const rows = ((await dags.shape(dagId))?.tasks ?? []).map((task) => ({
      task_id: task.taskId,
      operator: task.operator,
      trigger_rule: task.triggerRule,
      retries: task.retries,
      pool: task.pool,
    }))
    printRows(rows, format, ['task_id', 'operator', 'trigger_rule', 'retries', 'pool'])
  })
}

const COLUMNS = ['dag_id', 'run_id', 'task_id', 'map_index', 'state', 'try_number', 'start_date', 'end_date']
/** Instances that a list shows at most: a mapped task may have 10,000 alone. */
const MOST = 10_000

const stateRow = (ti: InstanceView) => ({
  dag_id: ti.dagId,
  run_id: ti.runId,
  task_id: ti.taskId,
  map_index: ti.mapIndex,
  state: ti.state,
  try_number: ti.tryNumber,
  start_date: moment(ti.startDate, ti.timezone),
  end_date: moment(ti.endDate, ti.timezone),
})

async function printStates(dagId: string, runId: string, flags: Output): Promise<void> {
  const format = readFormat(flags.output)
  await withDeployment(async (deployment) => {
    const run = await requireRun(deployment, dagId, runId)
    const { rows, total } = await deployment.instances.list(run, MOST)
    printRows(rows.map(stateRow), format, COLUMNS)
    if (rows.length < total) tell(`The first ${count(rows.length, 'task instance')} of ${withSeparators(total)}.`)
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
  addLogCommand(tasks)
  addLogCommand(program)
}
