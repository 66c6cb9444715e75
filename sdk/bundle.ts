// `Bundle` and `TaskHandler` as Airflow's SDK has them. Here `serve()` opens no socket: it hands the DAGs to the loader.

import { declarationOf, type FacadeDag, isDag } from './dag.ts'
import { findBody } from './serialize.ts'
import type { TaskFunction } from './types.ts'

const HANDLER = Symbol.for('baram.task-handler')

/** A body for a task that a Python DAG declares. Loads harmlessly here: Baram runs DAGs that are declared in TypeScript. */
export class TaskHandler<TArgs = unknown, TReturn = unknown> {
  readonly dagId: string
  readonly taskId: string

  constructor(dagId: string, taskId: string, handler: TaskFunction<TArgs, TReturn>) {
    for (const [name, value] of [
      ['dagId', dagId],
      ['taskId', taskId],
    ] as const) {
      if (typeof value !== 'string' || value === '')
        throw new Error(`new TaskHandler(dagId, taskId, handler): ${name} must be text that is not empty`)
    }
    if (typeof handler !== 'function')
      throw new Error('new TaskHandler(dagId, taskId, handler): the handler must be a function')
    this.dagId = dagId
    this.taskId = taskId
    Object.defineProperty(this, HANDLER, { value: handler, enumerable: false })
  }
}

export type Registerable = FacadeDag | TaskHandler<never, unknown>

type AnyFunction = (...args: never[]) => unknown
const handlerOf = (value: TaskHandler<never, unknown>): AnyFunction =>
  // Set by the constructor alone.
  (value as unknown as { [HANDLER]: AnyFunction })[HANDLER]

/** What the loader finds after a file was evaluated. One per evaluation: `serve` may be called once a file. */
export interface LoadScope {
  readonly served: FacadeDag[]
  readonly notices: string[]
  hasServed: boolean
}

const SCOPE = Symbol.for('baram.load-scope')
const holder = globalThis as unknown as { [SCOPE]?: LoadScope }

/** Opens a scope for one evaluation of a file; `serve` registers into it. */
export function openLoadScope(): LoadScope {
  const scope: LoadScope = { served: [], notices: [], hasServed: false }
  holder[SCOPE] = scope
  return scope
}

/** Holds DAGs and handlers of one file. */
export class Bundle {
  readonly #dags = new Map<string, FacadeDag>()
  readonly #handlers = new Map<string, TaskHandler<never, unknown>>()

  constructor(...items: readonly Registerable[]) {
    this.register(...items)
  }

  /** All or nothing. @throws Error on a duplicate, or anything that is no Dag or TaskHandler */
  register(...items: readonly Registerable[]): void {
    const dags = new Map(this.#dags)
    const handlers = new Map(this.#handlers)
    for (const item of items) {
      if (isDag(item)) {
        if (dags.has(item.dagId)) throw new Error(`Bundle: DAG "${item.dagId}" is already registered`)
        dags.set(item.dagId, item)
      } else if (item instanceof TaskHandler) {
        const key = JSON.stringify([item.dagId, item.taskId])
        if (handlers.has(key))
          throw new Error(`Bundle: a handler for task "${item.taskId}" of DAG "${item.dagId}" is already registered`)
        handlers.set(key, item)
      } else throw new Error('Bundle: only Dag and TaskHandler instances can be registered')
    }
    for (const handler of handlers.values()) {
      if (dags.has(handler.dagId))
        throw new Error(`Bundle: DAG "${handler.dagId}" cannot be both declared here and served by handlers`)
    }
    for (const [id, dag] of dags) this.#dags.set(id, dag)
    for (const [id, handler] of handlers) this.#handlers.set(id, handler)
  }

  /** The function given for a task; undefined for unknown and operator tasks. */
  getTaskHandler(dagId: string, taskId: string): AnyFunction | undefined {
    const handler = this.#handlers.get(JSON.stringify([dagId, taskId]))
    if (handler !== undefined) return handlerOf(handler)
    const dag = this.#dags.get(dagId)
    // The author's own function: its types are what the author gave.
    return dag === undefined ? undefined : ((findBody(dag, taskId)?.handler ?? undefined) as AnyFunction | undefined)
  }

  /** Registers everything with the loader; resolves at once. @throws Error when a bundle of this file was served before */
  serve(): Promise<void> {
    if (typeof this !== 'object' || this === null || !(#dags in this))
      return Promise.reject(new Error('serve() must be called on a Bundle: `await bundle.serve()`'))
    const scope = holder[SCOPE]
    if (scope === undefined) return Promise.resolve() // Run by hand (`node dag.mjs`): there is nobody to serve.
    if (scope.hasServed) return Promise.reject(new Error('serve() was already called: a file serves one bundle'))
    scope.hasServed = true
    for (const dag of this.#dags.values()) {
      // As in Airflow's SDK, where serving ends the declaring.
      declarationOf(dag).seal()
      scope.served.push(dag)
    }
    for (const { dagId, taskId } of this.#handlers.values()) {
      scope.notices.push(
        `the handler for task "${taskId}" of DAG "${dagId}" stays unused: no DAG here declares that task`,
      )
    }
    return Promise.resolve()
  }
}
