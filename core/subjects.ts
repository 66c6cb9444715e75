// What an error can be about: each kind of thing with what names one of it, and the sentence that says there is none.

/** What names one thing of a kind. */
export interface SubjectIds {
  readonly account: string
  readonly backfill: number
  readonly connection: string
  readonly dag: string
  /** `latest` stands for the newest. */
  readonly dag_run: { readonly dagId: string; readonly runId: string }
  readonly dag_version: { readonly dagId: string; readonly version: number | string }
  readonly event_log: string
  readonly import_error: string
  readonly pool: string
  readonly task: { readonly dagId: string; readonly taskId: string }
  readonly task_instance: {
    readonly dagId: string
    readonly runId: string
    readonly taskId: string
    /** Null = all instances of the task. */
    readonly mapIndex: number | null
  }
  readonly variable: string
  readonly xcom: {
    readonly dagId: string
    readonly runId: string
    readonly taskId: string
    readonly mapIndex: number
    readonly key: string
  }
}

export type SubjectKind = keyof SubjectIds

/** One thing: its kind, and what names it. A union over the kinds. */
export type Subject = { readonly [K in SubjectKind]: { readonly kind: K; readonly id: SubjectIds[K] } }[SubjectKind]

/** The compiler cannot pair a kind with its id through a type parameter; the arguments have paired them. */
export const subject = <K extends SubjectKind>(kind: K, id: SubjectIds[K]) => ({ kind, id }) as Subject

/** A sentence for each kind, from what names one of it. */
export type SubjectTexts = { readonly [K in SubjectKind]: (id: SubjectIds[K]) => string }

const indexed = (taskId: string, mapIndex: number | null): string =>
  mapIndex === null || mapIndex === -1 ? taskId : `${taskId}[${mapIndex}]`

/** That one is not there: expected, found. A caller that knows more (a similar name) says what to do. */
const MISSING: SubjectTexts = {
  account: (name) => `there is no account ${name}`,
  backfill: (id) => `there is no backfill ${id}`,
  connection: (id) => `there is no connection ${id}`,
  dag: (dagId) => `there is no DAG ${dagId}`,
  dag_run: ({ dagId, runId }) => `DAG ${dagId} has no run ${runId === 'latest' ? 'yet' : runId}`,
  dag_version: ({ dagId, version }) => `DAG ${dagId} has no version ${version}`,
  event_log: (id) => `there is no audit row ${id}`,
  import_error: (id) => `there is no import error ${id}; its file was fixed or removed`,
  pool: (name) => `there is no pool ${name}`,
  task: ({ dagId, taskId }) => `DAG ${dagId} has no task ${taskId}`,
  task_instance: ({ dagId, runId, taskId, mapIndex }) =>
    `run ${runId} of ${dagId} has no task ${indexed(taskId, mapIndex)}`,
  variable: (key) => `there is no variable ${key}`,
  xcom: ({ dagId, runId, taskId, mapIndex, key }) =>
    `task ${indexed(taskId, mapIndex)} of run ${runId} of ${dagId} has no XCom ${key}`,
}

export const missingText = <K extends SubjectKind>(kind: K, id: SubjectIds[K]): string => MISSING[kind](id)
