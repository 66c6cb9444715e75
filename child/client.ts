// The task's client: each call is a message to the supervisor, which alone talks to the database.

import type { JsonObject, JsonValue } from '../core/json.ts'
import { checkJson } from '../core/json.ts'
import type { CallOp, FromChild } from '../core/protocol.ts'
import type { ConnectionResult, TaskClient } from '../sdk/context.ts'
import { ConnectionNotFoundError, VariableNotFoundError } from '../sdk/signals.ts'

interface Waiting {
  resolve(value: JsonValue | undefined): void
  reject(error: Error): void
}

/** Calls in flight, by number. */
export class Calls {
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

  answer(call: number, value: JsonValue | undefined, error: string | undefined): void {
    const waiting = this.waiting.get(call)
    this.waiting.delete(call)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(new Error(error))
  }
}

/** JSON has no undefined: unset locators are left out. */
function strip(value: object): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as JsonObject
}

/** The client of one attempt. */
export function makeClient(calls: Calls, attempt: number): TaskClient {
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
      await call('setXCom', { ...opts, value: checkJson(opts.value) })
    },
  }
}
