// Serves what a task asks for over its pipe: Variables, Connections, XComs. Secrets are registered with the masker
// before they are sent, and a task can write only into its own run.

import { readEffect } from '../../core/effects.ts'
import { BaramError } from '../../core/errors.ts'
import { checkXCom, checkXComKey, type JsonObject, type JsonValue } from '../../core/json.ts'
import { extraSecrets, fieldSecrets, type Masker, secretStrings } from '../../core/masker.ts'
import type { CallOp } from '../../core/protocol.ts'
import { checkResultTableName, readResultTable } from '../../core/result-table.ts'
import { isInt4 } from '../../core/storable.ts'
import { isConnectionError } from '../../store/answers.ts'
import type { Database } from '../../store/database.ts'
import { putEffect } from '../../store/postgres/effects.ts'
import { findPreviousSuccess } from '../../store/postgres/other-runs.ts'
import { putResultTable } from '../../store/postgres/result-tables.ts'
import { holdAttempt } from '../../store/postgres/task-instances.ts'
import { findRunRowId, findXCom, putXComOfAttempt } from '../../store/postgres/xcoms.ts'
import type { Sql } from '../../store/sql.ts'
import { deleteVariable, setVariable } from '../admin/variables.ts'
import type { Vault } from '../admin/vault.ts'
import type { Actor } from '../engine.ts'
import type { RunCache } from '../transaction/run-cache.ts'
import type { RunTransactions } from '../transaction/run-transaction.ts'
import { textArg } from './arguments.ts'
import { callRunState, callTaskStates, callTriggerRun, nameTriggered } from './other-runs.ts'

/** Whose code asks. */
export interface Caller {
  readonly dagRunId: number
  readonly tiId: string
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  readonly mapIndex: number
  /** Of the attempt; null = a trigger or a callback, which may only read. */
  readonly epoch: number | null
}

export interface CallDeps {
  readonly database: Database
  readonly runCache: RunCache
  readonly transactions: RunTransactions
  readonly vault: Vault
  readonly masker: Masker
}

const textOr = (args: JsonObject, name: string, fallback: string): string =>
  args[name] === undefined || args[name] === null ? fallback : textArg(args, name)

async function getVariable({ vault, masker }: CallDeps, key: string): Promise<JsonValue> {
  const value = await vault.getVariable(key)
  if (value === null) return null
  masker.add(vault.isSensitive(key) ? secretStrings(value) : (fieldSecrets(value, vault.isSensitive) ?? []))
  return value
}

async function getConnection({ vault, masker }: CallDeps, connId: string): Promise<JsonValue> {
  const found = await vault.getConnection(connId)
  if (found === null) return null
  if (found.password !== null) masker.add(secretStrings(found.password))
  if (found.extra !== null) masker.add(extraSecrets(found.extra, vault.isSensitive))
  return {
    id: connId,
    type: found.connType,
    host: found.host,
    schema: found.schema,
    login: found.login,
    password: found.password,
    port: found.port,
    extra: found.extra,
  }
}

/** `mapIndex`: unset = own; null or negative = unmapped. */
const mapIndexOf = (args: JsonObject, own: number): number => {
  const value = args['mapIndex']
  if (value === undefined) return own
  if (typeof value !== 'number' || value < 0) return -1
  if (!isInt4(value)) throw new BaramError('INPUT_INVALID', `mapIndex must be a whole number, found ${value}`)
  return value
}

async function getXCom(deps: CallDeps, caller: Caller, args: JsonObject): Promise<JsonValue> {
  const found = await findXCom(deps.database, {
    dagId: textOr(args, 'dagId', caller.dagId),
    runId: textOr(args, 'runId', caller.runId),
    taskId: textOr(args, 'taskId', caller.taskId),
    mapIndex: mapIndexOf(args, caller.mapIndex),
    key: textArg(args, 'key'),
    includePriorDates: args['includePriorDates'] === true,
  })
  return found?.value ?? null
}

/** Who may still write: an attempt that runs. */
function attemptOf(caller: Caller, op: CallOp) {
  const { dagRunId, tiId, epoch } = caller
  if (epoch === null)
    throw new BaramError('REFUSED', `${op}: only a running task may write; a trigger or a callback may not`)
  return { dagRunId, tiId, epoch }
}

/** A frozen attempt that thaws after it was taken over must not write any more. */
const takenOver = (op: CallOp) => new BaramError('REFUSED', `${op}: this attempt has been taken over by another`)

async function recordEffect({ database, masker }: CallDeps, caller: Caller, args: JsonObject): Promise<null> {
  const effect = readEffect(args)
  const masked = { ...effect, target: masker.mask(effect.target) }
  if (!(await putEffect(database, attemptOf(caller, 'recordEffect'), masked))) throw takenOver('recordEffect')
  return null
}

