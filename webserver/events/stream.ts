// `/ui/events`: one stream a page, with the topics it asks for and, on a task's page, the new lines of its log.

import { type FSWatcher, watch } from 'node:fs'
import { dirname } from 'node:path'
import type { Request, Response } from 'express'
import type { AttemptLogKey } from '../../runtime/attempt-log.ts'
import { getInstance } from '../../store/postgres/read-task-instances.ts'
import { isTryRunning } from '../api/logs.ts'
import type { Web } from '../deps.ts'
import { Query } from '../http/query.ts'
import { readLogAddress } from '../logs/log-address.ts'
import { findLog, parseLine, readChunk } from '../logs/log-file.ts'
import { shownLine } from '../logs/shown-line.ts'
import type { HubEvent, Numbered } from './hub.ts'

/** Proxies close silent connections; a comment now and then keeps them. */
const KEEP_ALIVE_MS = 20_000
/** A page that does not read its stream is told to come back instead of filling our memory. */
const MOST_BUFFERED = 1_000_000

const topicsOf = (query: Query): ReadonlySet<string> =>
  new Set((query.texts('topics') ?? []).flatMap((text) => text.split(',')).slice(0, 50))

function isWanted(event: HubEvent, topics: ReadonlySet<string>): boolean {
  switch (event.kind) {
    case 'refresh':
      return true
    case 'dag':
      return topics.has('dags') || topics.has(`dag:${event.dag}`)
    case 'run':
      return topics.has('dags') || topics.has(`dag:${event.dag}`) || topics.has(`run:${event.id}`)
  }
}

/** `boot.seq.offset` of the last event a page saw. */
function readLastId(text: string | undefined): { boot: string; seq: number; offset: number } | null {
  const match = /^([0-9a-f]{8})\.(\d{1,15})\.(\d{1,15})$/.exec(text ?? '')
  return match === null ? null : { boot: match[1] ?? '', seq: Number(match[2]), offset: Number(match[3]) }
}

class PageStream {
  private readonly web: Web
  private readonly res: Response
  private readonly topics: ReadonlySet<string>
  private seq: number
  offset = 0

  constructor(web: Web, res: Response, topics: ReadonlySet<string>) {
    this.web = web
    this.res = res
    this.topics = topics
    this.seq = web.hub.lastSeq
  }

  send(kind: string, data: unknown): void {
    if (this.res.destroyed) return
    if (this.res.writableLength > MOST_BUFFERED) {
      this.res.end()
      return
    }
    const id = `${this.web.hub.boot}.${this.seq}.${this.offset}`
    this.res.write(`id: ${id}\nevent: ${kind}\ndata: ${JSON.stringify(data)}\n\n`)
  }

  deliver(batch: readonly Numbered[]): void {
    for (const { seq, event } of batch) {
      this.seq = seq
      if (isWanted(event, this.topics)) this.send(event.kind, event)
    }
  }

  /** What the page missed, or the word that it must look for itself. */
  resume(last: { boot: string; seq: number } | null): void {
    if (last === null) {
      this.send('hello', {})
      return
    }
    const missed = last.boot === this.web.hub.boot ? this.web.hub.since(last.seq) : null
    if (missed === null) this.send('refresh', { kind: 'refresh' })
    else {
      this.send('hello', {})
      this.deliver(missed)
    }
  }
}

/** Follows one attempt's log; ends with `log-end` when the try has ended and everything was told. */
class LogTail {
  private readonly web: Web
  private readonly stream: PageStream
  private readonly attempt: AttemptLogKey
  private watcher: FSWatcher | null = null
  private timer: NodeJS.Timeout | null = null
  private isReading = false
  private isAgain = false
  private isOver = false

  constructor(web: Web, stream: PageStream, attempt: AttemptLogKey) {
    this.web = web
    this.stream = stream
    this.attempt = attempt
  }

  /** Looks now, and again whenever the file or the run moves. */
  wake(): void {
    if (this.isOver) return
    if (this.isReading) {
      this.isAgain = true
      return
    }
    this.isReading = true
    void this.read()
      .catch(() => undefined)
      .finally(() => {
        this.isReading = false
        if (this.isAgain) {
          this.isAgain = false
          this.wake()
        }
      })
  }

  stop(): void {
    this.isOver = true
    this.watcher?.close()
    if (this.timer !== null) clearTimeout(this.timer)
  }

  private async read(): Promise<void> {
    const ti = await getInstance(this.web.database, this.attempt)
    const isRunning = ti !== null && isTryRunning(ti, this.attempt.tryNumber)
    const path = await findLog(this.web.config.logFolder, this.attempt)
    if (path !== null) {
      this.follow(path)
      for (;;) {
        const chunk = await readChunk(path, this.stream.offset, !isRunning)
        if (chunk === null || chunk.next === this.stream.offset || this.isOver) break
        this.stream.offset = chunk.next
        const zone = ti?.timezone ?? 'UTC'
        const lines = chunk.lines.map((text) => shownLine(parseLine(text), null, zone))
        this.stream.send('log', { lines, end: chunk.next })
      }
    }
    if (!isRunning && ti !== null) {
      this.stream.send('log-end', { state: ti.state })
      this.stop()
    } else if (this.watcher === null) {
      // No file yet: the worker makes its folder with the first line. Looked for once a second until then.
      this.timer = setTimeout(() => this.wake(), 1000)
    }
  }

  private follow(path: string): void {
    if (this.watcher !== null || this.isOver) return
    this.watcher = watch(dirname(path), { persistent: false }, () => this.wake())
    this.watcher.on('error', () => undefined)
  }
}

/** A log's address and the byte from which on the page wants it. */
function readLog(query: Query): { attempt: AttemptLogKey; offset: number } | null {
  const attempt = readLogAddress(query.text('log'))
  const offset = /^\d{1,15}$/.exec(query.text('from') ?? '0')
  return attempt === null || offset === null ? null : { attempt, offset: Number(offset[0]) }
}

/** Open streams, to be ended at shutdown. */
export class Streams {
  private readonly open = new Set<Response>()
  private readonly web: Web

  constructor(web: Web) {
    this.web = web
  }

  serve(req: Request, res: Response): void {
    const query = new Query(req)
    res.status(200)
    res.setHeader('Content-Type', 'text/event-stream; charset=utf-8')
    res.setHeader('X-Accel-Buffering', 'no')
    res.flushHeaders()
    req.socket.setTimeout(0)
    req.socket.setNoDelay(true)
    this.open.add(res)
    const stream = new PageStream(this.web, res, topicsOf(query))
    const header = req.headers['last-event-id']
    const last = readLastId(typeof header === 'string' ? header : query.text('last'))
    const log = readLog(query)
    stream.offset = last?.offset ?? log?.offset ?? 0
    const tail = log === null ? null : new LogTail(this.web, stream, log.attempt)
    const stop = this.web.hub.subscribe((batch) => {
      stream.deliver(batch)
      if (batch.length > 0) tail?.wake()
    })
    const beat = setInterval(() => res.write(': here\n\n'), KEEP_ALIVE_MS)
    res.on('close', () => {
      stop()
      tail?.stop()
      clearInterval(beat)
      this.open.delete(res)
    })
    res.write('retry: 1000\n')
    stream.resume(last)
    tail?.wake()
  }

  closeAll(): void {
    for (const res of this.open) res.end()
  }
}
