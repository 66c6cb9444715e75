// From "this attempt is mine" to its outcome: module on disk, arguments read, child run, time limit kept, log written.

import { refuseToMap } from '../core/arguments.ts'
import { boundResult, reasonText } from '../core/bound-result.ts'
import { BaramError, messageOf } from '../core/errors.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import { Masker } from '../core/masker.ts'
import { resolveParams } from '../core/params.ts'
import type { AttemptResult, AttemptSpec } from '../core/protocol.ts'
import type { SerializedParam } from '../core/serialized.ts'
import type { Outcome } from '../core/settle.ts'
import { cutText, repairText } from '../core/storable.ts'
import { boundDeferral, limitLeftMs } from '../core/time-limit.ts'
import { localTexts } from '../core/timetables/zone.ts'
import { triggerContext } from '../engine/admin/vault.ts'
import { type CallDeps, type Caller, serveCall } from '../engine/task-api/serve.ts'
import type { RunCache } from '../engine/transaction/run-cache.ts'
import type { RunTransactions } from '../engine/transaction/run-transaction.ts'
import type { Report } from '../engine/transaction/settle-attempt.ts'
import type { StartedAttempt } from '../engine/transaction/start-attempts.ts'
import { attemptLogPath } from '../runtime/attempt-log.ts'
import type { ChildPool } from '../runtime/child-pool.ts'
import type { ChildExit } from '../runtime/children.ts'
import type { Config } from '../runtime/config.ts'
import type { Logger } from '../runtime/logger.ts'
import type { ModuleStore } from '../runtime/module-store.ts'
import { after } from '../runtime/timer.ts'
import type { Database } from '../store/database.ts'
import { putRendered } from '../store/postgres/rendered.ts'
import { loadContinuation } from '../store/postgres/triggers.ts'
import { loadModule } from '../store/postgres/versions.ts'
import type { FreshValues, Inputs } from './inputs.ts'
import { type LogEnd, LogFile } from './log-file.ts'
import type { LogWriter } from './log-writer.ts'

export interface AttemptDeps {
  readonly config: Config
  readonly database: Database
  readonly runCache: RunCache
  readonly inputs: Inputs
  readonly transactions: RunTransactions
  readonly modules: ModuleStore
  readonly pool: ChildPool
  readonly logs: LogWriter
  readonly vault: CallDeps['vault']
  readonly log: Logger
  readonly hostname: string
  onEnd(report: Report): void
}

/** Between asking an attempt to stop and killing it, ms; shorter where `killed_task_cleanup_time` is. */
const LONGEST_GRACE_MS = 5_000

/** Longest text of a rendered field that is kept, characters (Airflow's max_templated_field_length). */
const MAX_RENDERED = 4096

/** A run's params as they were when it was made. A scheduled run's are proven when its DAG is read, a manual one's when it is triggered. */
function paramsOf(declared: { readonly [name: string]: SerializedParam }, conf: JsonObject): JsonObject {
  const resolved = resolveParams(declared, conf)
  if ('faults' in resolved) throw new BaramError('PARAMS_INVALID', resolved.faults.join('\n'))
  return resolved.params
}

/** Long texts are cut for the page; what the task got is whole. */
function shorten(value: JsonValue): JsonValue {
  if (typeof value === 'string')
    return value.length <= MAX_RENDERED
      ? value
      : `${cutText(value, MAX_RENDERED)}… (${value.length - MAX_RENDERED} more characters)`
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map(shorten)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shorten(item)]))
}

/** Time zones cost more than most of a short attempt's overhead: a run's interval is written out once. */
const intervals = new WeakMap<StartedAttempt['run'], string>()

function intervalOf(run: StartedAttempt['run'], timezone: string): string {
  const known = intervals.get(run)
  if (known !== undefined) return known
  const at = (instant: number) => localTexts(instant, timezone).ts
  const { dataInterval } = run
  const text =
    dataInterval === null ? '' : `, interval ${at(dataInterval.start)} to ${at(dataInterval.end)} ${timezone}`
  intervals.set(run, text)
  return text
}

