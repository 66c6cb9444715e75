// What an author throws to end a task in another way than "failed, try again".

/** Ends the task as `skipped` (Airflow's AirflowSkipException). */
export class SkipTask extends Error {
  override readonly name = 'SkipTask'
}

/** Ends the task as `failed`, without a retry (Airflow's AirflowFailException). */
export class FailTask extends Error {
  override readonly name = 'FailTask'
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
