// Dynamic mapping: one instance of a task for each item of lists that are known only at run time. Free functions on a
// task that was not called: factories and refs keep the shape that Airflow's SDK gives them.

import {
  describe,
  type Inputs,
  insideOf,
  type Mapping,
  nodeOf,
  readNamed,
  refuseNestedRef,
  type TaskNode,
} from './nodes.ts'
import { isPlainObject, readSpec } from './spec.ts'
import type { Expandable, JsonPart, TaskRef, TypeProblem } from './types.ts'

const FACTORY = Symbol.for('baram.factory')
const ZIP = Symbol.for('baram.zip')

/** What stands behind a factory. */
export interface FactoryInside {
  readonly owner: object
  readonly node: TaskNode
  readonly where: string
  place(inputs: Inputs, mapping: Mapping): TaskRef
}

/** Lets `expand` find what stands behind a factory. */
export function brandFactory<T extends object>(factory: T, inside: FactoryInside): T {
  Object.defineProperty(factory, FACTORY, { value: inside, enumerable: false })
  return factory
}

function factoryOf(value: unknown, name: string): FactoryInside {
  const placed = insideOf(value)?.node
  if (placed?.kind === 'task' && placed.decide !== null)
    throw new Error(
      `${name}: task "${placed.taskId}" is a decision, which chooses what is skipped and cannot be mapped`,
    )
  // Only brandFactory sets this symbol.
  const inside = typeof value === 'function' ? (value as { [FACTORY]?: FactoryInside })[FACTORY] : undefined
  if (inside === undefined)
    throw new Error(
      insideOf(value) === null
        ? `${name}: expected what dag.task(…) returned, found ${describe(value)}`
        : `${name}: ${describe(value)} is placed already; give ${name} what dag.task(…) returned, without calling it`,
    )
  if (inside.node.operator?.skips === true)
    throw new Error(`${inside.where}: ${inside.node.operator.name} chooses what is skipped and cannot be mapped`)
  return inside
}

/** What an argument of type T can be mapped over: a list of T; an object gives its [key, value] pairs. */
export type MapList<T> =
  | TaskRef<readonly T[]>
  | readonly JsonPart<T>[]
  | (T extends readonly [string, infer V]
      ? TaskRef<{ readonly [key: string]: V }> | { readonly [key: string]: JsonPart<V> }
      : never)

type RequiredKeys<T> = { [K in keyof T]-?: undefined extends T[K] ? never : K }[keyof T]
type Part<TArgs, K extends keyof TArgs> = { readonly [P in K]: TaskRef<TArgs[P]> | JsonPart<TArgs[P]> }

/** Options behind the lists: `partial` has to bring what the lists leave out. */
type MapOptions<TArgs, K> =
  Exclude<RequiredKeys<TArgs>, K> extends never
    ? readonly [options?: { readonly partial?: Partial<Part<TArgs, Exclude<keyof TArgs, K>>> }]
    : readonly [
        options: {
          readonly partial: Part<TArgs, Exclude<RequiredKeys<TArgs>, K>> & Partial<Part<TArgs, Exclude<keyof TArgs, K>>>
        },
      ]

/** Lists side by side: made by `zip`, taken by `expand`. */
export interface Zipped<TLists> {
  readonly [ZIP]: { readonly lists: TLists; readonly fill: { readonly value: unknown } | null }
}

/**
 * Lists that go side by side: the first items together, then the second ones, until the shortest list ends.
 * @param options.fill stands where a shorter list has ended, so that the longest list counts
 */
export function zip<const TLists extends object>(
  lists: TLists,
  options: { readonly fill?: unknown } = {},
): Zipped<TLists> {
  if (!isPlainObject(lists)) throw new Error(`zip(lists): expected an object of named lists, found ${describe(lists)}`)
  const fill = 'fill' in options ? { value: options.fill } : null
  return Object.freeze({ [ZIP]: Object.freeze({ lists, fill }) })
}

const isZipped = (value: unknown): value is Zipped<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && ZIP in value

