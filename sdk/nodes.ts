// Tasks, groups and edges while a DAG is being declared. One node class serves both doors.

import type { JsonValue } from '../core/json.ts'
import { isOperator, type Operator } from './operator.ts'
import type { Site } from './site.ts'
import { isPlainObject } from './spec.ts'
import type { TaskRef } from './types.ts'

const REF = Symbol.for('baram.ref')
/** What `label(…)` made carries this. */
export const LABEL = Symbol.for('baram.label')
const ID = /^[\p{L}\p{N}_.-]+$/u

export type Handler = (args: unknown) => unknown

/** What a decider hands on as its XCom, and the ids of the tasks it leaves out. */
export interface Decision {
  readonly value: JsonValue
  readonly skips: readonly string[]
}

/** One declared task. */
export interface TaskNode {
  readonly kind: 'task'
  readonly taskId: string
  readonly handler: Handler | null
  readonly operator: Operator<unknown, unknown> | null
  /** `dag.if` and `dag.switch`: what the handler's value means. */
  readonly decide: ((value: unknown) => Decision) | null
  /** What only the whole DAG can tell, asked when it is read: a sentence, or null. */
  readonly check: (() => string | null) | null
  readonly spec: Readonly<Record<string, unknown>>
  readonly group: GroupNode | null
  readonly site: Site
  inputs: Inputs | null
  mapping: Mapping | null
  ref: TaskRef | null
}

/** Named arguments: refs of this DAG and literals. */
export type Inputs = readonly (readonly [string, unknown])[]

/** Over which lists a task is mapped (core/serialized.ts has the meaning). */
export interface Mapping {
  readonly kind: 'product' | 'zip' | 'each'
  readonly over: Inputs
  readonly fill: { readonly value: unknown } | null
}

export interface GroupNode {
  readonly kind: 'group'
  readonly groupId: string
  readonly hasPrefix: boolean
  /** Options its tasks take over. */
  readonly defaults: Readonly<Record<string, unknown>>
  readonly parent: GroupNode | null
  readonly members: (TaskNode | GroupNode)[]
}

export type AnyNode = TaskNode | GroupNode

/** What a ref carries inside: which DAG object it belongs to, and its node. */
export interface RefInside {
  readonly owner: object
  readonly node: AnyNode
}

/** Brands a public ref with its node, out of sight of `Object.keys`. */
export function brandRef<T extends object>(ref: T, inside: RefInside): T {
  Object.defineProperty(ref, REF, { value: inside, enumerable: false })
  return Object.freeze(ref)
}

const isLabel = (value: unknown) => typeof value === 'object' && value !== null && LABEL in value

export function insideOf(value: unknown): RefInside | null {
  if (typeof value !== 'object' || value === null || !(REF in value)) return null
  // Only brandRef sets this symbol.
  return (value as { [REF]: RefInside })[REF]
}

/** @throws Error when the value is no node of this DAG */
export function nodeOf(owner: object, value: unknown, where: string): AnyNode {
  const inside = insideOf(value)
  if (inside === null) throw new Error(`${where}: expected a task or group of this DAG, found ${describe(value)}`)
  if (inside.owner !== owner)
    throw new Error(`${where}: ${describe(value)} belongs to another DAG; edges stay inside one DAG`)
  return inside.node
}

/** A ref that another package made: it looks like ours, with edges of its own, and carries nothing we know. */
const isOfOtherCopy = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  insideOf(value) === null &&
  !isLabel(value) &&
  ['before', 'after'].every((name) => typeof (value as Record<string, unknown>)[name] === 'function')

/** What a value is, in the words of a message. */
export function describe(value: unknown): string {
  const inside = insideOf(value)
  if (inside !== null)
    return inside.node.kind === 'task' ? `task "${inside.node.taskId}"` : `group "${inside.node.groupId}"`
  if (typeof value === 'object' && value !== null && LABEL in value)
    return 'a label, which stands only inside before(…) and after(…); pass the task itself'
  if (isOfOtherCopy(value)) return 'a task of a different copy of the package; import it once, from one place'
  if (typeof value === 'function') return 'a task that was not called; call it first: `task()`'
  return value === null ? 'null' : typeof value
}

/** @throws Error naming what is wrong with the id */
export function checkId(id: string, what: 'task' | 'group', where: string): string {
  if (id === '') throw new Error(`${where}: a ${what} id must not be empty`)
  if (id.includes('.')) throw new Error(`${where}: ${what} id "${id}" contains a dot, which belongs to groups`)
  const most = what === 'group' ? 200 : 250
  if ([...id].length > most)
    throw new Error(`${where}: a ${what} id has at most ${most} characters, found ${[...id].length}`)
  if (!ID.test(id)) throw new Error(`${where}: ${what} id "${id}" may only have letters, digits, "_" and "-"`)
  return id
}

