// One call of a callback in a child: its module on disk, what it is told, its time limit, what it prints.

import { type AlertFacts, alertUrl } from '../core/alerts.ts'
import { BaramError, messageOf } from '../core/errors.ts'
import { Masker } from '../core/masker.ts'
import type { AttemptResult, FromChild } from '../core/protocol.ts'
import type { CallResult } from '../engine/alerts/deliver.ts'
import { type CallDeps, type Caller, serveCall } from '../engine/task-api/serve.ts'
import type { ChildPool } from '../runtime/child-pool.ts'
import type { ChildExit } from '../runtime/children.ts'
import type { Logger } from '../runtime/logger.ts'
import type { ModuleStore } from '../runtime/module-store.ts'
import { PrintedText } from '../runtime/printed-text.ts'
import { after } from '../runtime/timer.ts'
import type { ClaimedCallback } from '../store/postgres/callbacks.ts'
import { loadModule } from '../store/postgres/versions.ts'

export interface CallbackCallDeps extends Omit<CallDeps, 'masker'> {
  readonly modules: ModuleStore
  readonly pool: ChildPool
  readonly log: Logger
  readonly timeoutMs: number
  readonly baseUrl: string | null
}

/** Between asking a call to stop and killing its process, ms. */
const GRACE_MS = 1_000

function factsOf(call: ClaimedCallback, timezone: string, baseUrl: string | null): AlertFacts {
  const { id, kind, dagId, runId, taskId, mapIndex, tryNumber, data } = call
  const { slot, reason, deadline = null } = data
  const [start, end] = [call.dataIntervalStart ?? slot?.start, call.dataIntervalEnd ?? slot?.end]
  return {
    ...{ id, kind, dagId, runId, taskId, mapIndex, tryNumber, reason, timezone, deadline },
    logicalDate: call.logicalDate ?? slot?.logicalDate ?? null,
    dataInterval: start === undefined || end === undefined ? null : { start, end },
    at: call.createdAt,
    url: alertUrl(baseUrl, call),
  }
}

const callerOf = ({ dagRunId, dagId, runId, taskId, mapIndex }: ClaimedCallback): Caller => ({
  ...{ dagId, mapIndex, dagRunId: dagRunId ?? 0, tiId: '', runId: runId ?? '', taskId: taskId ?? '' },
  // It may read, and write nothing.
  epoch: null,
})

/** How a call ended, without what is secret. */
function resultOf(
  told: AttemptResult | null,
  exit: ChildExit | null,
  isLate: number | null,
  masker: Masker,
): CallResult {
  if (told?.kind === 'success') return { kind: 'success' }
  const fail = (message: string): CallResult => ({ kind: 'failure', message, isRetryable: true })
  if (isLate !== null) return fail(`it took longer than ${isLate / 1000} s (scheduler.callback_timeout) and was ended`)
  if (told?.kind === 'failure') return { ...told, message: masker.mask(told.message) }
  const how = exit?.signal != null ? `by signal ${exit.signal}` : `with exit code ${exit?.code ?? 'unknown'}`
  return fail(`its process ended ${how} before it returned`)
}

/** Calls a callback to its end; never throws. @param number names the call in its pool */
export async function callCallback(deps: CallbackCallDeps, call: ClaimedCallback, number: number): Promise<CallResult> {
  try {
    const version = await deps.runCache.version(deps.database, call.versionId, call.versionHash)
    const modulePath = await deps.modules.obtain(version.moduleHash, (hash) => loadModule(deps.database, hash))
    const { dagId, ordinal } = call
    const alert = factsOf(call, version.graph.dag.timezone, deps.baseUrl)
    return await runInPool(deps, call, { attempt: number, modulePath, dagId, ordinal, alert })
  } catch (error) {
    // A module or a version that is not there, or a database that does not answer: it may be back.
    return { kind: 'failure', message: messageOf(error), isRetryable: true }
  }
}

function runInPool(
  deps: CallbackCallDeps,
  call: ClaimedCallback,
  spec: Parameters<ChildPool['run']>[0] & { alert: AlertFacts },
) {
  const { pool, log, timeoutMs } = deps
  const { attempt } = spec
  const masker = new Masker()
  const said = { dagId: call.dagId, kind: call.kind, callbackId: call.id }
  const printer = () =>
    new PrintedText(masker, (line) => {
      if (line !== '') log.info({ ...said, line }, 'a callback printed something')
    })
  const printed = { stdout: printer(), stderr: printer() }
  let late: number | null = null
  let stopTimers = () => {}
  const limit = () => {
    const stop = after(timeoutMs, () => {
      late = timeoutMs
      pool.abort(attempt, `its time limit of ${timeoutMs / 1000} s`)
      stopTimers = after(GRACE_MS, () => pool.kill(attempt))
    })
    stopTimers = stop
  }
  return new Promise<CallResult>((resolve) => {
    limit()
    pool.run(spec, false, {
      onText: (stream, text) => printed[stream].take(text),
      onLog: ({ level, event }) =>
        log.info({ ...said, level, line: masker.mask(event) }, 'a callback logged something'),
      onCall: (asked, reply) => answer({ ...deps, masker }, call, asked, reply),
      onFields: () => undefined,
      onSurvivors: (count) => log.warn({ ...said, count }, 'processes that a callback had left running were ended'),
      onResult: (result, exit) => {
        stopTimers()
        resolve(resultOf(result, exit, late, masker))
      },
      onLogEnd: () => {
        printed.stdout.end()
        printed.stderr.end()
      },
    })
  })
}

function answer(
  deps: CallDeps,
  call: ClaimedCallback,
  { op, args }: FromChild & { type: 'call' },
  reply: (value: unknown, error?: string) => void,
): void {
  serveCall(deps, callerOf(call), op, args).then(
    (value) => reply(value),
    (error: unknown) => reply(null, error instanceof BaramError ? error.message : `${op} failed: ${messageOf(error)}`),
  )
}
