// The made-up world of a test: Variables, Connections and XComs in memory, and what tasks did to it.

import { type ConnectionFields, parseConnectionText, readConnectionObject } from '../core/connection-uri.ts'
import { type Effect, readEffect } from '../core/effects.ts'
import { BaramError } from '../core/errors.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import { extraSecrets, isSensitiveName, Masker, secretStrings } from '../core/masker.ts'
import type { CallOp } from '../core/protocol.ts'
import { checkResultTableName, type ResultTable, readResultTable } from '../core/result-table.ts'

/** A Connection as text (`postgres://user:pw@host:5432/shop`) or as the fields of Airflow's JSON. */
export type MadeUpConnection = string | Partial<Record<ConnectionField, string | number | null | JsonObject>>
type ConnectionField = 'conn_type' | 'host' | 'schema' | 'login' | 'password' | 'port' | 'extra'

/** What a run finds: nothing is there but what is given. */
export interface WorldOptions {
  /** Values of Variables; what is no text is stored as JSON. Default: none. */
  readonly variables?: { readonly [key: string]: JsonValue }
  /** By id. Default: none, so operators use their embedded back ends. */
  readonly connections?: { readonly [connId: string]: MadeUpConnection }
  /** Asked for what is not above: `BARAM_VAR_X` and `BARAM_CONN_X` in `dagctl test`. Names are upper-cased. Default: nothing. */
  readonly overrides?: {
    readonly variables: ReadonlyMap<string, string>
    readonly connections: ReadonlyMap<string, string>
  }
}

/** A run that a task has started (`triggerDagRun`): nothing runs, and it counts as ended well. */
export interface StartedRun {
  /** The DAG that was to run. */
  readonly dagId: string
  /** As it was asked for, else `manual__test_1`, `manual__test_2` … */
  readonly runId: string
  /** `{}` when nothing was given. */
  readonly conf: JsonObject
  /** Epoch ms; null = none. */
  readonly logicalDate: number | null
}

/** Which instance asks. */
export interface Asking {
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  readonly mapIndex: number
}

const keyOf = (taskId: string, mapIndex: number, key: string) => JSON.stringify([taskId, mapIndex, key])
const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '')

export class World {
  readonly variables: Map<string, string>
  readonly effects: (Effect & { readonly taskId: string })[] = []
  readonly reports = new Map<string, ResultTable>()
  readonly started: StartedRun[] = []
  /** Knows the secrets that tasks have been given, as in a deployment. */
  readonly masker = new Masker()
  private readonly connections: ReadonlyMap<string, ConnectionFields>
  private readonly overrides: NonNullable<WorldOptions['overrides']>
  private readonly xcoms = new Map<string, JsonValue>()

  constructor(options: WorldOptions = {}) {
    const { variables = {}, connections = {} } = options
    this.variables = new Map(
      Object.entries(variables).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
    )
    this.connections = new Map(
      Object.entries(connections).map(([id, given]) => [
        id,
        typeof given === 'string' ? parseConnectionText(given) : readConnectionObject(given),
      ]),
    )
    this.overrides = options.overrides ?? { variables: new Map(), connections: new Map() }
  }

  getXCom(taskId: string, mapIndex: number, key = 'return_value'): JsonValue | undefined {
    return this.xcoms.get(keyOf(taskId, mapIndex, key))
  }

  putXCom(taskId: string, mapIndex: number, key: string, value: JsonValue): void {
    this.xcoms.set(keyOf(taskId, mapIndex, key), value)
  }

  /** A new try begins without the XComs of the one before. */
  clearXComs(taskId: string, mapIndex: number): void {
    for (const key of this.xcoms.keys()) {
      const [task, index] = JSON.parse(key) as [string, number]
      if (task === taskId && index === mapIndex) this.xcoms.delete(key)
    }
  }

  /** XComs of an instance, by key. */
  xcomsOf(taskId: string, mapIndex: number): Record<string, JsonValue> {
    return Object.fromEntries(
      [...this.xcoms].flatMap(([at, value]) => {
        const [task, index, key] = JSON.parse(at) as [string, number, string]
        return task === taskId && index === mapIndex ? [[key, value]] : []
      }),
    )
  }

