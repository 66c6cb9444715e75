// When a failed attempt is tried again: Airflow's delay, with its backoff and its deterministic jitter (docs/compatibility.md#retries).

import { sha1 } from '@noble/hashes/legacy.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { SerializedTask } from './serialized.ts'

/** `[core] max_task_retry_delay`, seconds. */
const MAX_RETRY_DELAY = 86_400

export interface RetryKey {
  readonly dagId: string
  readonly taskId: string
  /** ISO text as Python writes it, or `None`: it is part of the hashed text. */
  readonly logicalDate: string
  readonly tryNumber: number
}

/** sha1 of `dag_id#task_id#logical_date#try_number` as an integer, modulo `modulus`; Python prints a date with a blank. */
function jitter(key: RetryKey, modulus: number): number {
  const date = key.logicalDate.replace('T', ' ')
  const hex = bytesToHex(sha1(utf8ToBytes(`${key.dagId}#${key.taskId}#${date}#${key.tryNumber}`)))
  return Number(BigInt(`0x${hex}`) % BigInt(modulus))
}

/** Milliseconds until the next try of a task whose try `key.tryNumber` has failed. */
export function retryDelayMs(
  task: Pick<SerializedTask, 'retryDelay' | 'retryExponentialBackoff' | 'maxRetryDelay'>,
  key: RetryKey,
): number {
  // A factor of 1 is no backoff, so it has no jitter either; and the longest delay bounds only what grows.
  const grows = task.retryExponentialBackoff > 0 && task.retryExponentialBackoff !== 1
  let seconds = task.retryDelay
  if (grows) {
    const factor = task.retryExponentialBackoff ** (key.tryNumber - 1)
    // A power that overflows makes even no delay the longest one; beyond that one the exact number no longer matters.
    const raw = Number.isFinite(factor) ? Math.min(task.retryDelay * factor, MAX_RETRY_DELAY * 2) : MAX_RETRY_DELAY
    const least = Math.max(1, Math.ceil(raw))
    seconds = Math.min(least + jitter(key, least), MAX_RETRY_DELAY)
    if (task.maxRetryDelay !== null && task.maxRetryDelay > 0) seconds = Math.min(seconds, task.maxRetryDelay)
  }
  return Math.max(0, Math.round(seconds * 1000))
}

/** ISO text as Python's `isoformat()` writes an aware UTC instant: `2024-03-18T00:00:00+00:00`, fractions only when there are any. */
export function pythonIso(instant: number): string {
  const iso = new Date(instant).toISOString()
  const [whole, fraction] = iso.slice(0, -1).split('.')
  return `${whole}${fraction === '000' ? '' : `.${fraction}000`}+00:00`
}
