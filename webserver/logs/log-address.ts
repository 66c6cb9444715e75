// How a page names the log it shows, in the requests of its script: `dag/run/task/map index/try`, each part URL-encoded.

import type { AttemptLogKey } from '../../runtime/attempt-log.ts'

export const formatLogAddress = ({ dagId, runId, taskId, mapIndex, tryNumber }: AttemptLogKey): string =>
  [dagId, runId, taskId, mapIndex, tryNumber].map((part) => encodeURIComponent(String(part))).join('/')

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

/** null when the text names no log */
export function readLogAddress(text: string | undefined): AttemptLogKey | null {
  const parts = (text ?? '').split('/').map(decode)
  const [dagId, runId, taskId] = parts
  const mapIndex = Number(parts[3] ?? Number.NaN)
  const tryNumber = Number(parts[4] ?? Number.NaN)
  if (parts.length !== 5 || dagId == null || runId == null || taskId == null) return null
  if (!Number.isSafeInteger(mapIndex) || !Number.isSafeInteger(tryNumber)) return null
  return { dagId, runId, taskId, mapIndex, tryNumber }
}
