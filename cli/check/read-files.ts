// Reads DAG files as the dag-processor does: each compiled into one module and evaluated in a child with limits.

import { readFile } from 'node:fs/promises'
import type { SerializedDag } from '../../core/serialized.ts'
import type { Config } from '../../runtime/config.ts'
import type { Logger } from '../../runtime/logger.ts'
import { ModuleStore } from '../../runtime/module-store.ts'
import { type CodeFault, type CompiledFile, CompileError, compileFile } from '../../scheduler/compile.ts'
import type { DagFile } from '../../scheduler/dag-files.ts'
import { locate, locateDeath } from '../../scheduler/locate.ts'
import { Parser } from '../../scheduler/parser.ts'

/** What reading one file gave. */
export interface ReadFile {
  readonly file: DagFile
  readonly source: string
  /** Null when it cannot be compiled. */
  readonly compiled: CompiledFile | null
  readonly dags: readonly SerializedDag[]
  readonly errors: readonly CodeFault[]
  readonly warnings: readonly CodeFault[]
}

export interface ReadOptions {
  readonly config: Config
  readonly log: Logger
  /** Where modules are written for the child. */
  readonly home: string
}

async function compile(file: DagFile): Promise<CompiledFile | CompileError> {
  try {
    return await compileFile(file.path, file.folder)
  } catch (error) {
    if (error instanceof CompileError) return error
    throw error
  }
}

async function evaluate(file: DagFile, compiled: CompiledFile, parser: Parser, modules: ModuleStore) {
  const outcome = await parser.parse(modules.put(compiled.hash, compiled.code))
  if (outcome.kind === 'died')
    return { dags: [], errors: [locateDeath(outcome.message, file.name, compiled)], warnings: [] }
  const { dags, errors, doubts, notices } = outcome.result
  const told = notices.map(
    (message): CodeFault => ({ code: 'DAG_INVALID', message, file: file.name, line: null, column: null, frame: null }),
  )
  const here = (fault: Parameters<typeof locate>[0]) => locate(fault, file.name, compiled)
  return { dags, errors: [...errors, ...doubts].map(here), warnings: told }
}

/** A file without a DAG that others import is a helper, as the dag-processor has it. */
function dropHelpers(files: readonly ReadFile[]): ReadFile[] {
  const isImported = ({ file }: ReadFile) =>
    files.some((other) => other.file !== file && other.compiled?.inputs.includes(file.path) === true)
  return files.map((file) =>
    file.errors.some((fault) => fault.code === 'FILE_EMPTY') && isImported(file) ? { ...file, errors: [] } : file,
  )
}

/** Compiles all files at once and evaluates them one after another in one child. */
export async function readFiles(files: readonly DagFile[], options: ReadOptions): Promise<ReadFile[]> {
  const { config, log, home } = options
  const modules = new ModuleStore(home)
  modules.open()
  const parser = new Parser({
    memoryMb: config.parserMemoryMb,
    timeoutMs: config.dagFileTimeoutMs,
    env: config.childEnv,
    cwd: home,
    log,
    defaults: { maxActiveTasks: config.maxActiveTasksPerDag, maxActiveRuns: config.maxActiveRunsPerDag },
  })
  parser.warm()
  try {
    const compiling = files.map(compile)
    const read: ReadFile[] = []
    for (const [i, file] of files.entries()) {
      const compiled = await (compiling[i] as ReturnType<typeof compile>)
      const source = await readFile(file.path, 'utf8')
      if (compiled instanceof CompileError)
        read.push({ file, source, compiled: null, dags: [], errors: compiled.faults, warnings: [] })
      else read.push({ file, source, compiled, ...(await evaluate(file, compiled, parser, modules)) })
    }
    return dropHelpers(read)
  } finally {
    parser.close()
  }
}