/** One attempt that this worker holds. */
export class Attempt {
  readonly started: StartedAttempt
  private readonly deps: AttemptDeps
  private readonly number: number
  private readonly log: LogFile
  private readonly masker = new Masker()
  private readonly beganAt = performance.now()
  private timers: (() => void)[] = []
  /** What its `executionTimeout` has left, from `beganAt` on. */
  private limitMs: number | null = null
  private forced: Outcome | null = null
  private hasEnded = false
  private logEnd: LogEnd | null = null
  private isCancelled = false
  /** Rendered fields on their way into the database: the report of the end comes after them. */
  private fieldsKept: Promise<void> | null = null

  constructor(deps: AttemptDeps, started: StartedAttempt, number: number) {
    this.deps = deps
    this.started = started
    this.number = number
    const { run, task, mapIndex, tryNumber } = started
    this.log = new LogFile({
      path: attemptLogPath(deps.config.logFolder, {
        dagId: run.dagId,
        runId: run.runId,
        taskId: task.taskId,
        mapIndex,
        tryNumber,
      }),
      masker: this.masker,
      maxBytes: deps.config.maxLogBytes,
      write: (path, text, isEnd) => deps.logs.append(path, text, isEnd),
    })
  }

  /** Runs it to its end; never throws. */
  async run(fresh: FreshValues): Promise<void> {
    try {
      const spec = await this.prepare(fresh)
      if (this.hasEnded) return
      // Asked to stop before it began: there is no process to ask.
      if (this.forced !== null || this.isCancelled) {
        this.end(this.forced ?? { kind: 'interrupted', worker: this.deps.hostname })
        this.log.close(this.logEnd)
        return
      }
      this.open(spec)
      this.deps.pool.run(spec, this.started.task.isolate === 'process', {
        onText: (stream, text) => this.log.print(stream, text),
        onLog: (line) => this.log.tell(line),
        onCall: (call, reply) => this.answer(call.op, call.args, reply),
        onFields: (fields, label) => this.keepFields(fields, label),
        onResult: (result, exit) => this.finish(result, exit),
        onSurvivors: (count) =>
          this.log.say(
            'warning',
            `${count} ${count === 1 ? 'process' : 'processes'} that this attempt had left running ${count === 1 ? 'was' : 'were'} ended`,
          ),
        onLogEnd: () => this.log.close(this.logEnd),
      })
    } catch (error) {
      this.deps.log.error(
        { err: messageOf(error), dagId: this.started.run.dagId, taskId: this.started.task.taskId },
        'an attempt could not be started',
      )
      this.log.say('error', `The attempt could not be started: ${messageOf(error)}`)
      this.end({ kind: 'failure', message: reasonText(messageOf(error)), isRetryable: true })
      this.log.close(this.logEnd)
    }
  }

  /** The worker stops: the attempt is asked to end, then made to; it is tried again elsewhere or later. */
  interrupt(graceMs: number): void {
    if (this.hasEnded) return
    this.forced ??= { kind: 'interrupted', worker: this.deps.hostname }
    this.log.say('warning', 'The worker is stopping: this attempt is asked to end and will be tried again')
    this.stop('worker shutdown', graceMs)
  }

  private get graceMs(): number {
    return Math.min(LONGEST_GRACE_MS, this.deps.config.killedTaskCleanupMs)
  }

  private stop(reason: string, graceMs: number): void {
    this.deps.pool.abort(this.number, reason)
    this.timers.push(after(graceMs, () => this.deps.pool.kill(this.number)))
  }

  private async prepare(fresh: FreshValues): Promise<AttemptSpec> {
    const { started, deps } = this
    const { run, task } = started
    const version = await deps.runCache.version(deps.database, run.versionId)
    const { dag } = version.graph
    // The column is a JSON object by its writers.
    const conf = (run.conf ?? {}) as JsonObject
    return {
      attempt: this.number,
      modulePath: await deps.modules.obtain(version.moduleHash, (hash) => loadModule(deps.database, hash)),
      dagId: run.dagId,
      taskId: task.taskId,
      runId: run.runId,
      tryNumber: started.tryNumber,
      mapIndex: started.mapIndex,
      fence: `${started.tiId}/${started.tryNumber}/${started.epoch}`,
      runType: run.runType,
      logicalDate: run.logicalDate,
      dataInterval: run.dataInterval,
      runAfter: run.runAfter,
      runStartDate: run.startDate,
      timezone: dag.timezone,
      conf,
      embeddedRoot: deps.config.home,
      inputs: await deps.inputs.read(started, version.graph, fresh),
      doXcomPush: task.doXcomPush,
      params: paramsOf(dag.params, conf),
      ...(await this.continuation()),
      maxTries: started.maxTries,
      expandedCount: started.expandedCount,
    }
  }

