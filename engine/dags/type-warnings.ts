// What a check of types says of DAG files becomes warnings of their DAGs; runs are not affected by it.

import { cutText } from '../../core/storable.ts'
import type { Database } from '../../store/database.ts'
import { deleteWarningsOfKind, type FileWarning, replaceFileWarnings } from '../../store/postgres/dag-warnings.ts'
import { notifyPages } from '../../store/postgres/notify.ts'

/** `dag_warning.warning_type` of a DAG whose file has type errors. */
export const TYPE_ERROR = 'type error'

/** One type error, at its place in a file of the DAGs folder. */
export interface TypeFault {
  /** As its author knows it: relative to the DAGs folder. */
  readonly file: string
  readonly line: number | null
  readonly column: number | null
  readonly message: string
}

/** A DAG file that was checked. */
export interface CheckedFile {
  /** Its name in the database. */
  readonly name: string
  /** Of the module that was read last: tells the version that was checked. */
  readonly moduleHash: string
  /** Of the file and of what it imports. */
  readonly faults: readonly TypeFault[]
}

/** Faults that a warning lists. */
const MOST_FAULTS = 5
/** Characters of one of them: the compiler prints whole object types. */
const FAULT_LENGTH = 300

function faultLine({ file, line, column, message }: TypeFault): string {
  const location = line === null ? file : `${file}:${line}:${column ?? 1}`
  return cutText(`${location} ${message.replace(/\s+/g, ' ').trim()}`, FAULT_LENGTH)
}

/** The warning of a file: a sentence, then a line for each of its first faults. Null = it has none. */
export function typeWarning({ name, faults }: CheckedFile): string | null {
  if (faults.length === 0) return null
  const [subject, verb] = faults.every((fault) => fault.file === name)
    ? [name, 'has']
    : [`${name} and the files that it imports`, 'have']
  const errors = faults.length === 1 ? '1 type error' : `${faults.length} type errors`
  // Its own faults first: that is the file whose name the reader knows.
  const sorted = faults.toSorted((a, b) => Number(b.file === name) - Number(a.file === name))
  const lines = sorted.slice(0, MOST_FAULTS).map(faultLine)
  const rest = faults.length - lines.length
  if (rest > 0) lines.push(`and ${rest} more; dagctl check lists all`)
  return [`${subject} ${verb} ${errors}. Runs are not affected.`, ...lines].join('\n')
}

/**
 * Sets the warnings of the checked files' DAGs and removes those that no longer hold, also of DAGs that are in no file any
 * more. A DAG whose latest version is not the checked one is left as it is: the next check tells.
 * @returns the DAGs whose warning changed
 */
export async function recordTypeFaults(database: Database, files: readonly CheckedFile[]): Promise<readonly string[]> {
  const warnings = files.map(
    (file): FileWarning => ({ file: file.name, moduleHash: file.moduleHash, message: typeWarning(file) }),
  )
  return database.transaction(async (tx) => {
    const dags = await replaceFileWarnings(tx, TYPE_ERROR, warnings)
    if (dags.length > 0) await notifyPages(tx, { runs: [], dags })
    return dags
  })
}

/** For a deployment that checks no types: what an earlier one found would never be removed. */
export async function forgetTypeFaults(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    const dags = await deleteWarningsOfKind(tx, TYPE_ERROR)
    if (dags.length > 0) await notifyPages(tx, { runs: [], dags })
  })
}
