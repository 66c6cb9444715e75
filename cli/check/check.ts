// `dagctl check`: types, the files as the dag-processor reads them, and rules over the whole folder; side by side.

import { readFileSync } from 'node:fs'
import type { Config } from '../../runtime/config.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { CodeFault } from '../../scheduler/compile.ts'
import type { DagFile } from '../../scheduler/dag-files.ts'
import { type CheckFault, compareFaults } from './fault.ts'
import { checkFolder, type Known } from './folder.ts'
import { type Portability, portabilityOf } from './portability.ts'
import { type ReadFile, readFiles } from './read-files.ts'
import { checkTypes } from './types.ts'
import type { TypesAnswer } from './types-program.ts'
import type { BranchChoice } from './types-rules.ts'

export interface CheckRequest {
  readonly config: Config
  readonly log: Logger
  readonly folder: string
  readonly files: readonly DagFile[]
  /** Where modules are written for the child that reads the files. */
  readonly scratch: string
  readonly known: Promise<Omit<Known, 'environment'>>
}

export interface CheckResult {
  readonly faults: readonly CheckFault[]
  readonly portability: readonly Portability[]
  readonly dags: number
  readonly compiler: string
  readonly arePoolsChecked: boolean
  /** Milliseconds, side by side: loading the compiler, checking types, everything else. */
  readonly ms: { readonly compilerStart: number; readonly types: number; readonly files: number }
}

const fromCode = (fault: CodeFault, name: string, level: CheckFault['level']): CheckFault => ({
  file: fault.file ?? name,
  line: fault.line,
  column: fault.column,
  code: fault.code,
  message: fault.message,
  level,
})

/** Branches that choose what no DAG of their file has. */
function unknownChoices(branches: readonly BranchChoice[], files: readonly ReadFile[]): CheckFault[] {
  return branches.flatMap(({ file, ids, ...place }) => {
    const read = files.find((known) => known.file.name === file)
    // A helper's branch belongs to DAGs elsewhere; a broken file has other worries.
    if (read === undefined || read.dags.length === 0) return []
    const known = read.dags.flatMap((dag) => [
      ...dag.tasks.map((task) => task.taskId),
      ...dag.groups.map((group) => group.groupId),
    ])
    return ids
      .filter((id) => !known.includes(id))
      .map((id) => ({
        file,
        ...place,
        code: 'BRANCH_UNKNOWN',
        message: `this branch may choose "${id}", but there is no such task; return one of ${known.map((task) => `"${task}"`).join(', ')}`,
        level: 'error' as const,
      }))
  })
}

/** Of a fault that both found, the compiler's is left out where the file's own sentence stands on the same line. */
function mergeFaults(types: readonly CheckFault[], others: readonly CheckFault[]): CheckFault[] {
  const told = new Set(others.map(({ file, line }) => `${file}:${line}`))
  return [...others, ...types.filter(({ file, line }) => !told.has(`${file}:${line}`))].sort(compareFaults)
}

/** Everything there is to say about some DAG files. */
export async function checkFiles(request: CheckRequest): Promise<CheckResult> {
  const { config, log, folder, files, scratch } = request
  const began = performance.now()
  const typing: Promise<TypesAnswer> = checkTypes({
    folder,
    files: files.map((file) => file.fileloc),
  })
  typing.catch(() => undefined) // Awaited below, when the files have been read.
  const read = await readFiles(files, { config, log, home: scratch })
  const known = { ...(await request.known), environment: new Set(Object.keys(config.childEnv)) }
  const whole = checkFolder(read, known)
  const filesMs = Math.round(performance.now() - began)
  const types = await typing
  const others = [
    ...read.flatMap((file) => [
      ...file.errors.map((fault) => fromCode(fault, file.file.name, 'error')),
      ...file.warnings.map((fault) => fromCode(fault, file.file.name, 'warning')),
    ]),
    ...whole,
    ...unknownChoices(types.branches, read),
  ]
  return {
    faults: mergeFaults(types.faults, others),
    portability: read.flatMap((file) => portabilityOf(file, (path) => readFileSync(path, 'utf8'))),
    dags: read.reduce((sum, file) => sum + file.dags.length, 0),
    compiler: types.compiler,
    arePoolsChecked: known.pools !== null,
    ms: { compilerStart: types.ms.start, types: types.ms.check, files: filesMs },
  }
}
