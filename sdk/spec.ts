// Checks of the options authors pass: unknown keys at once, wrong value types when the DAG is read, told together.

import { isStorableInstant, storableFault } from '../core/storable.ts'
import { listCallbacks, listDeadlines } from './notifier.ts'

/**
 * What an option's value must be: `strings` an array of them, `date` a valid Date, `number` a finite one; `callbacks` and
 * `deadlines` one of them or a list.
 */
export type FieldType =
  | 'string'
  | 'number'
  | 'boolean'
  | 'date'
  | 'strings'
  | 'object'
  | 'function'
  | 'callbacks'
  | 'deadlines'

const DAG_FIELDS: Readonly<Record<string, FieldType>> = {
  schedule: 'string',
  description: 'string',
  dagDisplayName: 'string',
  docMd: 'string',
  startDate: 'date',
  endDate: 'date',
  tags: 'strings',
  maxActiveTasks: 'number',
  maxActiveRuns: 'number',
  maxConsecutiveFailedDagRuns: 'number',
  dagrunTimeout: 'number',
  catchup: 'boolean',
  failFast: 'boolean',
  renderTemplateAsNativeObj: 'boolean',
  disableBundleVersioning: 'boolean',
  isPausedUponCreation: 'boolean',
  queue: 'string',
}
const TASK_FIELDS: Readonly<Record<string, FieldType>> = {
  taskId: 'string',
  owner: 'string',
  startDate: 'date',
  endDate: 'date',
  triggerRule: 'string',
  dependsOnPast: 'boolean',
  ignoreFirstDependsOnPast: 'boolean',
  waitForPastDependsBeforeSkipping: 'boolean',
  waitForDownstream: 'boolean',
  retries: 'number',
  retryDelay: 'number',
  maxRetryDelay: 'number',
  retryExponentialBackoff: 'number',
  executionTimeout: 'number',
  queue: 'string',
  pool: 'string',
  poolSlots: 'number',
  priorityWeight: 'number',
  weightRule: 'string',
  executor: 'string',
  doXcomPush: 'boolean',
  returnsDagResult: 'boolean',
  emailOnFailure: 'boolean',
  emailOnRetry: 'boolean',
  docMd: 'string',
  mapIndexTemplate: 'string',
  maxActiveTisPerDag: 'number',
  maxActiveTisPerDagrun: 'number',
}

/** Which options something takes. */
export interface SpecRules {
  /** What it is, for messages: `Dag`, `task`, `group`. */
  readonly what: string
  /** Each option it knows; any other throws. */
  readonly fields: Readonly<Record<string, FieldType>>
}

/** The fields each door knows. */
export interface Rules {
  /** Of `new Dag(id, options)`. */
  readonly dag: SpecRules
  /** Of `dag.task`, `dag.if`, `dag.switch`, and of `defaultArgs`. */
  readonly task: SpecRules
  /** Of `dag.taskGroup`. */
  readonly group: SpecRules
}
const GROUP_FIELDS = { prefixGroupId: 'boolean' } as const
/** Of `@apache-airflow/ts-sdk`: Airflow's options, and no others. */
export const FACADE: Rules = {
  dag: { what: 'Dag', fields: DAG_FIELDS },
  task: { what: 'task', fields: TASK_FIELDS },
  group: { what: 'group', fields: GROUP_FIELDS },
}
const RUN_ALERTS = { onFailureCallback: 'callbacks', onSuccessCallback: 'callbacks', deadline: 'deadlines' } as const
const TASK_ALERTS = { ...RUN_ALERTS, onRetryCallback: 'callbacks', onSkippedCallback: 'callbacks' } as const
/** Of `baram`: Airflow's and our own. */
export const BARAM: Rules = {
  dag: {
    what: 'Dag',
    fields: { ...DAG_FIELDS, ...RUN_ALERTS, timezone: 'string', defaultArgs: 'object', params: 'object' },
  },
  task: { what: 'task', fields: { ...TASK_FIELDS, ...TASK_ALERTS, isolate: 'string', retryPolicy: 'function' } },
  group: { what: 'group', fields: { ...GROUP_FIELDS, defaultArgs: 'object' } },
}

