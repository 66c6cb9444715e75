// Looking at something again and again while something else goes on, or until it is so.

import { setTimeout as sleep } from 'node:timers/promises'

/** What `work` ends with; `look` is called each `pollMs` until then, never twice at once. */
export async function alongside<T>(work: Promise<T>, look: () => Promise<void>, pollMs: number): Promise<T> {
  const stop = new AbortController()
  const over = work.then(
    () => stop.abort(),
    () => stop.abort(),
  )
  while (!stop.signal.aborted) {
    await sleep(pollMs, undefined, { signal: stop.signal }).catch(() => undefined)
    if (!stop.signal.aborted) await Promise.race([look(), over])
  }
  return work
}

/** Whether it came true within the limit. */
export async function untilTrue(question: () => Promise<boolean>, limitMs: number, pollMs = 150): Promise<boolean> {
  const end = performance.now() + limitMs
  for (;;) {
    if (await question()) return true
    if (performance.now() >= end) return false
    await sleep(pollMs)
  }
}
