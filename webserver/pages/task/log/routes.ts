// `/ui/log/…`: what the script of a log page asks for. Counting, finding and reading are of the whole log; each answer is
// bounded, and a log that is still being counted is said to be so instead of waited for.

import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { type Request, type Response, Router } from 'express'
import type { AttemptLogKey } from '../../../../runtime/attempt-log.ts'
import { getInstance } from '../../../../store/postgres/read-task-instances.ts'
import { isTryRunning } from '../../../api/logs.ts'
import { requireRole } from '../../../auth/guard.ts'
import type { Web } from '../../../deps.ts'
import { ApiError, notFound } from '../../../http/errors.ts'
import { sendJson } from '../../../http/json.ts'
import { Query } from '../../../http/query.ts'
import { type FindPosition, findInLog } from '../../../logs/find.ts'
import type { LineIndex } from '../../../logs/line-index.ts'
import { readLogAddress } from '../../../logs/log-address.ts'
import { findLog, withFile } from '../../../logs/log-file.ts'
import { readLevels } from '../../../logs/shown/levels.ts'
import type { LogCounts, LogFound, LogWindow, NotCounted } from '../../../logs/shown/line.ts'
import { countsTo, readWindow } from '../../../logs/window.ts'

/** How long an answer waits for the count before it says how far that is. */
const COUNT_MS = 2_000
const MOST_LINES = 500
const FIND_HITS = 2_000
/** One request of a search; the page asks for the rest. */
const FIND_MS = 250
const FIND_CHARACTERS = 1_000

interface LogCall {
  readonly query: Query
  readonly key: AttemptLogKey
  readonly path: string
  readonly isDone: boolean
  readonly zone: string
}

async function openCall(web: Web, req: Request): Promise<LogCall> {
  const query = new Query(req)
  const key = readLogAddress(query.text('log'))
  if (key === null) throw new ApiError(400, 'log must be dag/run/task/map index/try, each part URL-encoded')
  const ti = await getInstance(web.database, key)
  const path = ti === null ? null : await findLog(web.config.logFolder, key)
  if (ti === null || path === null)
    throw notFound(`This host has no log of try ${key.tryNumber} of ${key.taskId} in run ${key.runId}`)
  return { query, key, path, isDone: !isTryRunning(ti, key.tryNumber), zone: ti.timezone }
}

/** What needs the index, or the word that it is not there yet. */
async function counted<T>(web: Web, call: LogCall, body: (index: LineIndex) => Promise<T>): Promise<T | NotCounted> {
  const index = await web.logs.within(call.path, call.isDone, COUNT_MS)
  if (index === null) throw notFound('This log was removed')
  return 'progress' in index ? { isCounting: true, progress: index.progress } : body(index)
}

/** A file may be larger than the numbers of the API's other parameters. */
function readOffset(query: Query): number | null {
  const text = query.text('to')
  if (text === undefined) return null
  if (!/^\d{1,15}$/.test(text)) throw new ApiError(400, 'to must be a number of bytes')
  return Number(text)
}

/** `to`: only what stands before this byte, the beginning of a line that the page has from its stream. */
const counts = (web: Web, call: LogCall): Promise<LogCounts | NotCounted> =>
  counted(web, call, (index) => countsTo(index, call.path, readOffset(call.query) ?? index.size))

/** `line` with `before` and `from`: so many lines before it, and from it on; without: the last ones before the byte `to`. */
const lines = (web: Web, call: LogCall): Promise<LogWindow | NotCounted> =>
  counted(web, call, async (index) => {
    const { query, path, zone } = call
    const wanted = query.int('line', 1)
    const end = readOffset(query)
    query.done()
    const line = wanted ?? (end === null ? index.total : (await countsTo(index, path, end)).total) + 1
    const most = (name: string) => Math.min(query.int(name, 0) ?? 0, MOST_LINES)
    const levels = readLevels(query.text('levels'))
    return readWindow(index, path, { line, before: most('before'), from: most('from'), levels }, zone)
  })

/** `offset.line`, as the answer before gave it. */
function readPlace(text: string | undefined): FindPosition {
  if (text === undefined) return { offset: 0, line: 1 }
  const match = /^(\d{1,15})\.(\d{1,15})$/.exec(text)
  if (match === null) throw new ApiError(400, 'next must be what the answer before gave as next')
  return { offset: Number(match[1]), line: Number(match[2]) }
}

async function find(_web: Web, { query, path, isDone }: LogCall): Promise<LogFound> {
  const text = query.text('text') ?? ''
  if (text === '' || text.length > FIND_CHARACTERS)
    throw new ApiError(400, `text must have 1 to ${FIND_CHARACTERS} characters, found ${text.length}`)
  const from = readPlace(query.text('next'))
  const levels = readLevels(query.text('levels'))
  const found = await withFile(path, (file) =>
    findInLog(file, { text, from, levels, isDone, mostHits: FIND_HITS, mostMs: FIND_MS }),
  )
  if (found === null) throw notFound('This log was removed')
  return { hits: found.hits, next: found.next === null ? null : `${found.next.offset}.${found.next.line}` }
}

const fileName = ({ dagId, runId, taskId, mapIndex, tryNumber }: AttemptLogKey): string =>
  [dagId, runId, taskId, ...(mapIndex < 0 ? [] : [mapIndex]), `try${tryNumber}`].join('.').replace(/[^\w.+-]/g, '_')

/** The whole log as it was written, piece by piece. */
async function download(web: Web, req: Request, res: Response): Promise<void> {
  const { key, path } = await openCall(web, req)
  res.status(200).type('application/x-ndjson')
  res.setHeader('Content-Disposition', `attachment; filename="${fileName(key)}.log"`)
  try {
    await pipeline(createReadStream(path), res)
  } catch {
    // Whoever asked has gone, or the file has: what was sent ends short of its end.
    res.destroy()
  }
}

export function logDataRoutes(web: Web): Router {
  const router = Router()
  const guard = requireRole(web, 'viewer')
  for (const [name, answer] of Object.entries({ counts, lines, find }))
    router.get(`/${name}`, guard, async (req, res) => {
      sendJson(res, 200, await answer(web, await openCall(web, req)))
    })
  router.get('/download', guard, (req, res) => download(web, req, res))
  return router
}
