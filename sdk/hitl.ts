// Human-in-the-loop tasks of Airflow's SDK. Their names and types are here; the tasks themselves are not built yet.

import type { JsonObject, JsonValue } from '../core/json.ts'
import type { Operator } from './operator.ts'

/** A text, or a function of the task's inputs that gives it. */
export type HITLText<TArgs> = string | ((args: TArgs) => string | Promise<string>)
/** What the functions of a subject and a body read, together. */
export type HITLTextArgs<TSubject, TBody> = TSubject & TBody

export interface HITLUser {
  readonly id: string
  readonly name: string
}

export interface HITLParam {
  readonly value: JsonValue
  readonly description?: string
  /** JSON Schema. */
  readonly schema?: JsonObject
}

interface HITLCommon<TSubject, TBody> {
  readonly subject: HITLText<TSubject>
  /** Markdown. */
  readonly body?: HITLText<TBody> | null
  readonly assignedUsers?: readonly HITLUser[]
  readonly params?: { readonly [name: string]: HITLParam }
  /** Whole seconds, more than 0. */
  readonly responseTimeout?: number
}

export interface HITLSpec<TSubject = unknown, TBody = unknown> extends HITLCommon<TSubject, TBody> {
  /** What may be chosen. */
  readonly options: readonly string[]
  /** What counts as chosen when nobody has answered in time. */
  readonly defaults?: readonly string[]
  /** Several may be chosen; default false. */
  readonly multiple?: boolean
}

export interface ApprovalSpec<TSubject = unknown, TBody = unknown> extends HITLCommon<TSubject, TBody> {
  /** What counts as the answer when nobody has given one in time. */
  readonly defaults?: 'Approve' | 'Reject'
  /** A rejection skips everything downstream, whatever its trigger rules; default false: what is directly downstream. */
  readonly ignoreDownstreamTriggerRules?: boolean
  /** A rejection fails the task instead of skipping what is downstream; default false. */
  readonly failOnReject?: boolean
}

export interface HITLResult {
  readonly chosenOptions: readonly string[]
  readonly paramsInput: { readonly [name: string]: JsonValue }
  /** ISO 8601, UTC, milliseconds. */
  readonly respondedAt: string
  readonly respondedByUser: HITLUser | null
  readonly timedout: boolean
}

export type HITLTask<TArgs = unknown> = Operator<TArgs, HITLResult>

const refuse = (name: string): never => {
  throw new Error(`${name}(…): Baram has no human-in-the-loop tasks yet`)
}

/** Asks a person to choose among options. @throws Error: not built yet */
export function hitl<TSubject, TBody>(_spec: HITLSpec<TSubject, TBody>): HITLTask<HITLTextArgs<TSubject, TBody>> {
  return refuse('hitl')
}

/** Asks a person to approve or reject. @throws Error: not built yet */
export function approval<TSubject, TBody>(
  _spec: ApprovalSpec<TSubject, TBody>,
): HITLTask<HITLTextArgs<TSubject, TBody>> {
  return refuse('approval')
}
