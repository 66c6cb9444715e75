// Arguments of what a running task asks for: they come from users' code, so each is checked before it is used.

import { BaramError, messageOf } from '../../core/errors.ts'
import { checkJson, type JsonObject } from '../../core/json.ts'
import { isStorableInstant, storableFault } from '../../core/storable.ts'

const refuse = (sentence: string): never => {
  throw new BaramError('INPUT_INVALID', sentence)
}

/** @throws BaramError INPUT_INVALID unless it is text that can be stored */
export function textArg(args: JsonObject, name: string): string {
  const value = args[name]
  if (typeof value !== 'string' || value === '') return refuse(`${name} must be text that is not empty`)
  const fault = storableFault(value)
  return fault === null ? value : refuse(`${name} must be text ${fault}`)
}

export const textOrNull = (args: JsonObject, name: string): string | null =>
  args[name] === undefined || args[name] === null ? null : textArg(args, name)

/** Epoch ms. @throws BaramError INPUT_INVALID */
export function instantOrNull(args: JsonObject, name: string): number | null {
  const value = args[name]
  if (value === undefined || value === null) return null
  return typeof value === 'number' && isStorableInstant(value)
    ? value
    : refuse(`${name} must be a valid Date of the years 1 to 9999`)
}

/** An object that can be stored; absent = empty. @throws BaramError INPUT_INVALID */
export function objectArg(args: JsonObject, name: string): JsonObject {
  const value = args[name] ?? {}
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuse(`${name} must be an object, found ${JSON.stringify(value).slice(0, 80)}`)
  try {
    // An object that is no array: JSON has no other.
    return checkJson(value) as JsonObject
  } catch (error) {
    return refuse(`${name}: ${messageOf(error)}`)
  }
}
