// `dagctl check`: what is wrong with DAG files, before any server sees them.

import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve, sep } from 'node:path'
import type { Command } from 'commander'
import { BaramError } from '../../core/errors.ts'
import { type Config, loadConfig } from '../../runtime/config.ts'
import { type Logger, makeLogger } from '../../runtime/logger.ts'
import { type DagFile, listDagFiles } from '../../scheduler/dag-files.ts'
import { listPools } from '../../store/postgres/read-admin.ts'
import { listDags } from '../../store/postgres/read-dags.ts'
import { type CheckResult, checkFiles } from '../check/check.ts'
import type { CheckFault } from '../check/fault.ts'
import type { Known } from '../check/folder.ts'
import { everything } from '../context.ts'
import { count } from '../count.ts'
import { EXIT } from '../exit.ts'
import { jsonText, print, setExitCode, tell } from '../output.ts'
import { style } from '../style.ts'
import { openRunning } from '../wire.ts'

interface CheckFlags {
  readonly json?: boolean
}

/** The folder, and which of its files: all, or those that were named. */
async function findFiles(
  config: Config,
  paths: readonly string[],
): Promise<{ folder: string; files: readonly DagFile[] }> {
  const full = paths.map((path) => resolve(path))
  for (const path of full)
    if (!existsSync(path)) throw new BaramError('NOT_FOUND', `there is no file or folder ${path}`)
  const [first] = full
  const isFolder = first !== undefined && statSync(first).isDirectory()
  if (isFolder && full.length > 1)
    throw new BaramError('INPUT_INVALID', 'dagctl check takes one folder, or files; not both')
  const all = resolve(config.dagsFolder)
  const isInside = full.every((path) => path.startsWith(all + sep))
  const folder = isFolder ? first : first === undefined || isInside ? all : resolve(first, '..')
  if (!existsSync(folder))
    throw new BaramError('NOT_FOUND', `there is no DAGs folder ${folder}; make it, or name one: dagctl check my-dags`)
  const files = await listDagFiles({ folder, prefix: '' })
  return {
    folder,
    files: isFolder || first === undefined ? files : files.filter((file) => full.includes(file.fileloc)),
  }
}

/** Pools and DAGs of the deployment, if its database is running; a check starts none. */
async function askDeployment(config: Config, log: Logger): Promise<Omit<Known, 'environment'>> {
  const database = await openRunning(config, log)
  if (database === null) return { pools: null, dagIds: new Set<string>() }
  try {
    const pools = await listPools(database, {}, everything)
    const dags = await listDags(database, { excludeStale: true }, everything)
    return {
      pools: new Set(pools.rows.map((row) => row.pool)),
      dagIds: new Set(dags.rows.map((row) => row.dagId)),
    }
  } finally {
    await database.close()
  }
}

function placeOf({ file, line, column }: CheckFault, shown: (file: string) => string): string {
  if (file === null) return '(folder)'
  return line === null ? shown(file) : `${shown(file)}:${line}:${column ?? 1}`
}

function printFaults({ faults }: CheckResult, shown: (file: string) => string): void {
  for (const fault of faults) {
    const code = fault.level === 'error' ? style.red(fault.code) : style.yellow(`${fault.code} (warning)`)
    print(`${placeOf(fault, shown)}  ${code}  ${fault.message}`)
  }
}

function printPortability({ portability }: CheckResult): void {
  for (const { dagId, isPortable, because } of portability)
    print(`${dagId}  runs on Airflow: ${isPortable ? 'yes' : `no, because ${because.join('; ')}`}`)
}

function printSummary(result: CheckResult, files: number): void {
  const errors = result.faults.filter((fault) => fault.level === 'error').length
  const warnings = result.faults.length - errors
  const { compilerStart, types, files: reading } = result.ms
  tell(
    `${count(files, 'file')}, ${count(result.dags, 'DAG')}: ${count(errors, 'fault')}, ` +
      `${count(warnings, 'warning')} (${result.compiler}; its start ${compilerStart} ms, types ${types} ms, beside ` +
      `${reading} ms for the files)`,
  )
  if (!result.arePoolsChecked) tell('pools not checked: no database runs for this home')
}

async function check(paths: readonly string[], flags: CheckFlags): Promise<void> {
  const config = loadConfig()
  const { folder, files } = await findFiles(config, paths)
  const log = makeLogger('dagctl', 'silent')
  const scratch = mkdtempSync(join(tmpdir(), 'baram-check-'))
  try {
    const result = await checkFiles({
      config,
      log,
      folder,
      files,
      scratch,
      known: askDeployment(config, log),
    })
    if (flags.json === true) {
      const { faults, portability, dags, arePoolsChecked, ms } = result
      print(jsonText({ folder, faults, portability, dags, arePoolsChecked, ms }))
    } else {
      const base = relative(process.cwd(), folder)
      const shown = (file: string) => join(base.startsWith('..') ? folder : base, file)
      printFaults(result, shown)
      printPortability(result)
      printSummary(result, files.length)
    }
    if (result.faults.some((fault) => fault.level === 'error')) setExitCode(EXIT.failed)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

export function addCheckCommand(program: Command): void {
  program
    .command('check')
    .description('what is wrong with DAG files: types, graphs, and what the whole folder shows; needs no server')
    .argument('[paths...]', 'a folder or files; default: the DAGs folder')
    .option('--json', 'faults and portability for programs')
    .action(check)
}
