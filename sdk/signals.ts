// What an author throws to end a task in another way than "failed, try again".

import type { Wait } from '../core/protocol.ts'

/** Ends the task as `skipped` (Airflow's AirflowSkipException). */
export class SkipTask extends Error {
  override readonly name = 'SkipTask'
}

/** Ends the task as `failed`, without a retry (Airflow's AirflowFailException). */
export class FailTask extends Error {
  override readonly name = 'FailTask'
}

/** Fails this try and sets the delay until the next (a server said `Retry-After`); the task's retries still count. */
export class RetryTask extends Error {
  override readonly name = 'RetryTask'
  /** Seconds until the next try; null = the task's own delay. */
  readonly after: number | null
  /** @param options.after seconds */
  constructor(message: string, options: { readonly after?: number; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.after = options.after ?? null
  }
}

/** Thrown by `op.reschedule`: never caught by operators. */
export class TaskRescheduled extends Error {
  override readonly name = 'TaskRescheduled'
  /** Seconds. */
  readonly after: number
  constructor(after: number) {
    super(`Rescheduled in ${after} s`)
    this.after = after
  }
}

/** Thrown by `op.defer`: never caught by operators. */
export class TaskDeferred extends Error {
  override readonly name = 'TaskDeferred'
  readonly wait: Wait
  /** Seconds; null = for ever. */
  readonly timeout: number | null
  constructor(wait: Wait, timeout: number | null) {
    super('The task waits in the triggerer')
    this.wait = wait
    this.timeout = timeout
  }
}

/** The attempt took longer than its `executionTimeout`; retries apply. */
export class TaskTimedOut extends Error {
  override readonly name = 'TaskTimedOut'
}

export class VariableNotFoundError extends Error {
  override readonly name = 'VariableNotFoundError'
  readonly key: string
  constructor(key: string) {
    super(`Variable not found: ${key}`)
    this.key = key
  }
}

export class ConnectionNotFoundError extends Error {
  override readonly name = 'ConnectionNotFoundError'
  readonly connId: string
  constructor(connId: string) {
    super(`Connection not found: ${connId}`)
    this.connId = connId
  }
}
