// The params of a run: the DAG's defaults with the run's conf over them, checked by each param's JSON Schema (draft
// 2020-12). The validator interprets schemas, so that no code is generated from what authors write.

import { type Schema, Validator } from '@cfworker/json-schema'
import { messageOf } from './errors.ts'
import type { JsonObject, JsonValue } from './json.ts'
import type { SerializedParam } from './serialized.ts'

/** A run's params, or a sentence for each one that is missing or does not fit. */
export type ResolvedParams = { readonly params: JsonObject } | { readonly faults: readonly string[] }

const SHOWN = 200

function show(value: JsonValue): string {
  const text = JSON.stringify(value)
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text
}

/** What is wrong with one value, or null. */
function faultOf(name: string, { schema }: Pick<SerializedParam, 'schema'>, value: JsonValue): string | null {
  try {
    // A schema is what its author wrote; what the validator cannot read it throws.
    const { valid, errors } = new Validator(schema as Schema, '2020-12', false).validate(value)
    if (valid) return null
    const reason = errors.at(-1)?.error ?? 'it does not fit'
    return `param ${JSON.stringify(name)}: expected a value of the schema ${show(schema)}, found ${show(value)}: ${reason}`
  } catch (error) {
    return `param ${JSON.stringify(name)}: its schema ${show(schema)} cannot be used: ${messageOf(error)}`
  }
}

/**
 * Airflow's meaning: the conf's keys override the params of their name, and keys that are no params are params of this
 * run as well. Every fault is told, with its param, what was expected and what was found.
 */
export function resolveParams(
  declared: { readonly [name: string]: Pick<SerializedParam, 'schema' | 'value'> },
  conf: JsonObject,
): ResolvedParams {
  const values = new Map<string, JsonValue>()
  const faults: string[] = []
  for (const [name, param] of Object.entries(declared)) {
    const value = Object.hasOwn(conf, name) ? conf[name] : param.value
    if (value === undefined) {
      faults.push(`param ${JSON.stringify(name)}: expected a value of the schema ${show(param.schema)}, found none`)
      continue
    }
    values.set(name, value)
    const fault = faultOf(name, param, value)
    if (fault !== null) faults.push(fault)
  }
  for (const [name, value] of Object.entries(conf)) if (!values.has(name)) values.set(name, value)
  return faults.length > 0 ? { faults } : { params: Object.fromEntries(values) }
}
