// Requests made of hostile values: every operation of the API document, every page and every form.

import fc from 'fast-check'
import { readDocument } from '../../../scripts/openapi-schemas.mjs'
import { BODIES, JSON_VALUES, PARTS, QUERY_VALUES } from './values.ts'

export interface HostileRequest {
  readonly method: string
  /** As it stands in the request line. */
  readonly path: string
  readonly body?: { readonly type: string; readonly bytes: Buffer; readonly headers?: Record<string, string> }
  /** A page: with a session's cookie and form token instead of a bearer token. */
  readonly isPage: boolean
}

interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly format?: string
}
interface Parameter {
  readonly in: string
  readonly name: string
}
interface Operation {
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
}

const document = readDocument()
const schemas = document.components.schemas as Record<string, Schema>
const resolve = (schema: Schema): Schema =>
  schema.$ref === undefined ? schema : (schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {})

/** Mostly what exists, so that requests get past the first look-up. */
export type Existing = Readonly<Record<string, string>>

const part = (name: string, existing: Existing): fc.Arbitrary<string> => {
  const known = existing[name]
  const hostile = fc.constantFrom(...PARTS)
  return known === undefined
    ? hostile
    : fc.oneof({ weight: 6, arbitrary: fc.constant(known) }, { weight: 1, arbitrary: hostile })
}

function pathOf(pattern: string, existing: Existing): fc.Arbitrary<string> {
  const pieces = pattern.split(/(\{\w+\})/)
  return fc
    .tuple(...pieces.map((piece) => (piece.startsWith('{') ? part(piece.slice(1, -1), existing) : fc.constant(piece))))
    .map((texts) => texts.join(''))
}

const query = (names: readonly string[]): fc.Arbitrary<string> => {
  if (names.length === 0) return fc.constant('')
  const pair = fc.tuple(fc.constantFrom(...names), fc.constantFrom(...QUERY_VALUES))
  return fc
    .array(pair, { maxLength: 3 })
    .map((pairs) => (pairs.length === 0 ? '' : `?${pairs.map(([name, value]) => `${name}=${value}`).join('&')}`))
}

/** A value of the schema's form here, of a wrong one there. */
function valueFor(raw: Schema, existing: Existing, depth = 0): fc.Arbitrary<unknown> {
  const schema = resolve(raw)
  const hostile = fc.constantFrom(...JSON_VALUES)
  if (depth > 4) return hostile
  const variants = schema.anyOf ?? schema.oneOf
  if (variants !== undefined) return fc.oneof(...variants.map((each) => valueFor(each, existing, depth + 1)), hostile)
  if (schema.enum !== undefined)
    return fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...schema.enum) }, { weight: 1, arbitrary: hostile })
  if (schema.properties !== undefined) {
    const fields = Object.fromEntries(
      Object.entries(schema.properties).map(([name, each]) => {
        const known = existing[name]
        const made = valueFor(each, existing, depth + 1)
        return [name, known === undefined ? made : fc.oneof(fc.constant(decodeURIComponent(known)), made)]
      }),
    )
    return fc.record(fields, { requiredKeys: [] })
  }
  if (schema.type === 'array')
    return fc.oneof(fc.array(valueFor(schema.items ?? {}, existing, depth + 1), { maxLength: 3 }), hostile)
  if (schema.type === 'boolean')
    return fc.oneof({ weight: 4, arbitrary: fc.boolean() }, { weight: 1, arbitrary: hostile })
  if (schema.type === 'integer') return fc.oneof(fc.integer(), fc.integer({ min: 0, max: 200 }), hostile)
  return hostile
}

const json = (value: unknown) => ({ type: 'application/json', bytes: Buffer.from(JSON.stringify(value)) })

function operationRequests(
  path: string,
  method: string,
  operation: Operation,
  existing: Existing,
): fc.Arbitrary<HostileRequest> {
  const names = (operation.parameters ?? []).filter((each) => each.in === 'query').map((each) => each.name)
  const schema = operation.requestBody?.content['application/json']?.schema
  // What is deleted for good would leave nothing to ask for.
  const known = method === 'delete' ? { ...existing, dag_id: '%2e%2e', dag_run_id: '..' } : existing
  const body =
    schema === undefined
      ? fc.constant(undefined)
      : fc.oneof(
          { weight: 5, arbitrary: valueFor(schema, existing).map(json) },
          { weight: 1, arbitrary: fc.constantFrom(...BODIES) },
        )
  return fc.tuple(pathOf(path, known), query(names), body).map(([at, search, sent]) => ({
    method: method.toUpperCase(),
    path: at + search,
    isPage: false,
    ...(sent !== undefined && { body: sent }),
  }))
}

