// The engine's errors in Airflow's words: `/api/v2` says them as Airflow does, to the byte, since its clients read them.

import { BaramError, ERRORS, type ErrorCode, type ErrorDetails, type Problem } from '../../core/errors.ts'
import type { SubjectIds, SubjectKind } from '../../core/subjects.ts'
import { ApiError, invalid } from './api-error.ts'

type Says<K extends SubjectKind> = (id: SubjectIds[K], details: ErrorDetails) => string
/** A sentence by what is the matter with a thing of this kind. */
type WordsOf<K extends SubjectKind> = Partial<Record<Problem, Says<K>>>
type Words = { readonly [K in SubjectKind]?: WordsOf<K> }

const iso = (at: number | undefined): string => (at === undefined ? '' : new Date(at).toISOString())

/** Each kind can be missing; of the rest, what Airflow has a sentence for. Others are answered in the engine's words. */
const WORDS: { readonly [K in SubjectKind]: WordsOf<K> & { readonly missing: Says<K> } } = {
  // No operation of Airflow's API names an account of ours.
  account: { missing: (name) => `The User with username: \`${name}\` was not found` },
  backfill: { missing: () => 'Backfill not found', ended: () => 'Backfill is already completed.' },
  connection: {
    missing: (id) => `The Connection with connection_id: \`${id}\` was not found`,
    exists: (id) => `The Connection with connection_id: \`${id}\` already exists`,
  },
  dag: {
    missing: (dagId) => `The Dag with ID: \`${dagId}\` was not found`,
    running: (dagId) => `Task instances of dag with id: '${dagId}' are still running`,
    backfilling: (dagId) => `There is already a running backfill for dag ${dagId}`,
    import_errors: (dagId) => `DAG with dag_id: '${dagId}' has import errors and cannot be triggered`,
    range_reversed: (_, { from, to }) => `from_date (${iso(from)}) must not be after to_date (${iso(to)}).`,
    range_in_future: () => 'Backfill cannot be executed for future dates.',
    range_empty: (dagId, { from, to }) => `No runs to create for Dag ${dagId} in the range [${iso(from)}, ${iso(to)}]`,
    depends_on_past: () =>
      'Dag has tasks for which depends_on_past=True. You must set reprocess behavior to reprocess completed or reprocess failed.',
    depends_on_past_reversed: () =>
      'Backfill cannot be run in reverse when the Dag has tasks where depends_on_past=True.',
  },
  dag_run: {
    missing: ({ dagId, runId }) => `The DagRun with dag_id: \`${dagId}\` and run_id: \`${runId}\` was not found`,
    running: ({ dagId, runId }, { state }) =>
      `The DagRun with dag_id: \`${dagId}\` and run_id: \`${runId}\` cannot be deleted in ${state ?? ''} state`,
    undated: () => 'Cannot use include_past or include_future with no logical_date(e.g. manually or asset-triggered).',
  },
  dag_version: {
    missing: ({ dagId, version }) =>
      `The DagVersion with dag_id: \`${dagId}\` and version_number: \`${version}\` was not found`,
  },
  event_log: { missing: (id) => `The Event Log with id: \`${id}\` not found` },
  import_error: { missing: (id) => `The ImportError with import_error_id: \`${id}\` was not found` },
  pool: {
    missing: (name) => `The Pool with name: \`${name}\` was not found`,
    exists: (name) => `The Pool with name: \`${name}\` already exists`,
    builtin: (_, { field }) =>
      field === undefined
        ? "Default Pool can't be deleted"
        : 'Only slots and included_deferred can be modified on Default Pool',
  },
  task: {
    missing: ({ dagId, taskId }) => `Task '${taskId}' not found in Dag '${dagId}'`,
    unchanged: ({ taskId }, { state }) => `Task id ${taskId} is already in ${state ?? ''} state`,
  },
  task_instance: {
    missing: ({ dagId, runId, taskId, mapIndex }) =>
      `The Task Instance with dag_id: \`${dagId}\`, run_id: \`${runId}\`, task_id: \`${taskId}\` ` +
      `and map_index: \`${mapIndex ?? 'None'}\` was not found`,
    running: ({ runId, taskId }) =>
      "AirflowClearRunningTaskException: Disable 'prevent_running_task' to proceed, or wait until the task is not " +
      `running, queued, or scheduled state. (${taskId} of ${runId} is running)`,
  },
  variable: {
    missing: (key) => `The Variable with key: \`${key}\` was not found`,
    exists: (key) => `The Variable with key: \`${key}\` already exists`,
  },
  xcom: {
    missing: ({ key }) => `The XCom with key: \`${key}\` with mentioned task instance doesn't exist.`,
    exists: ({ key }) => `The XCom with key: \`${key}\` with mentioned task instance already exists.`,
  },
}

