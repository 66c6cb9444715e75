// Variables. Secrets leave in masked form only.

import {
  bulkVariables,
  deleteVariable,
  patchVariable,
  setVariable,
  type VariablePatch,
} from '../../engine/admin/variables.ts'
import type { Variable, Vault } from '../../engine/admin/vault.ts'
import { listVariableKeys, VARIABLE_ORDER } from '../../store/postgres/read-admin.ts'
import type { Web } from '../deps.ts'
import { airflowNotFound } from '../http/airflow-errors.ts'
import { readBody, readMask } from '../http/bodies.ts'
import { ApiError } from '../http/errors.ts'
import { answerBulk, type BulkKind } from './bulk.ts'
import type { ApiRoutes } from './router.ts'

const variableJson = (vault: Vault, variable: Variable) => ({
  key: variable.key,
  value: vault.shownValue(variable),
  description: variable.description,
  is_encrypted: true,
  team_name: null,
})

async function requireVariable(web: Web, key: string): Promise<Variable> {
  const variable = await web.vault.findVariable(key)
  if (variable === null) throw airflowNotFound('variable', key)
  return variable
}

interface VariableBody {
  readonly key: string
  readonly value: unknown
  readonly description?: string | null
}

/** Variables are text: other JSON is stored as its text. */
const variableText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value ?? null))

const patchOf = (body: VariableBody, mask: ReadonlySet<string> | null): VariablePatch => {
  const isMeant = (field: keyof VariableBody) => mask === null || mask.has(field)
  return {
    key: body.key,
    value: isMeant('value') ? variableText(body.value) : undefined,
    description: isMeant('description') ? body.description : undefined,
  }
}

const BULK: BulkKind<VariableBody, VariablePatch> = {
  body: 'BulkBody_VariableBody_',
  plural: 'variables with these keys',
  idOf: ({ key }) => key,
  read: patchOf,
}

export function variableRoutes(api: ApiRoutes): void {
  api.on('get', '/variables', 'op', 200, async ({ web, query }) => {
    const page = query.page(web.config, VARIABLE_ORDER, 'id')
    const p = query.pattern('variable_key_pattern')
    query.done()
    const { rows, total } = await listVariableKeys(web.database, { p }, page)
    const variables = await Promise.all(rows.map(({ key }) => web.vault.findVariable(key)))
    return {
      variables: variables.flatMap((item) => (item === null ? [] : [variableJson(web.vault, item)])),
      total_entries: total,
    }
  })
  api.on('get', '/variables/{variable_key}', 'op', 200, async ({ web, param }) =>
    variableJson(web.vault, await requireVariable(web, param('variable_key'))),
  )
  api.on('post', '/variables', 'op', 201, async ({ web, req, actor }) => {
    const body = readBody<VariableBody>(web.assets, 'VariableBody', req.body)
    const value = variableText(body.value)
    await setVariable(web, { key: body.key, value, description: body.description ?? null, existing: 'fail' }, actor)
    return variableJson(web.vault, await requireVariable(web, body.key))
  })
  api.on('patch', '/variables', 'op', 200, (call) =>
    answerBulk(call, BULK, (actions) => bulkVariables(call.web, actions, call.actor)),
  )
  api.on('patch', '/variables/{variable_key}', 'op', 200, async ({ web, req, query, actor, param }) => {
    const body = readBody<VariableBody>(web.assets, 'VariableBody', req.body)
    const key = param('variable_key')
    if (body.key !== key) throw new ApiError(400, "Invalid body, key from request body doesn't match uri parameter")
    const mask = readMask(query.texts('update_mask'), ['key', 'value', 'description'])
    await patchVariable(web, patchOf(body, mask), actor)
    return variableJson(web.vault, await requireVariable(web, key))
  })
  api.on('delete', '/variables/{variable_key}', 'op', 204, async ({ web, actor, param }) => {
    await deleteVariable(web, { key: param('variable_key') }, actor)
  })
}
