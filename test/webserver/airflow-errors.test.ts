// Each error of the engine twice: in Baram's sentence, which pages and commands show, and as `/api/v2` answers it.

import { describe, expect, test } from 'vitest'
import { alreadyExists, BaramError, conflict, ERRORS, type ErrorCode, notFound } from '../../core/errors.ts'
import type { SubjectKind } from '../../core/subjects.ts'
import { airflowError, airflowNotFound, BACKFILL, CLEAR } from '../../webserver/http/airflow-errors.ts'
import { ApiError } from '../../webserver/http/api-error.ts'

const run = { dagId: 'etl', runId: 'r1' }
const instance = { ...run, taskId: 'load', mapIndex: 3 }

type Row = readonly [error: BaramError, here: string, status: number, airflow: string]

const missing: Readonly<Record<SubjectKind, Row>> = {
  account: [notFound('account', 'kim'), 'there is no account kim', 404, 'The User with username: `kim` was not found'],
  backfill: [notFound('backfill', 4), 'there is no backfill 4', 404, 'Backfill not found'],
  connection: [
    notFound('connection', 'db'),
    'there is no connection db',
    404,
    'The Connection with connection_id: `db` was not found',
  ],
  dag: [notFound('dag', 'etl'), 'there is no DAG etl', 404, 'The Dag with ID: `etl` was not found'],
  dag_run: [
    notFound('dag_run', run),
    'DAG etl has no run r1',
    404,
    'The DagRun with dag_id: `etl` and run_id: `r1` was not found',
  ],
  dag_version: [
    notFound('dag_version', { dagId: 'etl', version: 9 }),
    'DAG etl has no version 9',
    404,
    'The DagVersion with dag_id: `etl` and version_number: `9` was not found',
  ],
  event_log: [notFound('event_log', '7'), 'there is no audit row 7', 404, 'The Event Log with id: `7` not found'],
  import_error: [
    notFound('import_error', '7'),
    'there is no import error 7; its file was fixed or removed',
    404,
    'The ImportError with import_error_id: `7` was not found',
  ],
  pool: [notFound('pool', 'gpu'), 'there is no pool gpu', 404, 'The Pool with name: `gpu` was not found'],
  task: [
    notFound('task', { dagId: 'etl', taskId: 'load' }),
    'DAG etl has no task load',
    404,
    "Task 'load' not found in Dag 'etl'",
  ],
  task_instance: [
    notFound('task_instance', instance),
    'run r1 of etl has no task load[3]',
    404,
    'The Task Instance with dag_id: `etl`, run_id: `r1`, task_id: `load` and map_index: `3` was not found',
  ],
  variable: [
    notFound('variable', 'key'),
    'there is no variable key',
    404,
    'The Variable with key: `key` was not found',
  ],
  xcom: [
    notFound('xcom', { ...instance, key: 'k' }),
    'task load[3] of run r1 of etl has no XCom k',
    404,
    "The XCom with key: `k` with mentioned task instance doesn't exist.",
  ],
}

describe('what is missing', () => {
  test.each(Object.entries(missing))('%s', (_, [error, here, status, airflow]) => {
    expect(error.message).toBe(here)
    expect(airflowError(error)).toMatchObject({ status, detail: airflow })
  })

  test('a handler of the API and the engine say the same', () => {
    expect(airflowNotFound('dag_run', run)).toEqual(airflowError(notFound('dag_run', run)))
  })

  test('a clear and a backfill have words of their own for a run and a DAG', () => {
    expect(airflowError(notFound('dag_run', run), CLEAR)?.detail).toBe('Dag Run id r1 not found in dag etl')
    expect(airflowError(notFound('dag', 'etl'), CLEAR)?.detail).toBe('The Dag with ID: `etl` was not found')
    expect(airflowError(notFound('dag', 'etl'), BACKFILL)?.detail).toBe('Could not find dag etl')
  })
})

const about = (code: ErrorCode, message: string, details: BaramError['details']) =>
  new BaramError(code, message, { details })

/** Where Airflow has a sentence. That the engine's verbs throw these, and what they say, is asked in refusals.test.ts. */
const conflicts: readonly (readonly [BaramError, number, string])[] = [
  [conflict('dag', 'etl', 'running', 'busy'), 409, "Task instances of dag with id: 'etl' are still running"],
  [conflict('dag', 'etl', 'backfilling', 'busy'), 409, 'There is already a running backfill for dag etl'],
  [conflict('backfill', 4, 'ended', 'over'), 409, 'Backfill is already completed.'],
  [
    conflict('dag_run', run, 'running', 'busy', { state: 'running' }),
    409,
    'The DagRun with dag_id: `etl` and run_id: `r1` cannot be deleted in running state',
  ],
  [
    conflict('task', { dagId: 'etl', taskId: 'load' }, 'unchanged', 'so already', { state: 'success' }),
    409,
    'Task id load is already in success state',
  ],
  [
    conflict('task_instance', instance, 'running', 'busy'),
    409,
    "AirflowClearRunningTaskException: Disable 'prevent_running_task' to proceed, or wait until the task is not " +
      'running, queued, or scheduled state. (load of r1 is running)',
  ],
  [
    about('REFUSED', 'broken', { kind: 'dag', id: 'etl', problem: 'import_errors' }),
    400,
    "DAG with dag_id: 'etl' has import errors and cannot be triggered",
  ],
]

describe('what cannot be done', () => {
  test.each(conflicts)('%s', (error, status, airflow) => {
    expect(airflowError(error)).toMatchObject({ status, detail: airflow })
    expect(error.message).not.toBe(airflow)
  })

  test('what Airflow has no sentence for is said in ours', () => {
    const removed = conflict('task_instance', instance, 'removed', 'load of run r1 is running and not in the latest')
    expect(airflowError(removed)).toMatchObject({ status: 409, detail: removed.message })
    expect(airflowError(new BaramError('INPUT_INVALID', 'so not'))).toMatchObject({ status: 400, detail: 'so not' })
  })

  test('a backfill answers 422 where the rest answers 400', () => {
    const error = about('INPUT_INVALID', 'ahead', { kind: 'dag', id: 'etl', problem: 'range_in_future' })
    const detail = 'Backfill cannot be executed for future dates.'
    expect(airflowError(error, BACKFILL)).toMatchObject({ status: 422, detail })
    expect(airflowError(error)).toMatchObject({ status: 400, detail })
  })

  test('what exists already is a constraint, whose statement stays hidden', () => {
    expect(airflowError(alreadyExists('connection', 'db'))).toMatchObject({
      status: 409,
      detail: {
        reason: 'Unique constraint violation',
        message: 'The Connection with connection_id: `db` already exists',
      },
    })
  })

  test('a text that is too long is a fault of its field', () => {
    const error = about('INPUT_INVALID', 'a note has at most 1000 characters', { field: 'note', most: 1000 })
    expect(airflowError(error)).toMatchObject({
      status: 422,
      detail: [{ type: 'string_too_long', loc: ['body', 'note'], msg: 'String should have at most 1000 characters' }],
    })
  })

  test('a fault of ours, the database’s and what is no error of the engine are left to others', () => {
    const ours = Object.keys(ERRORS).filter((code) => ERRORS[code as ErrorCode].status >= 500)
    expect(ours).toContain('DATABASE_UNAVAILABLE')
    for (const code of ours) expect(airflowError(new BaramError(code as ErrorCode, 'secret'))).toBeNull()
    expect(airflowError(new ApiError(418, 'a teapot'))).toBeNull()
    expect(airflowError(null)).toBeNull()
  })
})
