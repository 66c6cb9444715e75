// The one object of named arguments a handler receives (docs/compatibility.md#arguments-of-a-handler): exact
// names first, then folded ones.

import type { AttemptInput } from '../core/protocol.ts'

const fold = (name: string) => name.toLowerCase().replaceAll('_', '')

/**
 * @param names of `withArgNames`: the handler's argument → the one name in the call it may come from
 * @throws Error when an upstream pushed nothing, or two names fold alike
 */
export function bindArguments(
  inputs: readonly AttemptInput[],
  warn: (message: string) => void,
  names: ReadonlyMap<string, string> = new Map(),
): object {
  const values = new Map<string, unknown>()
  const folded = new Map<string, string>()
  for (const input of inputs) {
    if (input.missingFrom !== undefined) {
      throw new Error(
        `argument "${input.name}" has no value: task "${input.missingFrom}" pushed no return value (it returned undefined, or doXcomPush is off)`,
      )
    }
    const other = folded.get(fold(input.name))
    if (other !== undefined)
      throw new Error(`arguments "${other}" and "${input.name}" differ only in case and underscores; rename one`)
    folded.set(fold(input.name), input.name)
    values.set(input.name, input.value)
  }
  const find = (name: string): string | undefined => {
    const given = names.get(name)
    if (given !== undefined) return values.has(given) ? given : undefined
    return values.has(name) ? name : folded.get(fold(name))
  }
  const refuse = () => {
    throw new TypeError("a task's arguments are read-only")
  }
  return new Proxy(Object.fromEntries(values), {
    get(target, key) {
      if (typeof key === 'symbol') return Reflect.get(target, key) as unknown
      const name = find(key)
      if (name === undefined && key !== 'then') warn(`argument "${key}" was not given to this task`)
      return name === undefined ? undefined : values.get(name)
    },
    has: (target, key) => (typeof key === 'symbol' ? Reflect.has(target, key) : find(key) !== undefined),
    set: refuse,
    defineProperty: refuse,
    deleteProperty: refuse,
  })
}
