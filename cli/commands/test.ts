// `dagctl test`: one run of a DAG in this process, without a server.

import type { Command } from 'commander'
import { ALERT_OPTIONS } from '../../core/alerts.ts'
import { describeReason } from '../../core/reasons.ts'
import { runDag } from '../../testing/index.ts'
import { time } from '../arguments.ts'
import { EXIT } from '../exit.ts'
import { print, setExitCode } from '../output.ts'
import { style } from '../style.ts'
import { type TrialFlags, telling, withTrial, withTrialOptions } from '../trial.ts'
import { escapeUnseen } from '../visible.ts'

interface TestFlags extends TrialFlags {
  readonly task?: string
  readonly showXcoms?: boolean
}

const nameOf = (taskId: string, mapIndex: number) => `${taskId}${mapIndex < 0 ? '' : `[${mapIndex}]`}`

async function test(dagId: string, flags: TestFlags): Promise<void> {
  await withTrial(dagId, flags, async (dag, options) => {
    const run = await runDag(dag, {
      ...options,
      ...telling(describeReason),
      ...(flags.task !== undefined && { task: flags.task }),
    })
    if (flags.showXcoms === true)
      for (const { taskId, mapIndex, xcoms } of run.tasks)
        for (const [key, value] of Object.entries(xcoms))
          print(`${nameOf(taskId, mapIndex)} ${style.dim(key)} ${escapeUnseen(JSON.stringify(value))}`)
    for (const { kind, taskId, mapIndex } of run.callbacks)
      print(
        style.dim(
          `not called by a test: ${ALERT_OPTIONS[kind]} of ${taskId === null ? dagId : nameOf(taskId, mapIndex)}`,
        ),
      )
    const isGood = run.state === 'success'
    print(`${dagId} ${run.runId}: ${isGood ? style.green('success') : style.red('failed')}`)
    if (!isGood) setExitCode(EXIT.failed)
  })
}

export function addTestCommand(program: Command): void {
  withTrialOptions(
    program
      .command('test')
      .description(
        'run a DAG once in this process: no server, no waiting; node --inspect-brk "$(which dagctl)" test … stops in it',
      )
      .argument('<dag-id>')
      .option('-d, --date <time>', 'logical date (ISO); default: now', time('--date'))
      .option('-t, --task <task-id>', 'only this task and what is upstream of it')
      .option('--show-xcoms', 'print what tasks returned'),
  ).action(test)
}
