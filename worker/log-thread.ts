// The thread that writes attempt logs. Making folders and files waits for the file system's journal, which Postgres' own
// commits keep busy: on the supervisor's thread that waiting was more than half of a short task's cost.

import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs'
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

/** All of it or nothing: a full disk takes the first half of a text, which is tried again as a whole. */
function appendWhole(path: string, text: string): void {
  const file = openSync(path, 'a')
  try {
    const { size } = fstatSync(file)
    const bytes = Buffer.from(text)
    try {
      for (let from = 0; from < bytes.length; ) from += writeSync(file, bytes, from)
    } catch (error) {
      if (fstatSync(file).size > size) ftruncateSync(file, size)
      throw error
    }
  } finally {
    closeSync(file)
  }
}

function append(path: string, text: string): string | null {
  const folder = dirname(path)
  try {
    makeFolder(folder)
    appendWhole(path, text)
    return null
  } catch (error) {
    made.delete(folder) // Somebody may have removed it: the next try makes it anew.
    return messageOf(error)
  }
}

parentPort?.on('message', ({ writes }: ToLogThread) => {
  const problems = writes.flatMap(([path, text]): (readonly [string, string])[] => {
    const problem = append(path, text)
    return problem === null ? [] : [[path, problem]]
  })
  parentPort?.postMessage({ problems } satisfies FromLogThread)
})