  /** What a try that is not the first, or goes on after a wait, begins with. */
  private async continuation(): Promise<Pick<AttemptSpec, 'triedAt' | 'firstTriedAt' | 'rescheduleCount' | 'resume'>> {
    const { isContinued, tryNumber, dagRunId, tiId } = this.started
    const isFirst = tryNumber === 1 && !isContinued
    const found = isFirst ? null : await loadContinuation(this.deps.database, dagRunId, tiId)
    const triedAt = found?.startDate ?? Date.now()
    return {
      triedAt,
      firstTriedAt: found?.firstStartDate ?? triedAt,
      rescheduleCount: found?.rescheduleCount ?? 0,
      resume: found?.isResumed === true ? { event: found.event ?? null } : null,
    }
  }

  private open(spec: AttemptSpec): void {
    const { task, run, tryNumber } = this.started
    this.log.say(
      'info',
      `Try ${tryNumber} of ${Math.max(tryNumber, task.retries + 1)} of ${run.dagId}.${task.taskId} on ${this.deps.hostname}${intervalOf(run, spec.timezone)}`,
    )
    const limit = task.executionTimeout
    this.limitMs = limitLeftMs(limit, spec, Date.now())
    if (limit === null || this.limitMs === null) return
    this.timers.push(
      after(this.limitMs, () => {
        this.forced ??= { kind: 'timeout', seconds: limit }
        this.log.say('error', `The attempt took longer than its limit of ${limit} s and is ended`)
        this.stop(`its time limit of ${limit} s`, this.graceMs)
      }),
    )
  }

  private get caller(): Caller {
    const { dagRunId, tiId, epoch, mapIndex, run, task } = this.started
    return { dagRunId, tiId, epoch, mapIndex, dagId: run.dagId, runId: run.runId, taskId: task.taskId }
  }

  private answer(
    op: Parameters<typeof serveCall>[2],
    args: JsonObject,
    reply: (value: unknown, error?: string) => void,
  ): void {
    serveCall(
      {
        database: this.deps.database,
        runCache: this.deps.runCache,
        transactions: this.deps.transactions,
        vault: this.deps.vault,
        masker: this.masker,
      },
      this.caller,
      op,
      args,
      () => this.hasEnded,
    ).then(
      (value) => reply(value),
      (error: unknown) =>
        reply(null, error instanceof BaramError ? error.message : `${op} failed: ${messageOf(error)}`),
    )
  }

  /** Rendered fields are stored at once, masked: a page shows them while the attempt runs. */
  private keepFields(fields: JsonObject, mapIndexLabel: string | null): void {
    const { dagRunId, task, mapIndex, tiId } = this.started
    // Masked by name first: a masked field has nothing left to find.
    const masked = this.masker.maskDeep(this.deps.vault.maskByName(shorten(fields)))
    const label = mapIndexLabel === null ? null : cutText(repairText(this.masker.mask(mapIndexLabel)), 250)
    this.fieldsKept = putRendered(
      this.deps.database,
      { dagRunId, taskId: task.taskId, mapIndex, tiId },
      masked,
      label,
    ).catch((error: unknown) => this.deps.log.warn({ err: messageOf(error) }, 'rendered fields could not be stored'))
  }

  /** Ended by somebody else (a time limit, a DAG that fails fast): the attempt is asked to end, then made to. */
  cancel(): void {
    if (this.hasEnded || this.isCancelled) return
    this.isCancelled = true
    this.log.say('warning', 'The run has ended this attempt: it is asked to stop')
    this.stop('its run', this.graceMs)
  }

  private withinLimit(told: AttemptResult): AttemptResult {
    return boundDeferral(told, this.limitMs === null ? null : this.limitMs - (performance.now() - this.beganAt))
  }

  /** Arguments of a trigger are stored sealed, and shown without the secrets this attempt has fetched. */
  private seal(result: AttemptResult): AttemptResult {
    if (result.kind !== 'defer' || result.wait.kind !== 'trigger') return result
    const { vault } = this.deps
    const { name, args } = result.wait
    // Masking keeps JSON what it is.
    const shown = this.masker.maskDeep(vault.maskByName(args)) as JsonValue
    const sealed = vault.sealJson(args, triggerContext(this.started.tiId))
    return { ...result, wait: { kind: 'trigger', name, args: shown, sealed } }
  }

