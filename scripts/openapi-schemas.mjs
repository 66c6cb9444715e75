// The API document's schemas as JSON Schema: its copy spells "or null" as `nullable: true`, which validators must hear
// as a type. Used by the build (request bodies) and by the tests (answers).

import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

export const documentPath = new URL('../webserver/openapi/openapi-v2.yaml', import.meta.url)

/** Fields of requests that are newer than the document: clients of Airflow 3.3 send them always. */
const NEWER = {
  ClearTaskInstancesBody: {
    note: { type: 'string', maxLength: 1000, nullable: true },
    only_new: { type: 'boolean', default: false },
  },
  DAGRunClearBody: {
    note: { type: 'string', maxLength: 1000, nullable: true },
    only_new: { type: 'boolean', default: false },
  },
}

export function readDocument() {
  const document = parse(readFileSync(documentPath, 'utf8'))
  for (const [name, fields] of Object.entries(NEWER))
    Object.assign(document.components.schemas[name].properties, fields)
  return document
}

/** A deep copy in which `nullable` is said by `anyOf: [.., null]`; references point into `root`. */
export function toJsonSchema(value, root = '#/components/schemas/') {
  if (Array.isArray(value)) return value.map((item) => toJsonSchema(item, root))
  if (value === null || typeof value !== 'object') return value
  const { nullable, example, discriminator, ...rest } = value
  const copy = Object.fromEntries(
    Object.entries(rest).map(([key, item]) => [
      key,
      key === '$ref' && typeof item === 'string'
        ? item.replace('#/components/schemas/', root)
        : toJsonSchema(item, root),
    ]),
  )
  return nullable === true ? { anyOf: [copy, { type: 'null' }] } : copy
}

/** Operations of the document under `/api/v2`, paths without that prefix. */
export function listOperations(document) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => ['get', 'post', 'put', 'patch', 'delete'].includes(method))
      .map(([method, operation]) => ({
        method,
        path: path.replace(/^\/api\/v2/, ''),
        operationId: operation.operationId,
      })),
  )
}
