// The fields of the trigger form, from the JSON Schema of a DAG's params. The form is another view of the run's
// configuration, which stays one JSON text: so only the frame is made here, and the browser fills it from that text.

import type { JsonObject, JsonValue } from '../../../core/json.ts'
import type { SerializedDag, SerializedParam } from '../../../core/serialized.ts'

type FieldKind =
  | 'text'
  | 'area'
  | 'number'
  | 'date'
  | 'datetime'
  | 'switch'
  | 'segments'
  | 'select'
  | 'checks'
  | 'lines'
  | 'json'

export interface ParamFault {
  /** Null = not about one param. */
  readonly name: string | null
  readonly text: string
}

/** More choices than these are a list to open. */
const MOST_SEGMENTS = 4
/** Texts that may be longer get an area. */
const LONG = 200

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const listOf = (value: JsonValue | undefined): readonly JsonValue[] =>
  Array.isArray(value) ? (value as readonly JsonValue[]) : []
const numberOf = (value: JsonValue | undefined): number | null => (typeof value === 'number' ? value : null)

const typeOfValue = (value: JsonValue | undefined): string =>
  Array.isArray(value) ? 'array' : value === null || value === undefined ? 'string' : typeof value

/** The type a value shall have, without `null`. */
function typeOf({ schema, value }: SerializedParam): string {
  const types = (Array.isArray(schema['type']) ? listOf(schema['type']) : [schema['type']]).filter(
    (type): type is string => typeof type === 'string' && type !== 'null',
  )
  if (types.length === 1) return types[0] ?? 'string'
  return types.length > 1 ? 'any' : listOf(schema['enum']).length > 0 ? 'enum' : typeOfValue(value)
}

function textKind(schema: JsonObject): FieldKind {
  if (schema['format'] === 'date') return 'date'
  if (schema['format'] === 'date-time') return 'datetime'
  const isLong = schema['format'] === 'multiline' || (numberOf(schema['maxLength']) ?? 0) > LONG
  return isLong ? 'area' : 'text'
}

function arrayKind(schema: JsonObject): FieldKind {
  const items = isObject(schema['items']) ? schema['items'] : {}
  if (listOf(items['enum']).length > 0) return 'checks'
  return items['type'] === 'string' ? 'lines' : 'json'
}

function kindOf(param: SerializedParam): FieldKind {
  const { schema } = param
  const choices = listOf(schema['enum'])
  const type = typeOf(param)
  if (choices.length > 0) return choices.length <= MOST_SEGMENTS ? 'segments' : 'select'
  switch (type) {
    case 'string':
      return textKind(schema)
    case 'integer':
    case 'number':
      return 'number'
    case 'boolean':
      return 'switch'
    case 'array':
      return arrayKind(schema)
    default:
      return 'json'
  }
}

const words = (value: number): string => value.toLocaleString('en')

/** `integer 1–100`, `string ^[a-z_]+$`, `string[] · at least 1`. */
function typeWords(param: SerializedParam, kind: FieldKind): string {
  const { schema } = param
  const low = numberOf(schema['minimum'])
  const high = numberOf(schema['maximum'])
  const limits =
    low !== null && high !== null
      ? `${words(low)}–${words(high)}`
      : low !== null
        ? `≥ ${words(low)}`
        : high !== null
          ? `≤ ${words(high)}`
          : ''
  const least = numberOf(schema['minItems'])
  const items = least === null ? '' : ` · at least ${least}`
  const pattern = typeof schema['pattern'] === 'string' ? ` ${schema['pattern']}` : ''
  const type = typeOf(param)
  if (kind === 'segments' || kind === 'select') return 'one of'
  if (kind === 'checks' || kind === 'lines') return `list${items}`
  if (kind === 'date' || kind === 'datetime') return kind === 'date' ? 'date' : 'date-time'
  return `${type === 'any' ? 'JSON' : type}${limits === '' ? '' : ` ${limits}`}${pattern}`
}

const show = (value: JsonValue): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** As their author wrote them. */
const inOrder = (dag: SerializedDag) => Object.entries(dag.params).sort(([, a], [, b]) => a.position - b.position)

export function paramFields(dag: SerializedDag, faults: readonly ParamFault[]) {
  return inOrder(dag).map(([name, param], i) => {
    const { schema } = param
    const kind = kindOf(param)
    const items = isObject(schema['items']) ? schema['items'] : {}
    const choices = kind === 'checks' ? listOf(items['enum']) : listOf(schema['enum'])
    const isNullable = Array.isArray(schema['type']) && listOf(schema['type']).includes('null')
    return {
      name,
      id: `param-${i}`,
      label: typeof schema['title'] === 'string' ? schema['title'] : name,
      isNamed: typeof schema['title'] === 'string',
      kind,
      types: typeWords(param, kind),
      help: param.description ?? (typeof schema['description'] === 'string' ? schema['description'] : null),
      isRequired: param.value === undefined,
      isNullable,
      isInput: ['text', 'number', 'date', 'datetime'].includes(kind),
      isArea: ['area', 'lines', 'json'].includes(kind),
      isMono: kind === 'json' || typeof schema['pattern'] === 'string',
      isSwitch: kind === 'switch',
      isSegments: kind === 'segments',
      isSelect: kind === 'select',
      isChecks: kind === 'checks',
      inputType: kind === 'datetime' ? 'datetime-local' : kind === 'text' ? 'text' : kind,
      min: numberOf(schema['minimum']),
      max: numberOf(schema['maximum']),
      step: typeOf(param) === 'integer' ? '1' : 'any',
      rows: kind === 'json' ? 4 : 3,
      choices: choices.map((value) => ({ value: JSON.stringify(value), text: show(value) })),
      fault: faults.find((fault) => fault.name === name)?.text ?? null,
    }
  })
}

/** The configuration a form begins with: every default. */
export const defaultsOf = (dag: SerializedDag): JsonObject =>
  Object.fromEntries(inOrder(dag).flatMap(([name, { value }]) => (value === undefined ? [] : [[name, value]])))

/** The engine's refusal of values, told with the param that each is about. */
export function readFaults(lines: readonly string[]): ParamFault[] {
  return lines.map((line) => {
    const match = /^param ("(?:[^"\\]|\\.)*"): (.*)$/.exec(line)
    if (match === null) return { name: null, text: line }
    const rest = match[2] ?? ''
    // Its schema stands beside the field already.
    const found = rest.lastIndexOf(', found ')
    const told = found === -1 ? rest : rest.slice(found + 2)
    const text = told === 'found none' ? 'this run must bring a value.' : told
    // Quoted by JSON.stringify where the fault was told.
    return { name: JSON.parse(match[1] ?? '""') as string, text: text.charAt(0).toUpperCase() + text.slice(1) }
  })
}