/** What an operation of Airflow's answers otherwise than the rest. */
export interface Wording {
  readonly status: Partial<Record<ErrorCode, number>>
  readonly words: Words
}

const PLAIN: Wording = { status: {}, words: {} }

/** Of a clear. */
export const CLEAR: Wording = {
  status: {},
  words: { dag_run: { missing: ({ dagId, runId }) => `Dag Run id ${runId} not found in dag ${dagId}` } },
}

/** Of a backfill that is made or shown: whatever it cannot be is 422 with a bare text. */
export const BACKFILL: Wording = {
  status: { INPUT_INVALID: 422, PARAMS_INVALID: 422 },
  words: { dag: { missing: (dagId) => `Could not find dag ${dagId}` } },
}

/** Of favourites. */
export const FAVOURITE: Wording = {
  status: {},
  words: {
    dag: {
      missing: (dagId) => `DAG with id '${dagId}' not found`,
      unchanged: () => 'DAG is not marked as favorite',
    },
  },
}

/** Of XComs that are written. */
export const XCOM: Wording = {
  status: { XCOM_INVALID: 400, XCOM_TOO_LARGE: 400 },
  words: {
    dag_run: { missing: ({ dagId, runId }) => `Dag Run with ID: \`${runId}\` not found for dag: \`${dagId}\`` },
    task: { missing: ({ dagId, taskId }) => `Task with ID: \`${taskId}\` not found in dag: \`${dagId}\`` },
  },
}

function find<K extends SubjectKind>(words: Words, kind: K, id: SubjectIds[K], details: ErrorDetails) {
  return details.problem === undefined ? undefined : words[kind]?.[details.problem]?.(id, details)
}

function textOf({ details, message }: BaramError, words: Words): string {
  const { kind, id } = details
  if (kind === undefined) return message
  return find(words, kind, id, details) ?? find(WORDS, kind, id, details) ?? message
}

/** What Airflow looks for before it writes: the rest is found by its database. */
const LOOKED_FOR: ReadonlySet<SubjectKind | undefined> = new Set(['xcom'])

/** Airflow hides the statement, and so says no more than that something is not unique. */
const notUnique = (message: string): ApiError =>
  new ApiError(409, { reason: 'Unique constraint violation', statement: 'hidden', orig_error: 'hidden', message })

const tooLong = (field: string, most: number): ApiError =>
  invalid({ type: 'string_too_long', loc: ['body', field], msg: `String should have at most ${most} characters` })

/** An error of the engine as Airflow answers it. Null = it has no word for clients: a fault of ours, or the database's. */
export function airflowError(error: unknown, { status, words }: Wording = PLAIN): ApiError | null {
  if (!(error instanceof BaramError)) return null
  const told = status[error.code] ?? ERRORS[error.code].status
  if (told >= 500) return null
  const { problem, field, most } = error.details
  if (field !== undefined && most !== undefined) return tooLong(field, most)
  const text = textOf(error, words)
  return problem === 'exists' && !LOOKED_FOR.has(error.details.kind) ? notUnique(text) : new ApiError(told, text)
}

/** 404 in Airflow's words. */
export const airflowNotFound = <K extends SubjectKind>(kind: K, id: SubjectIds[K]): ApiError =>
  new ApiError(404, WORDS[kind].missing(id, {}))

/** The work of an operation that has words of its own. */
export async function inWordsOf<T>(wording: Wording, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw airflowError(error, wording) ?? error
  }
}