  /** What the supervisor answers in a deployment. @throws BaramError with a sentence for the author */
  serve(asking: Asking, op: CallOp, args: JsonObject): JsonValue {
    switch (op) {
      case 'getVariable': {
        const key = textOf(args['key'])
        const value = this.overrides.variables.get(key.toUpperCase()) ?? this.variables.get(key) ?? null
        if (value !== null && isSensitiveName(key)) this.masker.add(secretStrings(value))
        return value
      }
      case 'setVariable':
        this.variables.set(textOf(args['key']), textOf(args['value']))
        return null
      case 'deleteVariable':
        this.variables.delete(textOf(args['key']))
        return null
      case 'getConnection':
        return this.connection(textOf(args['connId']))
      case 'getXCom':
        return this.pull(asking, args)
      case 'setXCom':
        return this.push(asking, args)
      case 'triggerRun':
        return this.trigger(args)
      case 'getRunState':
        return this.runState(args)
      case 'getTaskStates':
      case 'getPreviousSuccess':
        return null
      case 'recordEffect':
        this.effects.push({ ...readEffect(args), taskId: asking.taskId })
        return null
      case 'publishReport':
        this.reports.set(checkResultTableName(args['name']), readResultTable(args))
        return null
    }
  }

  private connection(connId: string): JsonValue {
    const text = this.overrides.connections.get(connId.toUpperCase())
    const found = text === undefined ? this.connections.get(connId) : parseConnectionText(text)
    if (found === undefined) return null
    if (found.password !== null) this.masker.add(secretStrings(found.password))
    if (found.extra !== null) this.masker.add(extraSecrets(found.extra, (name) => isSensitiveName(name)))
    const { connType, ...fields } = found
    return { id: connId, type: connType, ...fields }
  }

  private static isOwn(asking: Asking, args: JsonObject): boolean {
    return (args['dagId'] ?? asking.dagId) === asking.dagId && (args['runId'] ?? asking.runId) === asking.runId
  }

  private static place(asking: Asking, args: JsonObject): [taskId: string, mapIndex: number] {
    const { taskId, mapIndex } = args
    const index =
      mapIndex === undefined ? asking.mapIndex : typeof mapIndex === 'number' && mapIndex >= 0 ? mapIndex : -1
    return [typeof taskId === 'string' ? taskId : asking.taskId, index]
  }

  private pull(asking: Asking, args: JsonObject): JsonValue {
    if (!World.isOwn(asking, args)) return null // There is no other run.
    return this.getXCom(...World.place(asking, args), textOf(args['key'])) ?? null
  }

  private push(asking: Asking, args: JsonObject): JsonValue {
    if (!World.isOwn(asking, args)) throw new BaramError('REFUSED', 'setXCom: a task may only write into its own run')
    this.putXCom(...World.place(asking, args), textOf(args['key']), args['value'] ?? null)
    return null
  }

  private trigger(args: JsonObject): JsonValue {
    const dagId = textOf(args['dagId'])
    const runId = typeof args['runId'] === 'string' ? args['runId'] : `manual__test_${this.started.length + 1}`
    const exists = this.started.some((run) => run.dagId === dagId && run.runId === runId)
    const { conf, logicalDate } = args
    if (!exists)
      this.started.push({
        dagId,
        runId,
        // The client sends an object, or nothing.
        conf: (conf ?? {}) as JsonObject,
        logicalDate: typeof logicalDate === 'number' ? logicalDate : null,
      })
    return { runId, exists }
  }

  private runState(args: JsonObject): JsonValue {
    const { dagId, runId, logicalDate } = args
    const found = this.started.find(
      (run) => run.dagId === dagId && (runId === undefined ? run.logicalDate === logicalDate : run.runId === runId),
    )
    return found === undefined
      ? null
      : { dagId: found.dagId, runId: found.runId, state: 'success', logicalDate: found.logicalDate }
  }
}
