// Whether a DAG file runs on Apache Airflow unchanged: it may use the names of Airflow's SDK, Node's own modules and files
// of its own, and must serve what it declares.

import { relative } from 'node:path'
import type { ModuleImport } from '../../scheduler/compile.ts'
import { findLine } from '../../scheduler/locate.ts'
import type { ReadFile } from './read-files.ts'

export interface Portability {
  readonly dagId: string
  readonly file: string
  readonly isPortable: boolean
  /** Why not, each with its place; empty when it is. */
  readonly because: readonly string[]
}

const FACADE = /^(@apache-airflow\/ts-sdk|apache-airflow-ts-sdk)(\/(hitl|coordinator))?$/

/** What Airflow lacks for an import; null when it has it. */
function reasonFor({ specifier, kind }: ModuleImport): string | null {
  switch (kind) {
    case 'node':
      return null
    case 'product':
      return FACADE.test(specifier) ? null : `it imports "${specifier}", which only Baram has`
    case 'package':
      return `it imports the npm package "${specifier}", which has to be installed and packed with it there`
    case 'text':
      return `it imports "${specifier}" as text, which Airflow's packer does not do`
  }
}

function reasonsOf(read: ReadFile, sourceOf: (path: string) => string): string[] {
  const { compiled, file } = read
  if (compiled === null) return []
  const because = compiled.imports.flatMap((imported) => {
    const reason = reasonFor(imported)
    if (reason === null) return []
    const name = relative(file.folder, imported.from)
    const place = findLine(
      sourceOf(imported.from),
      new RegExp(`['"]${imported.specifier.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}['"]`),
    )
    return [`${reason} (${name}:${place?.line ?? 1})`]
  })
  if (because.length === 0 && !/\.serve\s*\(/.test(read.source)) {
    const place = findLine(read.source, /\bexport\b/)
    because.push(
      `it exports its DAG instead of serving it: add \`await new Bundle(dag).serve()\` (${file.name}:${place?.line ?? 1})`,
    )
  }
  return [...new Set(because)]
}

/** Of each DAG of a file. */
export function portabilityOf(read: ReadFile, sourceOf: (path: string) => string): Portability[] {
  const because = reasonsOf(read, sourceOf)
  return read.dags.map(({ dagId }) => ({ dagId, file: read.file.name, isPortable: because.length === 0, because }))
}
