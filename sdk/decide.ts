// Decisions: `dag.if` and `dag.switch`. A decider is a task whose value says which of the tasks named behind it are left
// out; what comes after those is a matter of trigger rules.

import { type Decision, describe, insideOf, nodeOf, type TaskNode } from './nodes.ts'
import type { CheckedDeciderArgs, DeciderArgs, Endpoint, TaskFunction, TaskRef } from './types.ts'

/** What a decision may lead to. */
export type BranchTarget = TaskRef | Condition | Branch

/** The other side of a condition. */
export interface ConditionElse {
  /** The task that runs when the handler says false. */
  else(target: BranchTarget): void
}

/** A task that says true or false: made by `dag.if`. */
export interface Condition {
  readonly dagId: string
  readonly taskId: string
  /** The task that runs when the handler says true. Never await a condition: it is no promise. */
  then(target: BranchTarget): ConditionElse
  before(...others: readonly Endpoint[]): this
  after(...others: readonly Endpoint[]): this
}

/** A task that chooses one of its cases: made by `dag.switch`. */
export interface Branch {
  readonly dagId: string
  readonly taskId: string
  /** A task the handler may return; returns this. */
  case(target: BranchTarget): this
  before(...others: readonly Endpoint[]): this
  after(...others: readonly Endpoint[]): this
}

/** Written as methods: the checked ones may then stand where Airflow's are expected. */
interface Deciders {
  if<TArgs>(handler: TaskFunction<TArgs, boolean>, ...more: DeciderArgs<TArgs>): Condition
  switch<TArgs>(handler: TaskFunction<TArgs, TaskRef>, ...more: DeciderArgs<TArgs>): Branch
}
interface CheckedDeciders {
  if<TArgs>(handler: TaskFunction<TArgs, boolean>, ...more: CheckedDeciderArgs<TArgs>): Condition
  switch<TArgs>(handler: TaskFunction<TArgs, TaskRef>, ...more: CheckedDeciderArgs<TArgs>): Branch
}
/** `dag.if`: the handler says which side runs; when it says neither true nor false, the try fails. */
export type IfMethod = Deciders['if']
/** `dag.switch`: the handler returns the task to run; all other cases are skipped. */
export type SwitchMethod = Deciders['switch']
export type CheckedIf = CheckedDeciders['if']
export type CheckedSwitch = CheckedDeciders['switch']

/** What a decider asks of the DAG it stands in. */
export interface DeciderHost {
  readonly owner: object
  /** `Dag "d", task "choose"`; the id is known once it is placed. */
  where(): string
  /** Draws decider → target. */
  draw(target: unknown): void
}

/** One kind of decision: what its ref offers beside `before` and `after`, and what its value means. */
export interface Decider {
  readonly methods: (ref: () => object) => object
  readonly decide: (value: unknown) => Decision
  readonly check: () => string | null
}

/** A task that a decision names. @throws Error for a group and for everything that is no task of this DAG */
function targetOf(host: DeciderHost, value: unknown, side: string): TaskNode {
  const node = nodeOf(host.owner, value, `${host.where()}, ${side}`)
  if (node.kind === 'group')
    throw new Error(`${host.where()}, ${side}: expected a task, found ${describe(value)}; name a task inside it`)
  return node
}

/** `await` hands two functions of its own to everything that has a `then`. */
const isAwait = (args: readonly unknown[]): args is readonly [unknown, (error: Error) => void] =>
  args.length >= 2 && args.every((arg) => typeof arg === 'function')

/** `dag.if` */
export function makeIf(host: DeciderHost): Decider {
  const sides: { then?: TaskNode; else?: TaskNode } = {}
  const name = (side: 'then' | 'else', value: unknown): void => {
    if (sides[side] !== undefined)
      throw new Error(`${host.where()}: "${side}" names "${sides[side].taskId}" already; a side has one task`)
    const node = targetOf(host, value, side)
    if (node === sides[side === 'then' ? 'else' : 'then'])
      throw new Error(
        `${host.where()}: task "${node.taskId}" stands on both sides; it would always be skipped or always run`,
      )
    host.draw(value)
    sides[side] = node
  }
  const then = (...args: readonly unknown[]): ConditionElse | undefined => {
    if (isAwait(args)) {
      args[1](new Error(`${host.where()}: the condition was awaited, but it is no promise; drop the await`))
      return undefined
    }
    name('then', args[0])
    return Object.freeze({ else: (target: BranchTarget) => name('else', target) })
  }
  return {
    methods: () => ({ then }),
    check: () => (sides.then === undefined ? 'the condition names no branch; write .then(task)' : null),
    decide: (value) => {
      if (typeof value !== 'boolean')
        throw new Error(`${host.where()}: a condition must return true or false, found ${describe(value)}`)
      const skipped = value ? sides.else : sides.then
      return { value, skips: skipped === undefined ? [] : [skipped.taskId] }
    },
  }
}

/** Which task a `switch` handler means: refs are compared by DAG id and task id. */
function chosenId(value: unknown, dagId: string): string | null {
  if (typeof value !== 'object' || value === null) return null
  const { dagId: dag, taskId } = value as { dagId?: unknown; taskId?: unknown }
  return dag === dagId && typeof taskId === 'string' ? taskId : null
}

/** `dag.switch` */
export function makeSwitch(host: DeciderHost, dagId: string): Decider {
  const cases: TaskNode[] = []
  return {
    methods: (ref) => ({
      case: (target: unknown) => {
        const node = targetOf(host, target, 'case')
        if (cases.includes(node)) throw new Error(`${host.where()}: case "${node.taskId}" is named already`)
        host.draw(target)
        cases.push(node)
        return ref()
      },
    }),
    check: () => (cases.length === 0 ? 'the switch has no case; write .case(task)' : null),
    decide: (value) => {
      const id = chosenId(value, dagId)
      const chosen = cases.find((node) => node.taskId === id)
      if (chosen === undefined) {
        const found = typeof value === 'string' ? JSON.stringify(value) : id === null ? describe(value) : `task "${id}"`
        const known = cases.map((node) => `"${node.taskId}"`).join(', ')
        throw new Error(`${host.where()}: a switch must return one of its cases (${known}), found ${found}`)
      }
      return {
        value: chosen.taskId,
        skips: cases.filter((node) => node !== chosen).map((node) => node.taskId),
      }
    },
  }
}

/**
 * A `switch` handler as it is run. A condition has a `then`, which whoever awaits the handler's value would call: refs
 * go out as plain ids.
 */
export function plainRefs(handler: (args: unknown) => unknown): (args: unknown) => unknown {
  return (args) => {
    const value = handler(args)
    const node = insideOf(value)?.node
    // A branded ref: its two ids are all that is compared.
    if (node?.kind === 'task') return { dagId: (value as TaskRef).dagId, taskId: node.taskId }
    return value
  }
}
