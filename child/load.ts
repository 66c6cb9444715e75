// Evaluates a compiled DAG file and finds its DAGs: those of a served bundle first, else every exported one.

import { pathToFileURL } from 'node:url'
import { BaramError, type ErrorCode, messageOf } from '../core/errors.ts'
import type { ParseFault, ParseResult } from '../core/protocol.ts'
import { openLoadScope } from '../sdk/bundle.ts'
import { declarationOf, type FacadeDag, isDag } from '../sdk/dag.ts'
import type { DeclaredFault } from '../sdk/read-spec.ts'
import { type ServerDefaults, serializeDag } from '../sdk/serialize.ts'

export interface LoadedFile {
  readonly dags: readonly FacadeDag[]
  readonly notices: readonly string[]
}

const loaded = new Map<string, LoadedFile>()

/** DAGs of a module; a module is evaluated once in a process. */
export async function loadModule(path: string): Promise<LoadedFile> {
  const known = loaded.get(path)
  if (known !== undefined) return known
  const scope = openLoadScope()
  const namespace: unknown = await import(pathToFileURL(path).href)
  const exported: unknown[] = typeof namespace === 'object' && namespace !== null ? Object.values(namespace) : []
  const found = scope.served.length > 0 ? scope.served : exported.flat().filter(isDag)
  const file = { dags: [...new Set(found)], notices: scope.notices }
  loaded.set(path, file)
  return file
}

const stackOf = (error: unknown) => (error instanceof Error ? (error.stack ?? null) : null)

/** True when our own code threw: then its message is a sentence for the author already. */
function isOurs(error: unknown): boolean {
  const frame = /\n\s+at (.+)/.exec(stackOf(error) ?? '')?.[1] ?? ''
  return /[/\\](sdk|core|operators|pipelines)[/\\][^:]+\.[jt]s:\d/.test(frame) && !frame.includes('/dags/')
}

/** What evaluating the file threw. */
function thrownFault(error: unknown): ParseFault {
  const fault = (code: ErrorCode, message: string) => ({ dagId: null, code, message, stack: stackOf(error) })
  if (error instanceof BaramError) return fault(error.code, error.message)
  if (isOurs(error)) return fault('DAG_INVALID', messageOf(error))
  const text = messageOf(error)
  if (/does not provide an export named|^Cannot find (module|package)/.test(text))
    return fault('FILE_IMPORT', `${text}; correct the name or the path, or install the package`)
  return fault('FILE_THROWS', `the file threw while it was loaded: ${text}; what may fail belongs into a task`)
}

/** What is wrong with one DAG, each fault with where it was declared. */
function dagFaults(error: unknown, dagId: string): ParseFault[] {
  const code = error instanceof BaramError ? error.code : 'DAG_INVALID'
  const { faults: declared, stack: site } = error instanceof BaramError ? error.details : {}
  const stack = typeof site === 'string' ? site : stackOf(error)
  if (!Array.isArray(declared)) return [{ dagId, code, message: messageOf(error), stack }]
  // Made by the reader of DAGs, beside the message.
  return (declared as DeclaredFault[]).map((fault) => ({ dagId, code, ...fault }))
}

/** A file that ends its process would take the parser with it: it is told as what it did, at its line. */
async function withoutExit<T>(body: () => Promise<T>): Promise<T> {
  const { exit } = process
  process.exit = (code) => {
    throw new BaramError(
      'FILE_DIED',
      `the file called process.exit: its process would have ended with exit code ${code ?? 0}; DAG files must not end their process`,
    )
  }
  try {
    return await body()
  } finally {
    process.exit = exit
  }
}

const NO_DAG: ParseFault = {
  dagId: null,
  code: 'FILE_EMPTY',
  message:
    'this file declares no DAG: export one (`export const dag = new Dag(…)`) or serve a Bundle; helper modules belong into .airflowignore',
  stack: null,
}

/** Templates are looked at only where there are any: their engine costs 20 ms to load. */
async function findDoubts(dag: FacadeDag, serialized: ParseResult['dags'][number]): Promise<readonly ParseFault[]> {
  const has = serialized.tasks.some((task) => task.templateFields.length > 0 || task.mapIndexTemplate !== null)
  if (!has) return []
  const { doubtsOf } = await import('./templates/template-checks.ts')
  return doubtsOf(dag, serialized)
}

/** The whole file as the dag-processor wants it: one broken DAG does not take the others with it. */
export async function parseModule(path: string, server: ServerDefaults): Promise<ParseResult> {
  let file: LoadedFile
  try {
    file = await withoutExit(() => loadModule(path))
  } catch (error) {
    return { dags: [], errors: [thrownFault(error)], notices: [], doubts: [] }
  }
  const dags: ParseResult['dags'][number][] = []
  const errors: ParseFault[] = []
  const doubts: ParseFault[] = []
  const seen = new Set<string>()
  for (const dag of file.dags) {
    try {
      if (seen.has(dag.dagId))
        throw new BaramError(
          'DAG_INVALID',
          `DAG "${dag.dagId}" is declared twice in this file; give one of the two another id`,
          { details: { stack: declarationOf(dag).site.stack } },
        )
      seen.add(dag.dagId)
      const serialized = serializeDag(dag, server)
      dags.push(serialized)
      doubts.push(...(await findDoubts(dag, serialized)))
    } catch (error) {
      errors.push(...dagFaults(error, dag.dagId))
    }
  }
  if (file.dags.length === 0 && file.notices.length === 0) errors.push(NO_DAG)
  return { dags, errors, notices: file.notices, doubts }
}
