// The task's client: each call is a message to the supervisor, which alone talks to the database.

import type { JsonObject, JsonValue } from '../core/json.ts'
import { checkXCom } from '../core/json.ts'
import type { CallOp, FromChild } from '../core/protocol.ts'
import type { ConnectionResult, RunApi, RunStatus, TaskClient, TriggeredRunInfo } from '../sdk/context.ts'
import type { Outbox } from '../sdk/effects.ts'
import { ConnectionNotFoundError, VariableNotFoundError } from '../sdk/signals.ts'
import { MISSING_STORES } from '../sdk/state-stores.ts'

/** Where the calls of an attempt go: to the supervisor, or to the made-up world of a test. */
export interface CallPort {
  make(attempt: number, op: CallOp, args: JsonObject): Promise<JsonValue | undefined>
  /** Tells how template fields were rendered. */
  tellFields(attempt: number, fields: JsonObject, mapIndexLabel: string | null): void
}

interface Waiting {
  resolve(value: JsonValue | undefined): void
  reject(error: Error): void
}

/** Calls in flight, by number. */
export class Calls implements CallPort {
  private readonly waiting = new Map<number, Waiting>()
  private readonly send: (message: FromChild) => void
  private last = 0

  constructor(send: (message: FromChild) => void) {
    this.send = send
  }

  make(attempt: number, op: CallOp, args: JsonObject): Promise<JsonValue | undefined> {
    const call = ++this.last
    return new Promise((resolve, reject) => {
      this.waiting.set(call, { resolve, reject })
      this.send({ type: 'call', call, attempt, op, args })
    })
  }

  tellFields(attempt: number, fields: JsonObject, mapIndexLabel: string | null): void {
    this.send({ type: 'fields', attempt, fields, mapIndexLabel })
  }

  answer(call: number, value: JsonValue | undefined, error: string | undefined): void {
    const waiting = this.waiting.get(call)
    this.waiting.delete(call)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(new Error(error))
  }
}

type RunStateAnswer = Omit<RunStatus, 'logicalDate'> & { readonly logicalDate: number | null }

type PreviousSuccessAnswer = {
  readonly [K in 'dataIntervalStart' | 'dataIntervalEnd' | 'startDate' | 'endDate']: number | null
}
const dateOrNull = (instant: number | null) => (instant === null ? null : new Date(instant))

/** JSON has no undefined: unset locators are left out. */
function strip(value: object): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as JsonObject
}

/** The client of one attempt. */
export function makeClient(calls: CallPort, attempt: number): TaskClient {
  const call = (op: CallOp, args: object) => calls.make(attempt, op, strip(args))
  const getVariable = async (key: string) => {
    const value = await call('getVariable', { key })
    return typeof value === 'string' ? value : null
  }
  // The supervisor answers with exactly these fields.
  const getConnection = async (connId: string) =>
    ((await call('getConnection', { connId })) ?? null) as ConnectionResult | null
  return {
    getVariable,
    async getVariableOrThrow(key) {
      const value = await getVariable(key)
      if (value === null) throw new VariableNotFoundError(key)
      return value
    },
    async setVariable(key, value, description) {
      await call('setVariable', { key, value, description: description ?? null })
    },
    async deleteVariable(key) {
      await call('deleteVariable', { key })
    },
    getConnection,
    async getConnectionOrThrow(connId) {
      const connection = await getConnection(connId)
      if (connection === null) throw new ConnectionNotFoundError(connId)
      return connection
    },
    async getXCom<T>(opts: object) {
      // What was stored is the caller's claim, as in Airflow's SDK.
      return ((await call('getXCom', opts)) ?? null) as T | null
    },
    async setXCom(opts) {
      await call('setXCom', { ...opts, value: checkXCom(opts.value, 'the value') })
    },
    ...MISSING_STORES,
  }
}

/** Where row counts and reports of one attempt go. */
export function makeOutbox(calls: CallPort, attempt: number): Outbox {
  return {
    async sendEffect(effect) {
      await calls.make(attempt, 'recordEffect', strip(effect))
    },
    async sendReport(name, report) {
      await calls.make(attempt, 'publishReport', strip({ ...report, name }))
    },
  }
}

/** Other runs, by the supervisor's hand. */
export function makeRunApi(calls: CallPort, attempt: number): RunApi {
  const call = (op: CallOp, args: object) => calls.make(attempt, op, strip(args))
  return {
    async trigger({ logicalDate, runAfter, ...request }) {
      const dates = {
        ...(logicalDate !== undefined && { logicalDate: logicalDate?.getTime() ?? null }),
        ...(runAfter !== undefined && { runAfter: runAfter.getTime() }),
      }
      // The supervisor answers with exactly these fields.
      return (await call('triggerRun', { ...request, ...dates })) as unknown as TriggeredRunInfo
    },
    async state(dagId, by) {
      const at = 'runId' in by ? { runId: by.runId } : { logicalDate: by.logicalDate.getTime() }
      const found = (await call('getRunState', { dagId, ...at })) as RunStateAnswer | null
      return found === null
        ? null
        : { ...found, logicalDate: found.logicalDate === null ? null : new Date(found.logicalDate) }
    },
    async taskStates(dagId, logicalDate, taskIds) {
      const args = { dagId, logicalDate: logicalDate.getTime(), taskIds }
      return (await call('getTaskStates', args)) as Awaited<ReturnType<RunApi['taskStates']>>
    },
    async previousSuccess() {
      // As above: these four, each an instant or null.
      const found = (await call('getPreviousSuccess', {})) as PreviousSuccessAnswer | null
      if (found === null) return null
      const [start, end] = [dateOrNull(found.dataIntervalStart), dateOrNull(found.dataIntervalEnd)]
      return {
        dataInterval: start === null || end === null ? null : { start, end },
        startDate: dateOrNull(found.startDate),
        endDate: dateOrNull(found.endDate),
      }
    },
  }
}