/** The three forms of `task(…)`, told apart: `(id, body, spec?)`, `(body, spec?)`. */
export function readTaskCall(
  args: readonly unknown[],
  where: string,
): { id: string | null; body: unknown; spec: unknown } {
  const hasId = typeof args[0] === 'string'
  const [body, spec] = hasId ? args.slice(1) : args
  if (args.length > (hasId ? 3 : 2))
    throw new Error(`${where}: task takes an id, a handler and options, found ${args.length} arguments`)
  if (spec === null) throw new Error(`${where}: options must be an object, found null`)
  return { id: hasId ? String(args[0]) : null, body, spec: spec ?? {} }
}

/** `(handler, inputs?, spec?)` of `dag.if` and `dag.switch`. @throws Error */
export function readDeciderCall(
  args: readonly unknown[],
  where: string,
): { handler: Handler; inputs: readonly unknown[]; spec: unknown } {
  const [handler, inputs, spec] = args
  if (args.length > 3) throw new Error(`${where}: takes a handler, inputs and options, found ${args.length} arguments`)
  if (typeof handler === 'string')
    throw new Error(`${where}: the handler comes first; give the id as option: { taskId: ${JSON.stringify(handler)} }`)
  if (isOperator(handler)) throw new Error(`${where}: expected a function, found the operator ${handler.name}`)
  if (spec === null) throw new Error(`${where}: options must be an object, found null`)
  const body = readBody(handler, where).handler
  // readBody gives a handler for everything that is no operator.
  return { handler: body as Handler, inputs: inputs === undefined ? [] : [inputs], spec: spec ?? {} }
}

/** A function of one argument at most, or an operator. @throws Error */
export function readBody(body: unknown, where: string): Pick<TaskNode, 'handler' | 'operator'> {
  if (isOperator(body)) return { handler: null, operator: body }
  if (typeof body !== 'function')
    throw new Error(
      `${where}: expected a function or an operator, found ${body === undefined ? 'nothing' : typeof body}`,
    )
  if (body.length > 1)
    throw new Error(`${where}: a handler takes one object of named arguments, found ${body.length} parameters`)
  // Proven a function; what it takes and returns is the author's business.
  return { handler: body as Handler, operator: null }
}

/** The id: given once, in the call or the options; else the function's own name. @throws Error */
export function pickId(
  positional: string | null,
  fromSpec: unknown,
  body: Pick<TaskNode, 'handler' | 'operator'>,
  where: string,
): string {
  if (positional !== null && fromSpec !== undefined)
    throw new Error(`${where}: give the id once, as first argument or as taskId`)
  if (positional !== null) return checkId(positional, 'task', where)
  if (typeof fromSpec === 'string') return checkId(fromSpec, 'task', where)
  if (body.operator !== null) throw new Error(`${where}: ${body.operator.name} needs an id: write task('my_id', …)`)
  const name = body.handler?.name ?? ''
  if (name === '') throw new Error(`${where}: this handler has no name; pass an id: task('my_id', handler)`)
  return checkId(name, 'task', where)
}

/** The named inputs of a call. @throws Error for anything but one plain object, and for a ref inside a literal */
export function readInputs(owner: object, args: readonly unknown[], where: string): Inputs {
  if (args.length > 1)
    throw new Error(`${where}: inputs are one object of named arguments, found ${args.length} arguments`)
  const [inputs] = args
  if (inputs === undefined) return []
  return readNamed(owner, inputs, where)
}

/** One object of named arguments. @throws Error as `readInputs` */
export function readNamed(owner: object, inputs: unknown, where: string): Inputs {
  if (insideOf(inputs) !== null) throw new Error(`${where}: pass the upstream by name: { input: ref }`)
  if (!isPlainObject(inputs))
    throw new Error(`${where}: inputs must be an object of named arguments, found ${typeof inputs}`)
  return Reflect.ownKeys(inputs).map((key) => {
    if (typeof key === 'symbol') throw new Error(`${where}: an input cannot be named by a symbol`)
    const value = inputs[key]
    if (insideOf(value) !== null || isLabel(value) || isOfOtherCopy(value))
      nodeOf(owner, value, `${where}, input "${key}"`)
    else refuseNestedRef(value, `${where}, input "${key}"`)
    return [key, value] as const
  })
}

/** Looks at each object once: a literal may hold itself, which is told when the DAG is read. */
export function refuseNestedRef(value: unknown, where: string): void {
  const seen = new Set([value])
  for (const value of seen) {
    if (typeof value !== 'object' || value === null) continue
    for (const item of Object.values(value) as unknown[]) {
      if (insideOf(item) !== null)
        throw new Error(`${where}: a task inside an array or object draws no edge; pass it as an input of its own`)
      seen.add(item)
    }
  }
}
