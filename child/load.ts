// Evaluates a compiled DAG file and finds its DAGs: those of a served bundle first, else every exported one.

import { pathToFileURL } from 'node:url'
import { BaramError, messageOf } from '../core/errors.ts'
import type { ParseFault, ParseResult } from '../core/protocol.ts'
import { openLoadScope } from '../sdk/bundle.ts'
import { type FacadeDag, isDag } from '../sdk/dag.ts'
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

function faultOf(error: unknown, dagId: string | null): ParseFault {
  return { dagId, message: messageOf(error), stack: error instanceof Error ? (error.stack ?? null) : null }
}

/** The whole file as the dag-processor wants it: one broken DAG does not take the others with it. */
export async function parseModule(path: string, server: ServerDefaults): Promise<ParseResult> {
  let file: LoadedFile
  try {
    file = await loadModule(path)
  } catch (error) {
    return { dags: [], errors: [faultOf(error, null)], notices: [] }
  }
  const dags: ParseResult['dags'][number][] = []
  const errors: ParseFault[] = []
  const seen = new Set<string>()
  for (const dag of file.dags) {
    try {
      if (seen.has(dag.dagId))
        throw new BaramError(
          'DAG_INVALID',
          `DAG "${dag.dagId}" is declared twice in this file; give one of the two another id`,
        )
      seen.add(dag.dagId)
      dags.push(serializeDag(dag, server))
    } catch (error) {
      errors.push(faultOf(error, dag.dagId))
    }
  }
  if (file.dags.length === 0 && file.notices.length === 0) {
    errors.push({
      dagId: null,
      message:
        'this file declares no DAG: export one (`export const dag = new Dag(…)`) or serve a Bundle; helper modules belong into .airflowignore',
      stack: null,
    })
  }
  return { dags, errors, notices: file.notices }
}