/** A ref, or a literal that is a list or an object. */
function checkList(inside: FactoryInside, name: string, value: unknown): void {
  const where = `${inside.where}, list "${name}"`
  if (insideOf(value) !== null) {
    const node = nodeOf(inside.owner, value, where)
    if (node.kind === 'group') throw new Error(`${where}: expected a task, found ${describe(value)}`)
    return
  }
  if (!Array.isArray(value) && !isPlainObject(value))
    throw new Error(`${where}: expected a task, an array or an object, found ${describe(value)}`)
  refuseNestedRef(value, where)
}

function readPartial(inside: FactoryInside, options: unknown, over: readonly string[]): Inputs {
  const { partial = {} } = readSpec(
    options ?? {},
    { what: 'mapping', fields: { partial: 'object' } },
    inside.where,
    false,
  )
  const inputs = readNamed(inside.owner, partial, inside.where)
  const twice = inputs.find(([name]) => over.includes(name))
  if (twice !== undefined)
    throw new Error(`${inside.where}: argument "${twice[0]}" stands in the lists and in partial; give it once`)
  return inputs
}

/**
 * Maps a task over lists: `expand(load, { file: files(), day: ['mon', 'tue'] }, { partial: { to: '/lake' } })` runs it for
 * every combination, the last list fastest; `expand(load, zip({ file, day }))` takes the lists side by side. A list is the
 * ref of a task that returns one, or a literal. `partial`: arguments that are the same for all. Counts as the task's one
 * call. What refs to a mapped task get is the list of all its values.
 * @throws Error for a task that is placed already or that decides what is skipped
 */
export function expand<TArgs, TReturn, K extends keyof TArgs>(
  factory: Expandable<TArgs, TReturn>,
  over: { readonly [P in K]: MapList<TArgs[P]> },
  ...options: MapOptions<TArgs, K>
): TaskRef<TReturn[]>
export function expand<TArgs, TReturn, TLists extends { readonly [P in keyof TArgs]?: MapList<TArgs[P]> }>(
  factory: Expandable<TArgs, TReturn>,
  over: Zipped<TLists> &
    (Exclude<keyof TLists, keyof TArgs> extends never ? unknown : TypeProblem<'a list has no argument of its name'>),
  ...options: MapOptions<TArgs, keyof TLists>
): TaskRef<TReturn[]>
export function expand(factory: unknown, over: unknown, options?: unknown): TaskRef {
  const inside = factoryOf(factory, 'expand')
  const { lists, fill } = isZipped(over) ? over[ZIP] : { lists: over, fill: null }
  if (insideOf(lists) !== null || !isPlainObject(lists))
    throw new Error(`${inside.where}: expand takes an object of named lists, found ${describe(lists)}`)
  const named = Reflect.ownKeys(lists).map((name) => {
    if (typeof name === 'symbol') throw new Error(`${inside.where}: a list cannot be named by a symbol`)
    checkList(inside, name, lists[name])
    return [name, lists[name]] as const
  })
  if (named.length === 0) throw new Error(`${inside.where}: expand needs at least one list`)
  const partial = readPartial(inside, options, Object.keys(lists))
  return inside.place(partial, { kind: isZipped(over) ? 'zip' : 'product', over: named, fill })
}

/**
 * Maps a task over one list of argument objects (Airflow's `expand_kwargs`): `expandEach(load, jobs(), { partial })`. Of an
 * argument that stands in both, the list's counts.
 * @throws Error as `expand`
 */
export function expandEach<TArgs, TReturn, K extends keyof TArgs = never>(
  factory: Expandable<TArgs, TReturn>,
  list: TaskRef<readonly Omit<TArgs, K>[]> | readonly JsonPart<Omit<TArgs, K>>[],
  options?: { readonly partial: Part<TArgs, K> },
): TaskRef<TReturn[]> {
  const inside = factoryOf(factory, 'expandEach')
  checkList(inside, 'each', list)
  if (insideOf(list) === null && !Array.isArray(list))
    throw new Error(`${inside.where}: expandEach takes a list of argument objects, found an object`)
  const partial = readPartial(inside, options, [])
  // The values of all instances, as a list: what the type says.
  return inside.place(partial, { kind: 'each', over: [['', list]], fill: null }) as TaskRef<TReturn[]>
}
