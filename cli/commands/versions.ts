// `dagctl dags versions|source|diff`: what a DAG was and is.

import type { Command } from 'commander'
import { BaramError } from '../../core/errors.ts'
import { diffVersions, type VersionDiff } from '../../engine/dags/versions.ts'
import { listVersionUses } from '../../store/postgres/read-dags.ts'
import { wholeNumber } from '../arguments.ts'
import { withContext } from '../context.ts'
import { localDags } from '../deployment/local/dags.ts'
import { withDeployment } from '../deployment/open.ts'
import { requireDag } from '../lookup.ts'
import { moment } from '../moment.ts'
import { withOutput } from '../options.ts'
import { print, printRows, readFormat, tell } from '../output.ts'
import { style } from '../style.ts'

async function printVersions(dagId: string, flags: { output: string }): Promise<void> {
  const format = readFormat(flags.output)
  await withDeployment(async ({ dags }) => {
    const { timezone } = await requireDag(dags, dagId)
    const rows = await dags.versions(dagId)
    printRows(
      rows.map((row) => ({
        version: row.versionNumber,
        created_at: moment(row.createdAt, timezone),
        runs: row.runs,
        active_runs: row.active,
      })),
      format,
      ['version', 'created_at', 'runs', 'active_runs'],
    )
  })
}

async function printSource(dagId: string, flags: { version?: number }): Promise<void> {
  await withDeployment(async ({ dags }) => {
    await requireDag(dags, dagId)
    const number = flags.version ?? null
    const source = await dags.source(dagId, number)
    if (source === null) throw new BaramError('NOT_FOUND', `DAG ${dagId} has no version ${number ?? 'yet'}`)
    print(source.sourceCode)
  })
}

function linesOf(diff: VersionDiff): string[] {
  const facts = [
    ...diff.tasksAdded.map((id) => style.green(`task ${id} is new`)),
    ...diff.tasksRemoved.map((id) => style.red(`task ${id} is gone`)),
    ...diff.tasksChanged.map(({ taskId, options }) => `task ${taskId}: ${options.join(', ')}`),
  ]
  const colour = { added: style.green, removed: style.red, same: (text: string) => text }
  const mark = { added: '+', removed: '-', same: ' ' }
  const hunks = diff.hunks.flatMap(({ lines }) => {
    const [first] = lines
    const head = style.cyan(`@@ line ${first?.after ?? first?.before ?? 0} @@`)
    return [head, ...lines.map((line) => colour[line.kind](`${mark[line.kind]}${line.text}`))]
  })
  return [...facts, ...hunks]
}

async function printDiff(dagId: string, before: number | undefined, after: number | undefined): Promise<void> {
  await withContext(async (context) => {
    await requireDag(localDags(context), dagId)
    const [newest, older] = await listVersionUses(context.database, dagId, 2)
    const to = after ?? newest?.versionNumber
    const from = before ?? older?.versionNumber
    if (to === undefined || from === undefined) throw new BaramError('NOT_FOUND', `DAG ${dagId} has one version only`)
    const diff = await diffVersions(context.database, context.runCache, dagId, from, to)
    tell(`${dagId} v${from} → v${to}`)
    for (const line of linesOf(diff)) print(line)
    if (diff.hunks.length === 0)
      print(diff.isImported ? 'The file is the same; something that it imports has changed.' : 'The two do not differ.')
  })
}

export function addVersionCommands(dags: Command): void {
  withOutput(
    dags.command('versions').argument('<dag-id>').description('versions of a DAG, and how many runs each has'),
  ).action(printVersions)
  dags
    .command('source')
    .argument('<dag-id>')
    .option('--version <n>', 'an older version', wholeNumber('--version', { least: 1 }))
    .description('the file of a DAG as it was read')
    .action(printSource)
  dags
    .command('diff')
    .argument('<dag-id>')
    .argument('[before]', 'a version; the last but one by default', wholeNumber('the older version', { least: 1 }))
    .argument('[after]', 'a version; the latest by default', wholeNumber('the newer version', { least: 1 }))
    .description('what differs between two versions')
    .action(printDiff)
}
