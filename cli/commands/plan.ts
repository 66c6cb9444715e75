// `dagctl plan`: what a changed DAGs folder would do, before it is live.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { losesAnything, type PlannedRun } from '../../core/plan-change.ts'
import type { DueRun } from '../../core/timetables/timetable.ts'
import { localTexts } from '../../core/timetables/zone.ts'
import { type Folder, type PlannedDag, planFolder } from '../../engine/dags/preview-folder.ts'
import { EXAMPLES_PREFIX, listDagFiles } from '../../scheduler/dag-files.ts'
import { readFiles } from '../check/read-files.ts'
import { withContext } from '../context.ts'
import { count } from '../count.ts'
import { EXIT } from '../exit.ts'
import { jsonText, print, setExitCode, tell } from '../output.ts'
import { style } from '../style.ts'
import type { Context } from '../wire.ts'

interface PlanFlags {
  readonly json?: boolean
  readonly all?: boolean
}

async function readFolder({ config, log }: Context, folder: string): Promise<Folder> {
  const scratch = mkdtempSync(join(tmpdir(), 'baram-plan-'))
  try {
    const files = await readFiles(await listDagFiles({ folder, prefix: '' }), { config, log, home: scratch })
    return {
      dags: files.flatMap(({ file, dags, compiled }) =>
        dags.map((dag) => ({ dag, moduleHash: compiled?.hash ?? '', file: file.name })),
      ),
      broken: files.filter((file) => file.errors.length > 0).map(({ file }) => file.name),
      elsewhere: EXAMPLES_PREFIX,
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

const at = (instant: number, zone: string): string => localTexts(instant, zone).ts.replace('T', ' ').slice(0, 16)
const runAt = (run: DueRun, zone: string): string => at(run.runAfter, zone)

function nextLine(run: PlannedRun, zone: string): string {
  const size = Math.abs(run.clockChange)
  const clocks =
    run.clockChange === 0
      ? ''
      : style.yellow(
          `  clocks ${run.clockChange > 0 ? 'forward' : 'back'} ${size % 60 === 0 ? `${size / 60} h` : `${size} min`}`,
        )
  const { start, end } = run.dataInterval
  const interval = start === end ? '' : style.dim(`  for ${at(start, zone)} to ${at(end, zone)}`)
  return `    ${runAt(run, zone)}${run.isDue ? style.yellow('  at once') : ''}${interval}${clocks}`
}

const KINDS = {
  new: style.green('new'),
  changed: style.cyan('changed'),
  same: style.dim('same'),
  gone: style.red('gone'),
  broken: style.red('broken'),
} as const

function versionWords({ version, nextVersion, kind }: PlannedDag): string {
  if (kind === 'new') return 'v1'
  if (kind !== 'changed') return version === null ? '' : `v${version}`
  return nextVersion === version ? `v${version}, replaced in place: no run uses it` : `v${version} → v${nextVersion}`
}

function runLines(dag: PlannedDag): string[] {
  const { timezone: zone } = dag
  const some = (word: string, runs: readonly DueRun[]) =>
    runs.length === 0
      ? []
      : [
          `  ${word} ${runs
            .slice(0, 5)
            .map((run) => runAt(run, zone))
            .join(', ')}${runs.length > 5 ? ` and ${runs.length - 5} more` : ''}`,
        ]
  return [
    ...some(style.red(`${count(dag.lost.length, 'run')} lost:   `), dag.lost),
    ...some(style.yellow(`${count(dag.created.length, 'run')} created:`), dag.created),
    ...dag.moved.slice(0, 2).map(({ from, to }) => `  moved:     ${runAt(from, zone)} → ${runAt(to, zone)}`),
    ...(dag.moved.length > 2 ? [`             and ${dag.moved.length - 2} more`] : []),
    ...(dag.gap === null ? [] : [style.red(`  no run covers ${at(dag.gap.start, zone)} to ${at(dag.gap.end, zone)}`)]),
    ...(dag.overlap === null
      ? []
      : [style.yellow(`  covered again: ${at(dag.overlap.start, zone)} to ${at(dag.overlap.end, zone)}`)]),
  ]
}

function linesOf(dag: PlannedDag): string[] {
  const { before, after } = dag.schedule
  const isOther = dag.kind === 'changed'
  const tasks = [
    ...dag.tasksAdded.map((id) => style.green(`+${id}`)),
    ...dag.tasksRemoved.map((id) => style.red(`-${id}`)),
  ].join(' ')
  const state = dag.isPaused ? style.yellow('  paused: nothing of it is made until it is switched on') : ''
  return [
    `${style.bold(dag.dagId)}  ${KINDS[dag.kind]}  ${versionWords(dag)}  ${style.dim(dag.file)}${state}`,
    ...(dag.kind === 'broken' ? ['  its file cannot be read (dagctl check): the last good version runs on'] : []),
    ...(before === after || !isOther ? [] : [`  schedule:  ${before ?? 'none'} → ${after ?? 'none'}`]),
    ...(tasks === '' || !isOther ? [] : [`  tasks:     ${tasks}`]),
    ...dag.tasksChanged.map(({ taskId, options }) => `  task ${taskId}: ${options.join(', ')}`),
    ...runLines(dag),
    ...(dag.next.length === 0
      ? []
      : [`  next, ${dag.timezone}:`, ...dag.next.map((run) => nextLine(run, dag.timezone))]),
  ]
}

const iso = (instant: number) => new Date(instant).toISOString()
const runJson = (run: DueRun) => ({ run_after: iso(run.runAfter), logical_date: iso(run.logicalDate) })
const spanJson = (span: { start: number; end: number } | null) =>
  span === null ? null : { start: iso(span.start), end: iso(span.end) }

const dagJson = (dag: PlannedDag) => ({
  dag_id: dag.dagId,
  file: dag.file,
  kind: dag.kind,
  version: dag.version,
  next_version: dag.nextVersion,
  is_paused: dag.isPaused,
  timezone: dag.timezone,
  schedule: dag.schedule,
  tasks_added: dag.tasksAdded,
  tasks_removed: dag.tasksRemoved,
  tasks_changed: dag.tasksChanged.map(({ taskId, options }) => ({ task_id: taskId, options })),
  created: dag.created.map(runJson),
  lost: dag.lost.map(runJson),
  moved: dag.moved.map(({ from, to }) => ({ from: runJson(from), to: runJson(to) })),
  gap: spanJson(dag.gap),
  overlap: spanJson(dag.overlap),
  next: dag.next.map((run) => ({ ...runJson(run), is_due: run.isDue, clock_change_minutes: run.clockChange })),
  loses: losesAnything(dag),
})

async function plan(folder: string | undefined, flags: PlanFlags): Promise<void> {
  await withContext(async (context) => {
    const path = resolve(folder ?? context.config.dagsFolder)
    const planned = await planFolder(context.database, context.runCache, await readFolder(context, path))
    const losing = planned.filter(losesAnything)
    if (flags.json === true) print(jsonText({ dags: planned.map(dagJson), loses: losing.length > 0 }))
    else {
      const told = flags.all === true ? planned : planned.filter((dag) => dag.kind !== 'same')
      for (const dag of told) print(`${linesOf(dag).join('\n')}\n`)
      const same = planned.length - planned.filter((dag) => dag.kind !== 'same').length
      tell(
        `${count(planned.length - same, 'DAG')} would change, ${same} stay as they are${flags.all === true || same === 0 ? '' : ' (--all shows them)'}.`,
      )
      if (losing.length > 0) tell(style.red(`Something would be lost: ${losing.map((dag) => dag.dagId).join(', ')}.`))
    }
    if (planned.some((dag) => dag.kind === 'broken')) setExitCode(EXIT.failed)
    if (losing.length > 0) setExitCode(EXIT.refused)
  })
}

export function addPlanCommand(program: Command): void {
  program
    .command('plan')
    .description(
      'what a changed DAGs folder would do: versions, next runs, runs created or lost; exit code 4 if anything is lost',
    )
    .argument('[folder]', 'the folder to be; the DAGs folder by default')
    .option('--all', 'also DAGs that stay as they are')
    .option('--json', 'as JSON')
    .action(plan)
}
