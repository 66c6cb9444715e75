// Triggers: waits that hold no slot and no process of their own. A deferred task's trigger runs in the triggerer, beside
// thousands of others in one process; what it returns wakes the task.

import { checkJson, type JsonValue } from '../core/json.ts'
import { storableFault } from '../core/storable.ts'
import type { RunApi, TaskClient } from './context.ts'

/** What a trigger sees: the waiting task's identity and its client. */
export interface TriggerContext {
  readonly dagId: string
  readonly taskId: string
  readonly runId: string
  readonly tryNumber: number
  readonly mapIndex: number
  /** Aborts when the task no longer waits (cleared, timed out) or the triggerer stops. */
  readonly signal: AbortSignal
  readonly client: TaskClient
  readonly runs: RunApi
  /** Resolves after some seconds; rejects when `signal` aborts. */
  sleep(seconds: number): Promise<void>
}

export interface TriggerSpec<TArgs> {
  /** Unique among the triggers of an operator. */
  readonly name: string
  /**
   * Waits, and returns the event that the task resumes with (JSON). It may run again from its start with the same
   * arguments: when the triggerer was restarted, or another host took over. An error fails the task's try.
   */
  run(context: TriggerContext, args: TArgs): Promise<JsonValue>
}

const PENDING = Symbol.for('baram.pending-trigger')

/** A trigger with its arguments: what `op.defer` takes. */
export interface PendingTrigger {
  readonly [PENDING]: true
  readonly name: string
  readonly args: JsonValue
}

/** Called with its arguments (JSON), it gives what `op.defer` takes. */
// biome-ignore lint/suspicious/noExplicitAny: each trigger of an operator has arguments of its own type
export interface TriggerFactory<TArgs = any> {
  (args: TArgs): PendingTrigger
  readonly triggerName: string
  run(context: TriggerContext, args: TArgs): Promise<JsonValue>
}

/** Makes a trigger; list it in `triggers` of the operators that defer to it. */
export function defineTrigger<TArgs>(spec: TriggerSpec<TArgs>): TriggerFactory<TArgs> {
  const fault = storableFault(spec.name)
  if (fault !== null) throw new Error(`defineTrigger: the name must be text ${fault}`)
  const make = (args: TArgs): PendingTrigger =>
    Object.freeze({ [PENDING]: true as const, name: spec.name, args: checkJson(args, `arguments of ${spec.name}`) })
  return Object.freeze(
    Object.assign(make, {
      triggerName: spec.name,
      run: (context: TriggerContext, args: TArgs) => spec.run(context, args),
    }),
  )
}

export function isPendingTrigger(value: unknown): value is PendingTrigger {
  return typeof value === 'object' && value !== null && (value as { [PENDING]?: unknown })[PENDING] === true
}
