// The thread that writes attempt logs. Making folders and files waits for the file system's journal, which Postgres' own
// commits keep busy: on the supervisor's thread that waiting was more than half of a short task's cost.

import { appendFileSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { parentPort } from 'node:worker_threads'
import { messageOf } from '../core/errors.ts'
import type { FromLogThread, ToLogThread } from './log-writer.ts'

/** Folders made by this process: one mkdir a task of a run. */
const made = new Set<string>()
const MAX_MADE = 10_000

function makeFolder(folder: string): void {
  if (made.has(folder)) return
  mkdirSync(folder, { recursive: true })
  if (made.size > MAX_MADE) made.clear()
  made.add(folder)
}

function append(path: string, text: string): void {
  const folder = dirname(path)
  try {
    makeFolder(folder)
    appendFileSync(path, text)
  } catch (error) {
    made.delete(folder) // Somebody may have removed it: the next line makes it anew.
    parentPort?.postMessage({ problem: messageOf(error), path } satisfies FromLogThread)
  }
}

parentPort?.on('message', (message: ToLogThread) => {
  for (const [path, text] of message.writes) append(path, text)
  if (message.isLast) parentPort?.postMessage({ isDone: true } satisfies FromLogThread)
})