const PAGES = [
  ...[
    '/dags',
    '/runs',
    '/errors',
    '/errors/{id}',
    '/variables',
    '/variables/edit',
    '/connections',
    '/connections/new',
    '/connections/edit',
  ],
  ...[
    '',
    '/graph',
    '/runs',
    '/data',
    '/reports',
    '/reports/{name}',
    '/code',
    '/trigger',
    '/clear',
    '/mark',
    '/delete',
    '/note',
    '/backfills',
  ].map((rest) => `/dags/{dag_id}${rest}`),
  ...['', '/rendered', '/xcom', '/tries', '/events'].map(
    (rest) => `/dags/{dag_id}/runs/{dag_run_id}/tasks/{task_id}${rest}`,
  ),
  ...['/dags/{dag_id}/runs/{dag_run_id}', '/password', '/sign-in', '/static/{name}', '/nowhere/{id}'],
  ...['plan', 'why', 'reports', 'reports/{name}', 'dagRuns/{dag_run_id}/effects'].map(
    (rest) => `/api/baram/v1/dags/{dag_id}/${rest}`,
  ),
]
const PAGE_QUERY = [
  ...[
    'q',
    'state',
    'run',
    'task',
    'map_index',
    'try',
    'try_number',
    'limit',
    'before',
    'after',
    'from',
    'to',
    'version',
    'compare',
  ],
  ...[
    'conf',
    'next',
    'key',
    'id',
    'kind',
    'token',
    'zone',
    'date',
    'max',
    'all',
    'page',
    'run_id',
    'format',
    'stamp',
    'order_by',
    'day',
    'offset',
  ],
]
const FORMS = [
  ...['/ui/variables', '/ui/connections', '/ui/theme', '/ui/variables/delete', '/ui/connections/delete'],
  ...['trigger', 'clear', 'mark', 'backfills', 'backfills/{backfill_id}/{verb}'].map(
    (rest) => `/dags/{dag_id}/${rest}`,
  ),
  '/ui/dags/{dag_id}/pause',
]
const FIELDS = [
  ...[
    'original',
    'key',
    'value',
    'description',
    'id',
    'kind',
    'host',
    'port',
    'login',
    'schema',
    'password',
    'remove_password',
    'extra',
  ],
  ...[
    'conf',
    'run_id',
    'note',
    'logical_date',
    'interval_start',
    'interval_end',
    'run',
    'task',
    'map_index',
    'state',
    'to',
    'from',
  ],
  ...[
    'max',
    'max_active_runs',
    'reprocess',
    'backwards',
    'stamp',
    'all',
    'again',
    'here',
    'theme',
    'is_paused',
    'confirm',
    'act',
    'go',
    'task_ids',
  ],
]

const pageRequests = (existing: Existing): fc.Arbitrary<HostileRequest> =>
  fc
    .constantFrom(...PAGES)
    .chain((page) =>
      fc
        .tuple(pathOf(page, existing), query(PAGE_QUERY))
        .map(([at, search]) => ({ method: 'GET', path: at + search, isPage: true })),
    )

const formRequests = (existing: Existing): fc.Arbitrary<HostileRequest> =>
  fc.constantFrom(...FORMS).chain((form) => {
    const values = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...QUERY_VALUES) },
      { weight: 1, arbitrary: fc.constantFrom(...Object.values(existing)) },
    )
    const fields = fc.array(fc.tuple(fc.constantFrom(...FIELDS), values), { maxLength: 12 })
    return fc.tuple(pathOf(form, existing), fields).map(([path, pairs]) => ({
      method: 'POST',
      path,
      isPage: true,
      body: {
        type: 'application/x-www-form-urlencoded',
        bytes: Buffer.from(['csrf=CSRF', ...pairs.map(([name, value]) => `${name}=${value}`)].join('&')),
      },
    }))
  })

/** `existing`: ids that are there, percent-encoded, by the document's names. */
export function hostileRequests(existing: Existing): fc.Arbitrary<HostileRequest> {
  const paths = document.paths as Record<string, Record<string, Operation>>
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => operationRequests(path, method, operation, existing)),
  )
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc.nat({ max: operations.length - 1 }).chain((i) => operations[i] ?? pageRequests(existing)),
    },
    { weight: 2, arbitrary: pageRequests(existing) },
    { weight: 2, arbitrary: formRequests(existing) },
  )
}