/** An object literal: of no class, not null, no array. */
export const isPlainObject = (value: unknown): value is Record<string, unknown> => {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Letters to add, drop or change between two words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** The name that was probably meant, or undefined. */
export function nearest(key: string, known: readonly string[]): string | undefined {
  const flat = (text: string) => text.toLowerCase().replaceAll('_', '')
  const near = known.map((name) => ({ name, off: distance(flat(name), flat(key)) })).sort((a, b) => a.off - b.off)
  const [best] = near
  if (best !== undefined && best.off <= Math.max(1, Math.floor(key.length / 3))) return best.name
  return known.find((name) => flat(name).startsWith(flat(key).slice(0, 5)))
}

/** A frozen copy without unset keys (`isCopied`: of the values too). @throws Error for anything that is no plain object, and for unknown keys */
export function readSpec(
  spec: unknown,
  rules: SpecRules,
  where: string,
  isCopied = true,
): Readonly<Record<string, unknown>> {
  if (!isPlainObject(spec))
    throw new Error(`${where}: options must be a plain object, found ${spec === null ? 'null' : typeof spec}`)
  const copy: Record<string, unknown> = {}
  for (const key of Reflect.ownKeys(spec)) {
    if (typeof key === 'symbol') throw new Error(`${where}: Unknown option ${String(key)}`)
    const hint = nearest(key, Object.keys(rules.fields))
    if (!Object.hasOwn(rules.fields, key)) {
      throw new Error(
        `${where}: Unknown option "${key}" of a ${rules.what}${hint === undefined ? '' : `; did you mean "${hint}"?`}`,
      )
    }
    const value = spec[key]
    if (value === undefined) continue
    copy[key] = !isCopied ? value : copyValue(value, rules, `${where}: option "${key}"`, [])
  }
  return Object.freeze(copy)
}

/** Schedules and params are values of ours: frozen, and known by a symbol that a copy would lose. */
const isBranded = (value: object) => Object.isFrozen(value) && Object.getOwnPropertySymbols(value).length > 0

/** Dates, arrays and objects are copied to the last leaf: changing them later must not change the DAG. */
function copyValue(value: unknown, rules: SpecRules, where: string, inside: readonly unknown[]): unknown {
  if (value instanceof Date) return new Date(value)
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (inside.includes(value)) throw new Error(`${where} contains itself`)
  const copy = (item: unknown) => (item === undefined ? item : copyValue(item, rules, where, [...inside, value]))
  if (Array.isArray(value)) return Object.freeze(value.map(copy))
  if (isPlainObject(value))
    return isBranded(value)
      ? value
      : Object.freeze(Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copy(item)])))
  // Our own options may be functions (a retry policy), also inside default arguments, and params may be null.
  const isOurs = rules.fields['defaultArgs'] !== undefined || rules.fields['retryPolicy'] !== undefined
  if (isOurs && (typeof value === 'function' || value === null)) return value
  throw new Error(
    `${where} must be text, a number, a boolean, a Date, an array or a plain object, found ${describeValue(value)}`,
  )
}

function describeValue(value: unknown): string {
  if (value === null) return 'null'
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : 'a Date'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? `a ${value.constructor?.name ?? 'object'}` : typeof value
}

/** Longest texts of options that have a column of their own, characters. */
const MOST_CHARACTERS: Readonly<Record<string, number>> = { queue: 256, pool: 256, tags: 100 }

/** What text of an option must be and is not, or null. */
function textFault(key: string, text: string): string | null {
  const most = MOST_CHARACTERS[key]
  const fault = storableFault(text)
  if (fault !== null) return `text ${fault}`
  if (most === undefined || (text !== '' && text.length <= most)) return null
  return `text of 1 to ${most} characters, found ${text.length}`
}

function fits(value: unknown, type: FieldType): boolean {
  switch (type) {
    case 'date':
      return value instanceof Date && !Number.isNaN(value.getTime())
    case 'number':
      return typeof value === 'number' && Number.isFinite(value)
    case 'strings':
      return Array.isArray(value) && value.every((item) => typeof item === 'string')
    case 'object':
      return isPlainObject(value)
    case 'callbacks':
      return listCallbacks(value) !== null
    case 'deadlines':
      return listDeadlines(value) !== null
    case 'string':
    case 'boolean':
    case 'function':
      return typeof value === type
  }
}

/** What a value of the right type must be besides, as the end of a sentence, or null: it is stored as it stands. */
function storeFault(key: string, value: unknown): string | null {
  if (value instanceof Date)
    return isStorableInstant(value.getTime())
      ? null
      : `a date of the years 1 to 9999, found year ${value.getUTCFullYear()}`
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value]
  return texts.reduce<string | null>(
    (found, text) => found ?? (typeof text === 'string' ? textFault(key, text) : null),
    null,
  )
}

const NAMES: Readonly<Record<FieldType, string>> = {
  date: 'a valid Date',
  number: 'a finite number',
  strings: 'an array of strings',
  object: 'an object of options',
  function: 'a function',
  callbacks: 'a function, a notifier such as webhook(…), or a list of them',
  deadlines: 'deadlineAlert({…}), or a list of them',
  string: 'text',
  boolean: 'true or false',
}

/** Sentences about values of a wrong type; empty = all fit. */
export function checkTypes(
  spec: Readonly<Record<string, unknown>>,
  rules: SpecRules,
  where: string,
  except: readonly string[] = [],
): string[] {
  return Object.entries(spec).flatMap(([key, value]) => {
    const type = rules.fields[key]
    if (type === undefined || except.includes(key)) return []
    if (!fits(value, type)) return [`${where}: option "${key}" must be ${NAMES[type]}, found ${describeValue(value)}`]
    const fault = storeFault(key, value)
    return fault === null ? [] : [`${where}: option "${key}" must be ${fault}`]
  })
}
