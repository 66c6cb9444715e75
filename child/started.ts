// Whether an attempt has started other processes: only then is there something to look for when it is over, which costs
// milliseconds. Counted in Node's own functions, so that an attempt which starts none pays nothing.
//
// Where it ends: a native addon that forks by itself is not seen here; what it started is found when the child ends. A
// Worker thread has a `child_process` of its own, so an attempt with such a thread counts as one that starts processes.

import childProcess from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { syncBuiltinESMExports } from 'node:module'
import type { Worker } from 'node:worker_threads'

let count = 0
const note = () => {
  count++
}

/** Begins to count; once, before users' code is loaded. The child's own thread is not an author's. */
export function countStarts(ownThread: Worker): void {
  // Told by Node for spawn, exec, execFile and fork.
  subscribe('child_process', note)
  process.on('worker', (thread) => {
    if (thread !== ownThread) note()
  })
  // The synchronous ones wait for their process, not for what it left in the background.
  const { execFileSync, execSync, spawnSync } = childProcess
  for (const [name, start] of Object.entries({ execFileSync, execSync, spawnSync })) {
    const counted = (...args: unknown[]) => {
      note()
      return Reflect.apply(start, childProcess, args) as unknown
    }
    Object.defineProperty(childProcess, name, { value: counted, configurable: true, enumerable: true, writable: true })
  }
  syncBuiltinESMExports()
}

/** Starts so far. */
export const startCount = (): number => count
