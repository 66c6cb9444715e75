// Params of a DAG: values that a run may be given, with defaults and a JSON Schema (draft 2020-12).

import { messageOf } from '../core/errors.ts'
import { checkJson, type JsonObject, type JsonValue } from '../core/json.ts'
import { resolveParams } from '../core/params.ts'
import type { SerializedParam } from '../core/serialized.ts'
import { getOperatorContext } from './context.ts'
import { isPlainObject } from './spec.ts'

const PARAM = Symbol.for('baram.param')
declare const VALUE: unique symbol

/** A param made by `param`. */
export interface Param<T> {
  readonly [PARAM]: Omit<SerializedParam, 'position'>
  readonly [VALUE]?: T
}

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = JsonObject

type TypeOfName<N> = N extends 'integer' | 'number'
  ? number
  : N extends 'string'
    ? string
    : N extends 'boolean'
      ? boolean
      : N extends 'null'
        ? null
        : N extends 'array'
          ? JsonValue[]
          : JsonObject
type Widen<T> = JsonValue extends T
  ? JsonValue
  : T extends string
    ? string
    : T extends number
      ? number
      : T extends boolean
        ? boolean
        : T extends readonly (infer I)[]
          ? Widen<I>[]
          : T extends object
            ? { -readonly [K in keyof T]: Widen<T[K]> }
            : T
/** A schema's `type` says the value's type; without one the default does. */
type ParamType<T, S> = S extends { readonly enum: readonly (infer E)[] }
  ? E
  : S extends { readonly type: infer N }
    ? N extends readonly (infer M)[]
      ? TypeOfName<M>
      : TypeOfName<N>
    : Widen<T>

function make<T>(value: JsonValue | undefined, schema: unknown): Param<T> {
  if (!isPlainObject(schema)) throw new Error('param: the schema must be an object of JSON Schema')
  const { description, ...rest } = schema
  if (description !== undefined && typeof description !== 'string')
    throw new Error('param: the description must be text')
  const serialized: Omit<SerializedParam, 'position'> = {
    ...(value !== undefined && { value: checkJson(value, "a param's default") }),
    // A plain object gives an object.
    schema: checkJson(rest, "a param's schema") as JsonObject,
    description: description ?? null,
  }
  return Object.freeze({ [PARAM]: Object.freeze(serialized) })
}

/**
 * A param with a default and a JSON Schema: `param(5, { type: 'integer', minimum: 1, description: 'rows a page' })`. Runs
 * that bring a value which does not fit are refused when they are triggered.
 * @throws Error for what JSON cannot hold
 */
export function param<const T extends JsonValue, const S extends JsonSchema = Record<never, never>>(
  value: T,
  schema?: S,
): Param<ParamType<T, S>> {
  return make(value, schema ?? {})
}

/** A param without default: each run must bring it. A DAG with a schedule cannot have one. */
param.required = <const S extends JsonSchema>(schema: S): Param<ParamType<JsonValue, S>> => make(undefined, schema)

/** What stands under `params` of a DAG: params, or JSON values that are defaults without a schema. */
export type DagParams = { readonly [name: string]: Param<unknown> | JsonValue }

/** The values of params, as a task reads them. */
export type ParamValues<P extends DagParams> = {
  readonly [K in keyof P]: P[K] extends Param<infer T> ? T : Widen<P[K]>
}

/** Params to share between a DAG (`new Dag('d', { params })`) and its tasks (`getParams(params)`), which makes both typed. */
export function defineParams<const P extends DagParams>(params: P): P {
  if (!isPlainObject(params)) throw new Error('defineParams: expected an object of params')
  return Object.freeze({ ...params })
}

/**
 * The params of the running task's run, typed by what `defineParams` gave.
 * @throws Error outside a task
 */
export function getParams<P extends DagParams>(_params: P): ParamValues<P> {
  // Checked against the schemas when the run was made; a key without a schema has its author's word.
  return getOperatorContext('getParams').run.params as ParamValues<P>
}

const isParam = (value: unknown): value is Param<unknown> =>
  typeof value === 'object' && value !== null && PARAM in value

/** The stored form of `params`; faults name each param that is wrong. A scheduled DAG needs values that fit. */
export function readParams(
  declared: unknown,
  isScheduled: boolean,
  where: string,
): { readonly params: { readonly [name: string]: SerializedParam }; readonly faults: readonly string[] } {
  const faults: string[] = []
  const params: [string, SerializedParam][] = []
  for (const [name, given] of isPlainObject(declared) ? Object.entries(declared) : []) {
    try {
      const value = isParam(given) ? given[PARAM] : { value: checkJson(given), schema: {}, description: null }
      params.push([name, { ...value, position: params.length }])
    } catch (error) {
      faults.push(`${where}: param ${JSON.stringify(name)}: ${messageOf(error)}`)
    }
  }
  // Without a schedule a run brings what is missing; a default that is there must fit all the same.
  const checked = params.filter(([, param]) => isScheduled || param.value !== undefined)
  const resolved = resolveParams(Object.fromEntries(checked), {})
  if ('faults' in resolved) faults.push(...resolved.faults.map((fault) => `${where}: ${fault}`))
  return { params: Object.fromEntries(params), faults }
}