async function publishReport({ database, masker }: CallDeps, caller: Caller, args: JsonObject): Promise<null> {
  const name = checkResultTableName(args['name'])
  const report = readResultTable(args)
  const row = { name, rowCount: report.rows.length, body: masker.maskDeep(report) }
  if (!(await putResultTable(database, attemptOf(caller, 'publishReport'), row))) throw takenOver('publishReport')
  return null
}

async function setXCom(deps: CallDeps, caller: Caller, args: JsonObject): Promise<JsonValue> {
  const key = textArg(args, 'key')
  checkXComKey(key)
  const value = checkXCom(args['value'] ?? null, `the value of ${JSON.stringify(key)}`)
  const dagRunId = await findRunRowId(
    deps.database,
    textOr(args, 'dagId', caller.dagId),
    textOr(args, 'runId', caller.runId),
  )
  if (dagRunId !== caller.dagRunId) throw new BaramError('REFUSED', 'setXCom: a task may only write into its own run')
  const at = { taskId: textOr(args, 'taskId', caller.taskId), mapIndex: mapIndexOf(args, caller.mapIndex), key }
  if (!(await putXComOfAttempt(deps.database, attemptOf(caller, 'setXCom'), at, value))) throw takenOver('setXCom')
  return null
}

/** In the transaction of a write: the attempt is still the one that runs, and stays it until the write is stored. */
function fence(caller: Caller, op: CallOp): (tx: Sql) => Promise<void> {
  const { dagRunId, tiId, epoch } = attemptOf(caller, op)
  return async (tx) => {
    if (!(await holdAttempt(tx, dagRunId, tiId, epoch))) throw takenOver(op)
  }
}

/** Dates of the last successful run before this one, epoch ms. */
async function getPreviousSuccess({ database }: CallDeps, caller: Caller): Promise<JsonValue> {
  const found = await findPreviousSuccess(database, caller.dagRunId)
  return found === null
    ? null
    : {
        dataIntervalStart: found.dataIntervalStart,
        dataIntervalEnd: found.dataIntervalEnd,
        startDate: found.startDate,
        endDate: found.endDate,
      }
}

/** Between two tries of a call whose connection broke, ms; it grows. */
const AGAIN_MS = 50
const LONGEST_AGAIN_MS = 2_000

/**
 * Each call may be repeated: reads change nothing, writes are keyed and fenced by their attempt, a run that is triggered
 * has its name from the first time on. So a call outlives a lost connection, as its attempt does.
 * @param isOver true once nobody waits for the answer
 * @throws BaramError with a sentence for the task's author
 */
export async function serveCall(
  deps: CallDeps,
  caller: Caller,
  op: CallOp,
  args: JsonObject,
  isOver: () => boolean = () => false,
): Promise<JsonValue> {
  let named = args
  for (let pauseMs = AGAIN_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_AGAIN_MS)) {
    try {
      if (op === 'triggerRun') named = await nameTriggered(deps.database, named)
      return await serveOnce(deps, caller, op, named)
    } catch (error) {
      if (!isConnectionError(error) || isOver()) throw error
      await new Promise((done) => setTimeout(done, pauseMs))
    }
  }
}

async function serveOnce(deps: CallDeps, caller: Caller, op: CallOp, args: JsonObject): Promise<JsonValue> {
  const actor: Actor = { name: `task ${caller.dagId}.${caller.taskId}`, via: 'operator' }
  switch (op) {
    case 'getVariable':
      return getVariable(deps, textArg(args, 'key'))
    case 'setVariable': {
      const description = args['description']
      const setting = {
        key: textArg(args, 'key'),
        value: String(args['value'] ?? ''),
        description: typeof description === 'string' ? description : null,
      }
      await setVariable(deps, { ...setting, fence: fence(caller, op) }, actor)
      return null
    }
    case 'deleteVariable':
      await deleteVariable(deps, { key: textArg(args, 'key'), mayBeMissing: true, fence: fence(caller, op) }, actor)
      return null
    case 'getConnection':
      return getConnection(deps, textArg(args, 'connId'))
    case 'getXCom':
      return getXCom(deps, caller, args)
    case 'setXCom':
      return setXCom(deps, caller, args)
    case 'triggerRun':
      if (caller.epoch === null)
        throw new BaramError('REFUSED', 'only a running task may start runs; a trigger or a callback may not')
      return callTriggerRun(deps, actor, fence(caller, op), args)
    case 'getRunState':
      return callRunState(deps.database, args)
    case 'getTaskStates':
      return callTaskStates(deps.database, args)
    case 'getPreviousSuccess':
      return getPreviousSuccess(deps, caller)
    case 'recordEffect':
      return recordEffect(deps, caller, args)
    case 'publishReport':
      return publishReport(deps, caller, args)
  }
}