  private finish(told: AttemptResult | null, exit: ChildExit | null): void {
    const { result, note } =
      told === null ? NO_RESULT : boundResult(this.seal(maskResult(this.withinLimit(told), this.masker)))
    if (note !== null) this.log.say('warning', note)
    // Asked to stop it may still end well, and what it did counts (Airflow's SDK: a handler that finishes keeps its result).
    const isKept = this.forced?.kind === 'interrupted' && result?.kind === 'success'
    const outcome = isKept || this.forced === null ? this.checkMappable(outcomeOf(result, exit), result) : this.forced
    if (result === null && this.forced === null && outcome.kind === 'failure') this.log.say('error', outcome.message)
    const value = result?.kind === 'success' && outcome.kind === 'success' ? result.value : undefined
    this.end(outcome, value)
  }

  /** A task that others are mapped over must return something with items, not too many (Airflow fails it here too). */
  private checkMappable(outcome: Outcome, result: AttemptResult | null): Outcome {
    const { isMapSource, mapIndex, task } = this.started
    if (!isMapSource || task.mapping !== null || mapIndex >= 0 || result?.kind !== 'success') return outcome
    const message = refuseToMap(task.taskId, result.value, this.deps.config.maxMapLength)
    if (message === null) return outcome
    this.log.say('error', message)
    return { kind: 'failure', message, isRetryable: true }
  }

  private end(outcome: Outcome, value?: JsonValue): void {
    if (this.hasEnded) return
    this.hasEnded = true
    for (const stop of this.timers) stop()
    this.timers = []
    const seconds = ((performance.now() - this.beganAt) / 1000).toFixed(3)
    // Said when everything it printed stands before it; the report does not wait for that.
    this.logEnd = {
      level: GOOD_ENDS.has(outcome.kind) && !this.isCancelled ? 'info' : 'error',
      event: `Ended: ${this.isCancelled ? TAKEN : describeEnd(outcome)} after ${seconds} s`,
    }
    const { dagRunId, tiId, epoch, task, mapIndex } = this.started
    const xcoms = value === undefined ? [] : [{ taskId: task.taskId, mapIndex, key: 'return_value', value }]
    const report = { dagRunId, tiId, epoch, outcome, xcoms }
    if (this.fieldsKept === null) this.deps.onEnd(report)
    else void this.fieldsKept.then(() => this.deps.onEnd(report))
  }
}

const NO_RESULT = { result: null, note: null } as const

/** What a failure or a skip says is shown: without the secrets its task was given. */
function maskResult(result: AttemptResult, masker: Masker): AttemptResult {
  if (result.kind === 'failure') return { ...result, message: masker.mask(result.message) }
  if (result.kind === 'skip' && result.message !== null) return { ...result, message: masker.mask(result.message) }
  return result
}

/** A child that died without a word: what its exit tells. */
function outcomeOf(result: AttemptResult | null, exit: ChildExit | null): Outcome {
  if (result !== null) return result
  const how = exit?.signal != null ? `by signal ${exit.signal}` : `with exit code ${exit?.code ?? 'unknown'}`
  const hint =
    exit?.signal === 'SIGKILL'
      ? '; perhaps the machine ran out of memory'
      : exit?.signal === 'SIGABRT' || exit?.code === 134
        ? '; it ran out of heap memory (workers.child_memory_mb)'
        : ''
  return { kind: 'failure', message: `the process ended ${how} before the task returned${hint}`, isRetryable: true }
}

const GOOD_ENDS: ReadonlySet<Outcome['kind']> = new Set<Outcome['kind']>(['success', 'skip', 'reschedule', 'defer'])

/** How an attempt ended whose row said something else while it ran. */
const TAKEN =
  'from outside (it was marked or cleared, or its run ended first); what it returned no longer counts, its process was ended'

function describeEnd(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'success':
      return 'success'
    case 'skip':
      return 'skipped'
    case 'failure':
      return outcome.isRetryable ? 'failed' : 'failed for good'
    case 'timeout':
      return 'failed, its time limit was reached'
    case 'lost':
    case 'interrupted':
      return 'interrupted'
    case 'reschedule':
      return `rescheduled in ${outcome.afterMs / 1000} s`
    case 'defer':
      return 'deferred, waits without a slot'
    case 'wait_timeout':
      return 'failed, what it waited for did not come in time'
  }
}
