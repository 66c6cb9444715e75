// Request bodies: checked by validators that the build made from the API document, faults told as FastAPI tells them.

import { MASK, maskByName } from '../../core/masker.ts'
import { MAX_INT8 } from '../../core/storable.ts'
import type { Assets, BodyName, SchemaFault } from '../assets.ts'
import { ApiError, type FieldFault, invalid } from './errors.ts'
import { parseDate } from './query.ts'

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'string',
  integer: 'int',
  number: 'float',
  boolean: 'bool',
  object: 'dict',
  array: 'list',
}
const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'string',
  integer: 'integer',
  number: 'number',
  boolean: 'boolean',
  object: 'dictionary',
  array: 'list',
}

const valueAt = (body: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    // Walks only own keys of what the validator has seen there.
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined,
    body,
  )

function toFault(fault: SchemaFault, body: unknown): FieldFault {
  const path = fault.instancePath.split('/').slice(1)
  const at = path.map((part) => (/^\d+$/.test(part) ? Number(part) : part))
  const show = (value: unknown, key: string | undefined) =>
    key !== undefined && /password|extra|value/.test(key) ? MASK : maskByName(value)
  const input = show(valueAt(body, path), path.at(-1))
  if (fault.keyword === 'required') {
    const missing = String(fault.params['missingProperty'])
    return { type: 'missing', loc: ['body', ...at, missing], msg: 'Field required', input: maskByName(body) }
  }
  if (fault.keyword === 'additionalProperties') {
    const extra = String(fault.params['additionalProperty'])
    return {
      type: 'extra_forbidden',
      loc: ['body', ...at, extra],
      msg: 'Extra inputs are not permitted',
      input: show(valueAt(body, [...path, extra]), extra),
    }
  }
  if (fault.keyword === 'type') {
    const type =
      [fault.params['type']]
        .flat()
        .map(String)
        .find((name) => name !== 'null') ?? 'value'
    return {
      type: `${TYPE_NAMES[type] ?? type}_type`,
      loc: ['body', ...at],
      msg: `Input should be a valid ${TYPE_WORDS[type] ?? type}`,
      input,
    }
  }
  if (fault.keyword === 'format')
    return {
      type: 'datetime_from_date_parsing',
      loc: ['body', ...at],
      msg: 'Input should be a valid datetime with its offset',
      input,
    }
  return { type: 'value_error', loc: ['body', ...at], msg: `Value error, it ${fault.message ?? 'is not valid'}`, input }
}

/** The body when it is what `name` says. The caller's T must be that schema's type. @throws ApiError 422 */
export function readBody<T>(assets: Assets, name: BodyName, body: unknown): T {
  if (body === undefined) throw invalid({ type: 'missing', loc: ['body'], msg: 'Field required', input: null })
  const faults = assets.validate(name, body)
  if (faults.length > 0) {
    const told = faults.filter((fault) => fault.keyword !== 'anyOf').map((fault) => toFault(fault, body))
    throw invalid(...(told.length > 0 ? told : faults.map((fault) => toFault(fault, body))))
  }
  // Proven by the validator made from the schema of that name.
  return body as T
}

/** A count of a body, such as an offset. @throws ApiError 422 when no column takes it */
export function readCount(name: string, value: number | null | undefined): number | null {
  if (value === null || value === undefined) return null
  if (Number.isInteger(value) && value >= 0 && value <= MAX_INT8) return value
  const msg = `Input should be an integer from 0 to ${MAX_INT8}`
  throw invalid({ type: 'int_parsing_size', loc: ['body', name], msg, input: value })
}

/** A date of a body as epoch ms; null when it is not given. @throws ApiError 422 for what is no date of the years 1 to 9999 */
export function readInstant(name: string, text: string | null | undefined): number | null {
  if (text === null || text === undefined) return null
  const at = parseDate(text)
  if (at !== null) return at
  throw invalid({
    type: 'datetime_parsing',
    loc: ['body', name],
    msg: 'Input should be a valid datetime of the years 1 to 9999, with an offset below 24 hours',
    input: text,
  })
}

/** Fields of an `update_mask`; null when there is none. @throws ApiError 400 for an unknown one */
export function readMask(mask: readonly string[] | undefined, allowed: readonly string[]): ReadonlySet<string> | null {
  if (mask === undefined || mask.length === 0) return null
  const fields = mask.flatMap((item) => item.split(',')).map((item) => item.trim())
  const unknown = fields.filter((field) => !allowed.includes(field))
  if (unknown.length > 0)
    throw new ApiError(400, `'${unknown.join("', '")}' in \`update_mask\` is unknown or cannot be changed`)
  return new Set(fields)
}
