// The last exception that a try has logged: what was thrown, and the author's own frame closest to it.

import type { AttemptLogKey } from '../../runtime/attempt-log.ts'
import { findLog } from './log-file.ts'
import { traceItems } from './shown/trace.ts'
import { readTail } from './window.ts'

export interface LastError {
  /** The first line of the exception. */
  readonly thrown: string
  /** `at collectPage (dags/gmarket.ts:41:10)`; null when no frame of it is the author's. */
  readonly frame: string | null
}

/** Lines from the end of the log in which it is looked for. */
const LINES = 100

/** Null when the log is on another host, or tells of none. */
export async function readLastError(root: string, key: AttemptLogKey, zone: string): Promise<LastError | null> {
  const path = await findLog(root, key)
  const tail = path === null ? null : await readTail(path, true, LINES, zone)
  const trace = tail?.lines.findLast((line) => line.trace !== undefined)?.trace
  if (trace === undefined) return null
  const rows = traceItems(trace).flatMap((item) => (item.kind === 'stack' ? [] : [item]))
  return { thrown: rows[0]?.text ?? '', frame: rows.find(({ kind }) => kind === 'own')?.text ?? null }
}
