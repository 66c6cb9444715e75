// Structured log lines, on a channel of their own: what a task prints cannot pass for one, and none of them is lost in
// the middle of a line that the task has not ended.
//
// The channel blocks, as stdout and stderr do: a task that logs faster than its supervisor reads waits.

import { writeSync } from 'node:fs'
import { messageOf } from '../core/errors.ts'
import { LOG_FD, type TaskLogLine } from '../core/protocol.ts'
import type { Say } from './attempt.ts'

/** Longer lines, in characters, go the way of printed text: the supervisor masks that before it cuts it. */
const MAX_LINE = 256 * 1024

export interface Printed {
  readonly bytesWritten: number
}

function textOf(line: Omit<TaskLogLine, 'more'>, fields: object): string {
  try {
    return JSON.stringify({ ...fields, ...line })
  } catch (error) {
    return JSON.stringify({ ...line, problem: `fields that JSON cannot hold: ${messageOf(error)}` })
  }
}

/** All of it, or false when the channel is gone. */
function writeAll(text: string): boolean {
  const bytes = Buffer.from(text)
  try {
    for (let from = 0; from < bytes.length; ) from += writeSync(LOG_FD, bytes, from)
    return true
  } catch {
    return false // The task has closed it, or the supervisor is gone: its words go where it prints.
  }
}

/** How one attempt writes its lines: each with how much the attempt had printed before it. */
export function openLog(attempt: number, stdout: Printed & NodeJS.WritableStream, stderr: Printed): Say {
  const base = [stdout.bytesWritten, stderr.bytesWritten] as const
  return (level, event, fields = {}) => {
    const at = [stdout.bytesWritten - base[0], stderr.bytesWritten - base[1]] as const
    const text = textOf({ attempt, at, level, event }, fields)
    if (text.length <= MAX_LINE && writeAll(`${text}\n`)) return
    stdout.write(`${event}\n`)
    if (Object.keys(fields).length > 0) stdout.write(`${textOf({ attempt, at, level, event: '' }, fields)}\n`)
  }
}
