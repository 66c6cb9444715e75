// Checks answers against the API document: status known, body as its schema says, and no property left out.

import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormatsModule from 'ajv-formats'
import { expect } from 'vitest'
import { readDocument, toJsonSchema } from '../../scripts/openapi-schemas.mjs'
import type { Answer } from './start-web.ts'

const document = readDocument()
const ajv = new Ajv2020({ strict: false, allErrors: true })
// The package is CommonJS: its function is the default of the default here.
const addFormats = addFormatsModule as unknown as { default: (target: Ajv2020) => void }
addFormats.default(ajv)
ajv.addSchema({
  $id: 'doc',
  components: { schemas: toJsonSchema(document.components.schemas, 'doc#/components/schemas/') },
})

interface Schema {
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
}

const resolve = (schema: Schema | undefined): Schema => {
  if (schema?.$ref === undefined) return schema ?? {}
  const name = schema.$ref.split('/').at(-1) ?? ''
  return (document.components.schemas[name] ?? {}) as Schema
}

/** Properties the schema names and the answer lacks: clients expect null, not absence. */
function missing(schema: Schema | undefined, value: unknown, path = ''): string[] {
  const { properties, items } = resolve(schema)
  if (Array.isArray(value)) return value.flatMap((item, i) => missing(items, item, `${path}/${i}`))
  if (properties === undefined || typeof value !== 'object' || value === null) return []
  return Object.entries(properties).flatMap(([key, part]) =>
    Object.hasOwn(value, key) ? missing(part, Reflect.get(value, key), `${path}/${key}`) : [`${path}/${key}`],
  )
}

export const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.keys(item).map((method) => `${method} ${path.replace('/api/v2', '')}`),
)

/** Fails with the faults when the answer is not what the document promises for this operation and status. */
export function expectShape(method: string, path: string, answer: Answer): void {
  const operation = document.paths[`/api/v2${path}`]?.[method]
  expect(operation, `${method} ${path} is in the document`).toBeDefined()
  const response = operation?.responses[String(answer.status)]
  // 401 and 403 stand beside every operation; public ones do not list them.
  expect(response ?? answer.status >= 400, `${method} ${path} may answer ${answer.status}: ${answer.text}`).toBeTruthy()
  const schema = response?.content?.['application/json']?.schema as Schema | undefined
  if (schema === undefined || answer.status === 204) return
  const validate = ajv.compile(toJsonSchema(schema, 'doc#/components/schemas/') as object)
  const isValid = validate(answer.body)
  expect(isValid ? [] : validate.errors, `${method} ${path} ${answer.status}: ${answer.text.slice(0, 600)}`).toEqual([])
  if (answer.status < 300) expect(missing(schema, answer.body), `${method} ${path} leaves properties out`).toEqual([])
}
