// `GET …/logs/{try_number}`: JSON pages with a continuation token, or the whole as NDJSON.

import type { Response } from 'express'
import { type InstanceListRow, listTries } from '../../store/postgres/read-task-instances.ts'
import { ApiError, notFound } from '../http/errors.ts'
import { findLog, type LogLine, parseLine, readChunk } from '../logs/log-file.ts'
import type { ApiRoutes, Call } from './router.ts'
import { placeOf, requireInstance } from './task-instances.ts'

/** Opaque to clients: where the next page begins. */
const makeToken = (offset: number): string => Buffer.from(JSON.stringify({ o: offset })).toString('base64url')

function readToken(token: string | undefined): number {
  if (token === undefined || token === '') return 0
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'))
    const offset = typeof value === 'object' && value !== null && 'o' in value ? value.o : null
    if (typeof offset === 'number' && Number.isSafeInteger(offset) && offset >= 0) return offset
  } catch {
    // Told below.
  }
  throw new ApiError(400, 'Bad Signature. Please use only the tokens provided by the API.')
}

/** A line as the document has it: a timestamp only when there is one. */
function lineJson(line: LogLine): Record<string, unknown> {
  const { timestamp, ...rest } = line
  return Number.isNaN(Date.parse(timestamp)) ? rest : { timestamp, ...rest }
}

/** No writer makes empty lines; what has crept in says nothing. */
const isSaid = (line: string): boolean => line !== ''

/** Whether the try can still write. */
export const isTryRunning = (ti: InstanceListRow, tryNumber: number): boolean =>
  ti.tryNumber === tryNumber && (ti.state === 'running' || ti.state === 'queued' || ti.state === 'restarting')

async function logs(call: Call) {
  const { web, req, res, query, param } = call
  const isWhole = query.bool('full_content') ?? false
  const offset = readToken(query.text('token'))
  const at = placeOf(call, false)
  const type = req.accepts(['application/json', 'application/x-ndjson'])
  const ti = await requireInstance(web, at)
  const tryNumber = Number(param('try_number'))
  const tries = await listTries(web.database, ti.dagRunId, ti.taskId, ti.mapIndex)
  if (!tries.some((item) => item.tryNumber === tryNumber)) throw notFound('TaskInstance not found')
  const isRunning = isTryRunning(ti, tryNumber)
  const path = await findLog(web.config.logFolder, { ...at, tryNumber })
  if (type === 'application/x-ndjson') {
    res.status(200).type('application/x-ndjson')
    await stream(
      call,
      path,
      offset,
      isRunning,
      (line, isFirst) => `${isFirst ? '' : '\n'}${JSON.stringify(lineJson(line))}`,
    )
    res.end('\n')
    return undefined
  }
  if (isWhole && path !== null) {
    // Written piece by piece: a whole log never stands in memory.
    res.status(200).type('application/json')
    res.write('{"content":[')
    const end = await stream(
      call,
      path,
      offset,
      isRunning,
      (line, isFirst) => `${isFirst ? '' : ','}${JSON.stringify(lineJson(line))}`,
    )
    res.end(`],"continuation_token":${isRunning ? JSON.stringify(makeToken(end)) : 'null'}}`)
    return undefined
  }
  const chunk = path === null ? null : await readChunk(path, offset, !isRunning)
  const next = chunk?.next ?? offset
  const hasMore = isRunning || next < (chunk?.size ?? 0)
  return {
    content: (chunk?.lines ?? []).filter(isSaid).map((line) => lineJson(parseLine(line))),
    continuation_token: hasMore ? makeToken(next) : null,
  }
}

/** When the client has taken what was written, or is gone. */
function drained(res: Response): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.off('drain', done)
      res.off('close', done)
      resolve()
    }
    res.once('drain', done)
    res.once('close', done)
  })
}

async function stream(
  { res }: Call,
  path: string | null,
  from: number,
  isRunning: boolean,
  write: (line: LogLine, isFirst: boolean) => string,
): Promise<number> {
  let offset = from
  let isFirst = true
  while (path !== null && !res.destroyed) {
    const chunk = await readChunk(path, offset, !isRunning)
    if (chunk === null || chunk.next === offset) break
    for (const line of chunk.lines.filter(isSaid)) {
      if (!res.write(write(parseLine(line), isFirst))) await drained(res)
      isFirst = false
    }
    offset = chunk.next
  }
  return offset
}

export function logRoutes(api: ApiRoutes): void {
  api.on('get', '/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/logs/{try_number}', 'viewer', 200, logs)
}
