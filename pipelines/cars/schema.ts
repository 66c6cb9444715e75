// The message of a connected vehicle: twenty fields, written down once. Validator, Postgres table, Parquet columns and the table in
// docs/pipelines.md are made of it.

import type { Columns } from '../../operators/parquet/columns.ts'
import { FieldFault, KINDS, type Kind, type Values } from './kinds.ts'

interface Field {
  readonly kind: Kind
  /** A message without it is rejected. Default: it may be missing. */
  readonly required?: true
  /** Inclusive. */
  readonly range?: readonly [least: number, most: number]
  /** Its column in Postgres. Default: it is in the lake alone. */
  readonly column?: string
  readonly meaning: string
}

/** Longitude and latitude of the Korean peninsula and its islands: far enough apart that one is never in the other's range. */
const LONGITUDE = [124, 132] as const
const LATITUDE = [33, 39] as const

/** Of Seoul's open feed 차량 상태 위치 정보 (data set 10118), in its order. */
export const CAR_FIELDS = {
  dataId: { kind: 'text', required: true, column: 'data_id', meaning: 'id of the message; the feed repeats some' },
  trsmDy: { kind: 'whole', meaning: 'day of the month of sending' },
  trmnId: { kind: 'text', column: 'trmncd', meaning: 'terminal in the vehicle' },
  trsmUtcTime: { kind: 'epoch', meaning: 'time of sending' },
  trsmYear: { kind: 'text', meaning: 'year of sending, Seoul' },
  trsmMt: { kind: 'text', meaning: 'month of sending' },
  trsmTm: { kind: 'text', meaning: 'time of day of sending, hhmmss' },
  trsmMs: { kind: 'text', meaning: 'milliseconds of sending' },
  vhcleLot: { kind: 'number', required: true, range: LONGITUDE, column: 'detclot', meaning: 'longitude, degrees' },
  vhcleLat: { kind: 'number', required: true, range: LATITUDE, column: 'detclat', meaning: 'latitude, degrees' },
  vhcleEvt: { kind: 'number', meaning: 'altitude, m' },
  trmnTypeCd: { kind: 'text', meaning: 'type of the terminal' },
  gpsUtcTime: {
    kind: 'epoch',
    required: true,
    column: 'gpsutctime',
    meaning: 'time of the position: decides day and hour',
  },
  vhcleDrc: { kind: 'number', meaning: 'heading, degrees' },
  vhcleSped: { kind: 'number', column: 'vhclesped', meaning: 'speed, km/h' },
  trnsmStatCd: { kind: 'text', meaning: 'gear' },
  lcdtRevisnStatCd: { kind: 'text', meaning: 'correction of the position' },
  vhcleTypeCd: {
    kind: 'text',
    column: 'vhcletypecd',
    meaning: '9217 other, 9220 car, 9228 bus, 9252 electric, 9253 hybrid, 9255 truck',
  },
  rgtrId: { kind: 'text', meaning: 'who registered it' },
  regDt: { kind: 'instant', meaning: 'when it was registered; Seoul where no zone is named' },
} as const satisfies Readonly<Record<string, Field>>

type Fields = typeof CAR_FIELDS
type Name = keyof Fields
type ValueOf<F extends Field> = Values[F['kind']] | (F extends { readonly required: true } ? never : null)

/** A message that can be used. */
export type CarPoint = { readonly [N in Name]: ValueOf<Fields[N]> }

const FIELDS: readonly (readonly [Name, Field])[] = Object.entries(CAR_FIELDS) as [Name, Field][]
const STORED = FIELDS.flatMap(([name, field]) =>
  field.column === undefined ? [] : [[name, field.column, field] as const],
)

const within = (value: unknown, [least, most]: readonly [number, number]) =>
  Number(value) >= least && Number(value) <= most

function checkRange(value: unknown, { range }: Field, message: Readonly<Record<string, unknown>>): void {
  if (range === undefined || within(value, range)) return
  const isSwapped = within(message['vhcleLot'], LATITUDE) && within(message['vhcleLat'], LONGITUDE)
  throw new FieldFault(
    `must be ${range[0]} to ${range[1]}, found ${String(value)}${isSwapped ? '; longitude and latitude are swapped' : ''}`,
  )
}

/** An empty text is a missing value. */
const isMissing = (value: unknown) =>
  value === undefined || value === null || (typeof value === 'string' && value.trim() === '')

function readField(message: Readonly<Record<string, unknown>>, name: Name, field: Field): unknown {
  const value = Object.hasOwn(message, name) ? message[name] : undefined
  if (isMissing(value)) {
    if (field.required) throw new FieldFault('is missing')
    return null
  }
  const read = KINDS[field.kind].read(value)
  checkRange(read, field, message)
  return read
}

/** The point of a message, or which field makes it unusable. Fields that are not of the schema are left out. */
export function readCar(message: unknown): { readonly value: CarPoint } | { readonly fault: string } {
  if (typeof message !== 'object' || message === null || Array.isArray(message))
    return { fault: 'the value is no JSON object' }
  const point: Record<string, unknown> = {}
  for (const [name, field] of FIELDS) {
    try {
      point[name] = readField(message as Readonly<Record<string, unknown>>, name, field)
    } catch (error) {
      if (error instanceof FieldFault) return { fault: `${name} ${error.message}` }
      throw error
    }
  }
  // Each field by its kind, just above.
  return { value: point as CarPoint }
}

/** The table's columns: `data_id` is its key. */
export const CAR_TABLE: Readonly<Record<string, string>> = Object.fromEntries(
  STORED.map(([, column, { kind, required }]) => [column, `${KINDS[kind].postgres}${required ? ' not null' : ''}`]),
)

/** In the order of `CAR_TABLE`. */
export const carTableRow = (point: CarPoint): readonly unknown[] => STORED.map(([name]) => point[name])

type ParquetTypes = { text: 'STRING'; whole: 'INT'; epoch: 'BIGINT'; number: 'DOUBLE'; instant: 'STRING' }

/** All twenty, by the feed's own names. */
// Each type by its field's kind.
export const CAR_COLUMNS = Object.fromEntries(FIELDS.map(([name, { kind }]) => [name, KINDS[kind].parquet])) as {
  readonly [N in Name]: ParquetTypes[Fields[N]['kind']]
} satisfies Columns

type CarRow = { readonly [N in Name]: (Fields[N]['kind'] extends 'epoch' ? bigint : Values[Fields[N]['kind']]) | null }

export function carParquetRow(point: CarPoint): CarRow {
  const cells = FIELDS.map(([name, { kind }]) => {
    const value = point[name]
    return [name, value === null ? null : (KINDS[kind].toParquet as (given: unknown) => unknown)(value)]
  })
  // Each cell by its field's kind.
  return Object.fromEntries(cells) as CarRow
}

/** The fields as a table of Markdown, for the docs. */
export function carFieldTable(): string {
  const lines = FIELDS.map(([name, field]) => {
    const { postgres, parquet } = KINDS[field.kind]
    const range = field.range === undefined ? '' : `, ${field.range[0]} to ${field.range[1]}`
    const column = field.column === undefined ? '' : `\`${field.column}\` ${postgres}`
    return `| \`${name}\` | ${field.kind}${field.required ? ', required' : ''}${range} | ${parquet} | ${column} | ${field.meaning} |`
  })
  return ['| field | value | in the lake | in Postgres | what it is |', '|---|---|---|---|---|', ...lines].join('\n')
}
