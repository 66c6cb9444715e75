// `GET …/wait`: a line of JSON with the run's state now, at each interval and when it ends, and then what tasks returned. It is woken
// by what open pages hear; the database is read when a state may have changed, never by the clock.

import type { Response } from 'express'
import type { JsonValue } from '../../core/json.ts'
import { isRunFinished, type RunState } from '../../core/states.ts'
import { findRun, type RunOfDag } from '../../store/postgres/run-control.ts'
import { getReturnValues } from '../../store/postgres/xcoms.ts'
import type { Web } from '../deps.ts'
import type { Numbered } from '../events/hub.ts'
import { airflowNotFound } from '../http/airflow-errors.ts'
import type { ApiRoutes, Call } from './router.ts'

/** Lines come no faster and no slower than this, s: a line says that the connection stands. */
const LEAST_SECONDS = 1
const MOST_SECONDS = 3600

/** As Airflow groups them: a task's one value, or the values of its instances. */
async function resultsOf(web: Web, dagRunId: number, taskIds: readonly string[]): Promise<Record<string, JsonValue>> {
  const values = await getReturnValues(web.database, dagRunId, taskIds)
  return Object.fromEntries(
    [...values].map(([taskId, entries]) => {
      const [first] = entries
      const isOne = entries.length === 1 && first !== undefined && first.mapIndex < 0
      return [taskId, isOne ? first.value : entries.map(({ value }) => value)]
    }),
  )
}

/** One waiting client; ends with the run, with the client, or with the server. */
class Waiter {
  private readonly web: Web
  private readonly res: Response
  private readonly run: RunOfDag
  private readonly dagId: string
  private readonly results: readonly string[]
  private state: RunState
  private isEnding = false
  private leave = () => {}

  constructor(call: Call, dagId: string, run: RunOfDag, results: readonly string[]) {
    this.web = call.web
    this.res = call.res
    this.dagId = dagId
    this.run = run
    this.state = run.state
    this.results = results
  }

  start(seconds: number): void {
    const { res, web } = this
    const unsubscribe = web.hub.subscribe(
      (batch) => this.hear(batch),
      () => this.end(),
    )
    const beat = setInterval(() => this.line({ state: this.state }), seconds * 1000)
    this.leave = () => {
      clearInterval(beat)
      unsubscribe()
    }
    res.on('close', () => this.leave())
    // What has happened before the subscription is read after it.
    this.look()
  }

  private line(value: object): void {
    // Of a client that does not read, lines would pile up here.
    if (!this.res.destroyed && !this.res.writableNeedDrain) this.res.write(`${JSON.stringify(value)}\n`)
  }

  private end(): void {
    this.leave()
    this.res.end()
  }

  private hear(batch: readonly Numbered[]): void {
    for (const { event } of batch) {
      if (event.kind === 'run' && event.id !== this.run.id) continue
      if (event.kind === 'dag' && event.dag !== this.dagId) continue
      this.look()
      return
    }
  }

  private look(): void {
    this.read().catch((error: unknown) => {
      this.web.log.warn({ err: error }, 'a client that waits for a run was let go')
      this.end()
    })
  }

  private async read(): Promise<void> {
    const found = await findRun(this.web.database, this.dagId, this.run.runId)
    if (this.isEnding) return
    // It was deleted: there is nothing more to say of it.
    if (found === null || found.id !== this.run.id) return this.end()
    const isNews = found.state !== this.state
    this.state = found.state
    if (isRunFinished(found.state)) await this.finish(found.state)
    else if (isNews) this.line({ state: found.state })
  }

  private async finish(state: RunState): Promise<void> {
    this.isEnding = true
    const { results } = this
    const told = { state, ...(results.length > 0 && { results: await resultsOf(this.web, this.run.id, results) }) }
    this.leave()
    // Also to a client that is slow to read: it is what was waited for.
    this.res.end(`${JSON.stringify(told)}\n`)
  }
}

async function wait(call: Call) {
  const { web, req, res, query, param } = call
  const seconds = query.positive('interval')
  const results = query.texts('result') ?? []
  query.done()
  const [dagId, runId] = [param('dag_id'), param('dag_run_id')]
  const run = await findRun(web.database, dagId, runId)
  if (run === null) throw airflowNotFound('dag_run', { dagId, runId })
  res.status(200).type('application/x-ndjson')
  res.setHeader('X-Accel-Buffering', 'no')
  req.socket.setTimeout(0)
  res.flushHeaders()
  if (!isRunFinished(run.state)) res.write(`${JSON.stringify({ state: run.state })}\n`)
  new Waiter(call, dagId, run, results).start(Math.min(MOST_SECONDS, Math.max(LEAST_SECONDS, seconds ?? 0)))
  return undefined
}

export function waitRoutes(api: ApiRoutes): void {
  api.on('get', '/dags/{dag_id}/dagRuns/{dag_run_id}/wait', 'viewer', 200, wait)
}
