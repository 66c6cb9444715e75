// What `dagctl test`, `tasks test` and `tasks render` share: a DAG loaded into this process, and the world it runs in.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { url as inspectorUrl } from 'node:inspector'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { BaramError } from '../core/errors.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import { type Config, loadConfig } from '../runtime/config.ts'
import { ModuleStore } from '../runtime/module-store.ts'
import { packageRoot } from '../runtime/paths.ts'
import { compileFile } from '../scheduler/compile.ts'
import { type DagFile, listDagFiles } from '../scheduler/dag-files.ts'
import type { FacadeDag } from '../sdk/dag.ts'
import type { LogLine, RunOptions, Watcher } from '../testing/index.ts'
import { loadHere } from '../testing/load.ts'
import { readJsonObject } from './arguments.ts'
import { print } from './output.ts'
import { colorOfState } from './state-colors.ts'
import { style } from './style.ts'
import { escapeUnseen } from './visible.ts'

export interface TrialFlags {
  /** Epoch ms. */
  readonly date?: number
  readonly conf?: string
  readonly vars?: string
  readonly file?: string
  readonly folder?: string
}

/** Files that may declare a DAG: the named one, else those of the DAGs folder, then the examples; likely ones first. */
async function candidates(config: Config, dagId: string, file: string | undefined): Promise<DagFile[]> {
  if (file !== undefined) {
    const path = resolve(file)
    if (!existsSync(path)) throw new BaramError('NOT_FOUND', `there is no file ${file}`)
    const folder = dirname(path)
    return [{ path, fileloc: path, folder, name: basename(path), root: { folder, prefix: '' } }]
  }
  const folders = [resolve(config.dagsFolder), ...(config.loadExamples ? [join(packageRoot, 'dags')] : [])]
  const listed = [...new Set(folders)].filter((folder) => existsSync(folder))
  const files = (await Promise.all(listed.map((folder) => listDagFiles({ folder, prefix: '' })))).flat()
  // Its id stands in it nearly always; the others are looked at only when it does not.
  const names = (candidate: DagFile) => Number(readFileSync(candidate.path, 'utf8').includes(dagId))
  return files.sort((a, b) => names(b) - names(a))
}

/** @throws BaramError NOT_FOUND; CompileError */
async function loadDag(
  config: Config,
  dagId: string,
  file: string | undefined,
  modules: ModuleStore,
): Promise<FacadeDag> {
  const files = await candidates(config, dagId, file)
  const seen: string[] = []
  for (const candidate of files) {
    const isLikely = file !== undefined || readFileSync(candidate.path, 'utf8').includes(dagId)
    try {
      // Source maps lead to the file itself: a debugger stops in it.
      const compiled = await compileFile(candidate.path, candidate.folder, `${candidate.folder}/`)
      const dags = await loadHere(modules.put(compiled.hash, compiled.code))
      const found = dags.find((dag) => dag.dagId === dagId)
      if (found !== undefined) return found
      seen.push(...dags.map((dag) => dag.dagId))
    } catch (error) {
      if (isLikely) throw error // Another file's faults are not this DAG's.
    }
  }
  throw new BaramError(
    'NOT_FOUND',
    `there is no DAG ${dagId} in ${file ?? config.dagsFolder}${seen.length === 0 ? '' : `; there are ${[...new Set(seen)].sort().join(', ')}`}`,
  )
}

/** `{"variables": {…}, "connections": {…}}`, or Variables alone. */
function readVars(path: string | undefined): Pick<RunOptions, 'variables' | 'connections'> {
  if (path === undefined) return {}
  if (!existsSync(path)) throw new BaramError('NOT_FOUND', `there is no file ${path}`)
  const values = readJsonObject(readFileSync(path, 'utf8'), path)
  const { variables, connections } = values
  if (variables === undefined && connections === undefined) return { variables: values }
  return {
    variables: (variables ?? {}) as JsonObject,
    // Each is checked when the world is made.
    connections: (connections ?? {}) as NonNullable<RunOptions['connections']>,
  }
}

/** Runs `body` with the DAG and its options; nothing of it stays but what `--folder` keeps. */
export async function withTrial<T>(
  dagId: string,
  flags: TrialFlags,
  body: (dag: FacadeDag, options: RunOptions) => Promise<T>,
): Promise<T> {
  const config = loadConfig()
  const scratch = mkdtempSync(join(tmpdir(), 'baram-trial-'))
  try {
    const modules = new ModuleStore(scratch)
    modules.open()
    const dag = await loadDag(config, dagId, flags.file, modules)
    return await body(dag, {
      ...readVars(flags.vars),
      overrides: { variables: config.variableOverrides, connections: config.connectionOverrides },
      conf: readJsonObject(flags.conf, '--conf'),
      ...(flags.date !== undefined && { date: new Date(flags.date) }),
      ...(flags.folder !== undefined && { folder: resolve(flags.folder) }),
      // Whoever steps through a task takes longer than it may.
      hasTimeLimits: inspectorUrl() === undefined,
    })
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

export const withTrialOptions = (command: Command): Command =>
  command
    .option('--conf <json>', "the run's conf; its keys override the DAG's params")
    .option('--vars <file>', 'JSON with "variables" and "connections"; BARAM_VAR_X and BARAM_CONN_X win over it')
    .option('--file <path>', 'the file of the DAG; default: found in the DAGs folder')
    .option('--folder <path>', 'keep what embedded backends write here; default: a temporary folder')

const COLOURS = { debug: style.dim, info: (text: string) => text, warning: style.yellow, error: style.red } as const

/** Frames of what runs the task say nothing about it; causes below them are kept. */
const withoutOurs = (stack: string): string =>
  stack
    .split('\n')
    .filter((line) => !/^\s+at .*(\/dist\/(child|testing|cli)\/|\/node_modules\/commander\/)/.test(line))
    .join('\n')

function printLog({ taskId, level, message, fields }: LogLine): void {
  const { exception, fields: given } = fields as { exception?: string; fields?: JsonValue }
  const more = given === undefined ? '' : ` ${style.dim(escapeUnseen(JSON.stringify(given)))}`
  print(`  ${style.dim(taskId)} ${COLOURS[level](`${level.toUpperCase()} ${message}`)}${more}`)
  if (exception !== undefined) print(withoutOurs(exception).replace(/^/gm, '    '))
}

/** Moves that say nothing new. */
const SILENT = new Set<string | null>(['scheduled', 'queued'])

/** Prints a run task by task, as it goes. */
export const telling = (explain: (because: Parameters<NonNullable<Watcher['onMove']>>[2]) => string): Watcher => ({
  onLog: printLog,
  onMove(name, to, because, at) {
    if (SILENT.has(to)) return
    const text = colorOfState(to ?? '')(to ?? 'none')
    print(`${style.dim(at.toISOString())} ${name} ${text}${to === 'running' ? '' : `  ${explain(because)}`}`)
  },
})
