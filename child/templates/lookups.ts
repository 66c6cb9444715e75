// Templates are rendered at once, lookups take a message: so the names of Variables, Connections, XComs and past runs are
// read out of the parsed templates first, and asked for together.

import Handlebars from 'handlebars'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import type { ConnectionResult, TaskClient } from '../../sdk/context.ts'
import { type Lookups, pullKey } from './context.ts'

interface Pull {
  readonly key: string
  readonly taskId: string | null
  readonly xcomKey: string
  readonly mapIndex: number | null
}

/** What the templates of one attempt name. */
export interface Named {
  readonly variables: Set<string>
  readonly connections: Set<string>
  readonly pulls: Map<string, Pull>
  hasPrevious: boolean
}

const PREVIOUS = /^prev_\w+_success$/
type Node = { readonly type?: string; readonly [key: string]: unknown }
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null
const isLiteral = (node: Node) =>
  ['StringLiteral', 'NumberLiteral', 'BooleanLiteral', 'NullLiteral'].includes(node.type ?? '')
const literalOf = (node: Node): unknown => (node.type === 'NullLiteral' ? null : node['value'])

function readPull(node: Node): Pull {
  const params = (Array.isArray(node['params']) ? (node['params'] as unknown[]) : []).filter(isNode)
  const pairs = isNode(node['hash']) && Array.isArray(node['hash']['pairs']) ? (node['hash']['pairs'] as Node[]) : []
  const given = [...params, ...pairs.map((pair) => pair['value']).filter(isNode)]
  if (!given.every(isLiteral))
    throw new Error(
      'ti.xcom_pull in a template takes texts and numbers written there, such as task_ids="load" key="rows"',
    )
  const hash = Object.fromEntries(pairs.map((pair) => [String(pair['key']), literalOf(pair['value'] as Node)]))
  const positional = params.map(literalOf)
  const taskId = hash['task_ids'] ?? positional[0] ?? null
  return {
    key: pullKey([...positional, { hash }]),
    taskId: typeof taskId === 'string' ? taskId : null,
    xcomKey: typeof hash['key'] === 'string' ? hash['key'] : 'return_value',
    mapIndex: typeof hash['map_indexes'] === 'number' ? hash['map_indexes'] : null,
  }
}

/** Adds what a parsed template names. */
function collect(node: unknown, named: Named): void {
  if (Array.isArray(node)) {
    for (const child of node as unknown[]) collect(child, named)
    return
  }
  if (!isNode(node)) return
  const path = isNode(node['path']) ? String(node['path']['original']) : ''
  if (/^(ti|task_instance)\.xcom_pull$/.test(path)) {
    const pull = readPull(node)
    named.pulls.set(pull.key, pull)
  }
  if (/^var\.(value|json)\.get$/.test(path)) {
    const first = Array.isArray(node['params']) ? (node['params'] as unknown[])[0] : undefined
    if (isNode(first) && isLiteral(first)) named.variables.add(String(literalOf(first)))
  }
  if (node.type === 'PathExpression') collectPath(node, named)
  for (const value of Object.values(node)) if (typeof value === 'object') collect(value, named)
}

function collectPath(node: Node, named: Named): void {
  const [root, second, third] = Array.isArray(node['parts']) ? (node['parts'] as unknown[]).map(String) : []
  if (root === 'var' && third !== undefined && third !== 'get') named.variables.add(third)
  if (root === 'conn' && second !== undefined) named.connections.add(second)
  if (root !== undefined && PREVIOUS.test(root)) named.hasPrevious = true
}

/** Names in all templates of an attempt. @throws Error when one cannot be parsed */
export function namesIn(texts: readonly string[]): Named {
  const named: Named = { variables: new Set(), connections: new Set(), pulls: new Map(), hasPrevious: false }
  for (const text of texts) collect(Handlebars.parse(text), named)
  return named
}

function connectionContext(connection: ConnectionResult): JsonObject {
  const { id, type, extra, ...rest } = connection
  let dejson: JsonValue = {}
  try {
    dejson = extra === null || extra === undefined || extra === '' ? {} : (JSON.parse(extra) as JsonValue)
  } catch {
    // An extra that is no JSON has no fields; its text is there as `extra`.
  }
  return { ...(rest as JsonObject), conn_id: id, conn_type: type, extra: extra ?? null, extra_dejson: dejson }
}

export interface LookupSource {
  readonly client: TaskClient
  previousSuccess(): Promise<{ readonly [name: string]: number | null } | null>
}

/** Asks for everything named. What is missing is absent: naming it fails when it is rendered. */
export async function lookUp(named: Named, source: LookupSource): Promise<Lookups> {
  const { client } = source
  const variables = [...named.variables].map(async (key) => [key, await client.getVariable(key)] as const)
  const connections = [...named.connections].map(async (id) => [id, await client.getConnection(id)] as const)
  const pulls = [...named.pulls.values()].map(async ({ key, taskId, xcomKey, mapIndex }) => {
    const of = taskId === null ? {} : { taskId, mapIndex: mapIndex ?? -1 }
    return [key, await client.getXCom<JsonValue>({ key: xcomKey, ...of })] as const
  })
  const isFound = <T>(pair: readonly [string, T | null]): pair is readonly [string, T] => pair[1] !== null
  return {
    variables: new Map((await Promise.all(variables)).filter(isFound)),
    connections: new Map(
      (await Promise.all(connections)).filter(isFound).map(([id, found]) => [id, connectionContext(found)]),
    ),
    xcoms: new Map((await Promise.all(pulls)).filter(isFound)),
    previous: named.hasPrevious ? await source.previousSuccess() : null,
  }
}
