// `withArgNames`: a handler whose arguments have other names than the ones it is called with.

import { isPlainObject } from './spec.ts'
import type { TaskFunction } from './types.ts'

const NAMES = Symbol.for('baram.arg-names')

/** Argument of the handler → name in the call. */
export type ArgNameMap<TArgs> = { readonly [K in keyof TArgs]?: string }

/**
 * A handler with a map of its arguments' names: `withArgNames({ regionCode: 'region' }, handler)` reads `regionCode`
 * from the input `region`, and from no other. Give the task an id: the wrapper has no name of its own.
 * @throws Error for anything but an object of texts, or no function
 */
export function withArgNames<TArgs, TReturn>(
  names: ArgNameMap<TArgs>,
  handler: TaskFunction<TArgs, TReturn>,
): TaskFunction<TArgs, TReturn> {
  if (!isPlainObject(names)) throw new Error('withArgNames(names, handler): names must be a plain object')
  for (const [argument, name] of Object.entries(names)) {
    if (typeof name !== 'string' || name === '')
      throw new Error(`withArgNames(names, handler): the name of "${argument}" must be text that is not empty`)
  }
  if (typeof handler !== 'function') throw new Error('withArgNames(names, handler): the handler must be a function')
  if (handler.length > 1)
    throw new Error(`withArgNames(names, handler): a handler takes one object, found ${handler.length} parameters`)
  const renamed: TaskFunction<TArgs, TReturn> = (args) => handler(args)
  // Without a name, so that a task must be given an id: this function's own would be the same for every handler.
  Object.defineProperty(renamed, 'name', { value: '' })
  Object.defineProperty(renamed, NAMES, { value: new Map(Object.entries(names)), enumerable: false })
  return renamed
}

/** The map of a handler; empty when it has none. */
export function argNamesOf(handler: unknown): ReadonlyMap<string, string> {
  if (typeof handler !== 'function') return new Map()
  // Only `withArgNames` sets this symbol.
  return (handler as { [NAMES]?: ReadonlyMap<string, string> })[NAMES] ?? new Map()
}
