// One thing that `dagctl check` has to say, wherever it comes from.

/** `error`: it cannot run, or not as written. `warning`: it may well be meant so. */
export interface CheckFault {
  /** Relative to the checked folder; null = the whole folder. */
  readonly file: string | null
  readonly line: number | null
  readonly column: number | null
  /** A code of docs/errors.md, or the compiler's own (`TS2322`). */
  readonly code: string
  /** What is wrong and what to do. */
  readonly message: string
  readonly level: 'error' | 'warning'
}

/** By file, then line; what has no place comes first in its file. */
export function compareFaults(a: CheckFault, b: CheckFault): number {
  const [fileA, fileB] = [a.file ?? '', b.file ?? '']
  if (fileA !== fileB) return fileA < fileB ? -1 : 1
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)
}
