// The API document's schemas as JSON Schema: its copy spells "or null" as `nullable: true`, which validators must hear
// as a type. Used by the build (request bodies) and by the tests (answers).

import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

export const documentPath = new URL('../webserver/openapi/openapi-v2.yaml', import.meta.url)

const newerPath = new URL('../webserver/openapi/airflow-3.3.yaml', import.meta.url)

/** Objects field by field; everything else is replaced. */
function lay(under, over) {
  for (const [key, value] of Object.entries(over))
    if (value !== null && typeof value === 'object' && !Array.isArray(value) && under[key] !== undefined)
      lay(under[key], value)
    else under[key] = value
  return under
}

/** The document of 3.2.1 with what is served of 3.3 laid over it. */
export const readDocument = () => lay(parse(readFileSync(documentPath, 'utf8')), parse(readFileSync(newerPath, 'utf8')))

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
