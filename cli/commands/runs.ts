// `dagctl runs list|show|watch`.

import type { Command } from 'commander'
import { BaramError } from '../../core/errors.ts'
import { RUN_STATES } from '../../core/states.ts'
import { time, wholeNumber } from '../arguments.ts'
import { withDeployment } from '../deployment/open.ts'
import { EXIT } from '../exit.ts'
import { requireDag, requireRun } from '../lookup.ts'
import { withOutput } from '../options.ts'
import { printRecord, printRows, readFormat, setExitCode } from '../output.ts'
import { RUN_LIST_COLUMNS, runRow } from '../run-rows.ts'
import { watchRun } from '../watch-run.ts'

interface Output {
  readonly output: string
}

interface ListFlags extends Output {
  readonly state?: string
  readonly startDate?: number
  readonly endDate?: number
  readonly limit: number
}

export async function printRuns(dagId: string, flags: ListFlags): Promise<void> {
  const format = readFormat(flags.output)
  const { state, startDate: from, endDate: to, limit } = flags
  if (state !== undefined && !RUN_STATES.some((known) => known === state))
    throw new BaramError('INPUT_INVALID', `--state is one of ${RUN_STATES.join(', ')}; found ${state}`)
  await withDeployment(async ({ dags, runs }) => {
    await requireDag(dags, dagId)
    printRows((await runs.list(dagId, { state, from, to, limit })).map(runRow), format, RUN_LIST_COLUMNS)
  })
}

async function printRun(dagId: string, runId: string, flags: Output): Promise<void> {
  const format = readFormat(flags.output)
  await withDeployment(async (deployment) => {
    const run = await requireRun(deployment, dagId, runId)
    const columns = [...Object.keys(runRow(run)), 'note']
    printRecord({ ...runRow(run), note: run.note }, format, columns)
  })
}

interface WatchFlags extends Output {
  readonly exitStatus?: boolean
  readonly interval: number
}

async function watch(dagId: string, runId: string, flags: WatchFlags): Promise<void> {
  const format = readFormat(flags.output)
  await withDeployment(async (deployment) => {
    const run = await requireRun(deployment, dagId, runId)
    const ended = await watchRun(deployment, run, flags.interval * 1000)
    if (ended === null) return
    printRows([runRow(ended)], format, RUN_LIST_COLUMNS)
    if (flags.exitStatus === true && ended.state !== 'success') setExitCode(EXIT.failed)
  })
}

export const withRunFilter = (command: Command): Command =>
  withOutput(command)
    .option('--state <state>', 'only runs in this state')
    .option('-s, --start-date <time>', 'logical date from', time('--start-date'))
    .option('-e, --end-date <time>', 'logical date to', time('--end-date'))
    .option('--limit <n>', 'at most this many', wholeNumber('--limit', { least: 1 }), 50)

const withRun = (command: Command): Command => command.argument('<dag-id>').argument('<run-id>', 'a run, or `latest`')

export function addRunCommands(program: Command): void {
  const runs = program.command('runs').description('runs of DAGs')
  withRunFilter(runs.command('list').argument('<dag-id>').description('runs of a DAG, newest first')).action(printRuns)
  withOutput(withRun(runs.command('show')).description('one run')).action(printRun)
  withOutput(withRun(runs.command('watch')).description('each change of a run and its tasks, until it ends'))
    .option('--exit-status', 'exit code 0 when it ends in success, 1 when it fails')
    .option('--interval <n>', 'seconds between two looks', wholeNumber('--interval', { least: 1, most: 3600 }), 2)
    .action(watch)
}
