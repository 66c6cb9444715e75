// Templates of a DAG looked at before it runs: names that no run has, and texts that cannot be parsed.

import Handlebars from 'handlebars'
import { messageOf } from '../../core/errors.ts'
import type { JsonValue } from '../../core/json.ts'
import type { ParseFault } from '../../core/protocol.ts'
import type { SerializedDag, SerializedTask } from '../../core/serialized.ts'
import { declarationOf, type FacadeDag } from '../../sdk/dag.ts'
import { nearest } from '../../sdk/spec.ts'
import { makeTemplateContext } from './context.ts'
import { FILTERS, MACROS } from './macros.ts'

const LOCAL = { ds: '', ts: '', dsNodash: '', tsNodash: '' }
/** Every name of a run's context: that of a run which has everything. */
const CONTEXT: Readonly<Record<string, unknown>> = {
  ...makeTemplateContext(
    {
      ...{ attempt: 0, modulePath: '', dagId: '', taskId: '', runId: '', tryNumber: 1, mapIndex: -1, fence: '' },
      ...{ runType: 'scheduled', logicalDate: 0, dataInterval: { start: 0, end: 0 }, runAfter: 0, runStartDate: 0 },
      ...{
        timezone: 'UTC',
        conf: {},
        embeddedRoot: '',
        inputs: [],
        doXcomPush: true,
        params: {},
        triedAt: 0,
        firstTriedAt: 0,
      },
      ...{ maxTries: 0, rescheduleCount: 0, expandedCount: 0, resume: null },
    },
    LOCAL,
    {},
    { variables: new Map(), connections: new Map(), previous: null, xcoms: new Map() },
  ),
}
const HELPERS: ReadonlySet<string> = new Set([
  ...Object.keys(MACROS),
  ...Object.keys(FILTERS),
  ...['if', 'unless', 'each', 'with', 'lookup', 'log'],
])
/** Objects whose members are the same in every run. */
const CLOSED = ['local', 'dag', 'task', 'ti', 'task_instance', 'dag_run', 'macros', 'var']

type Node = { readonly type?: string; readonly [key: string]: unknown }
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null

function hint(name: string, known: readonly string[]): string {
  const found = nearest(name, known)
  return found === undefined ? `; the names are ${known.slice(0, 8).join(', ')} …` : `; did you mean ${found}?`
}

/** A sentence about a name that no run has, or null. */
function judge(parts: readonly string[], task: SerializedTask, dag: SerializedDag, isCalled: boolean): string | null {
  const [root, second] = parts
  if (root === undefined || (isCalled && HELPERS.has(root))) return null
  if (!Object.hasOwn(CONTEXT, root)) return `it names "${root}", which no run has${hint(root, Object.keys(CONTEXT))}`
  if (second === undefined) return null
  const inside = CONTEXT[root]
  if (CLOSED.includes(root) && isNode(inside) && !Object.hasOwn(inside, second) && !(second in inside))
    return `it names "${root}.${second}", which no run has${hint(second, Object.keys(inside))}`
  if (root === 'params' && Object.keys(dag.params).length > 0 && !Object.hasOwn(dag.params, second))
    return `it names params.${second}, which this DAG does not declare${hint(second, Object.keys(dag.params))}`
  const given = [...task.inputs, ...(task.mapping?.over ?? [])].map((input) => input.name)
  if (root === 'args' && task.mapping?.kind !== 'each' && !given.includes(second))
    return `it names args.${second}, which this task is not given${given.length === 0 ? '' : hint(second, given)}`
  return null
}

/** Names in a parsed template; inside a block they may be those of what the block goes over. */
function collect(node: unknown, found: { parts: readonly string[]; isCalled: boolean }[]): void {
  if (Array.isArray(node)) {
    for (const child of node as unknown[]) collect(child, found)
    return
  }
  if (!isNode(node)) return
  if (node.type === 'BlockStatement' && ['each', 'with'].includes(String((node['path'] as Node)['original']))) {
    collect(node['params'], found)
    return
  }
  if (node.type === 'PathExpression') {
    if (node['data'] === true || node['depth'] !== 0) return
    found.push({ parts: (node['parts'] as unknown[]).map(String), isCalled: false })
    return
  }
  for (const [key, value] of Object.entries(node)) {
    if (key === 'path' && isNode(value) && value.type === 'PathExpression') {
      if (value['data'] !== true && value['depth'] === 0)
        found.push({ parts: (value['parts'] as unknown[]).map(String), isCalled: true })
    } else if (key !== 'loc' && typeof value === 'object') collect(value, found)
  }
}

function textsIn(value: JsonValue | undefined): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return (Array.isArray(value) ? (value as JsonValue[]) : Object.values(value)).flatMap((item) => textsIn(item))
}

/** A sentence about one text, or null. */
function judgeText(text: string, task: SerializedTask, dag: SerializedDag): string | null {
  if (!text.includes('{{')) return null
  const found: { parts: readonly string[]; isCalled: boolean }[] = []
  try {
    collect(Handlebars.parse(text).body, found)
  } catch (error) {
    return `it cannot be read: ${messageOf(error).split('\n')[0]}`
  }
  for (const { parts, isCalled } of found) {
    const sentence = judge(parts, task, dag, isCalled)
    if (sentence !== null) return sentence
  }
  return null
}

/** What will fail when the tasks of a DAG are rendered. */
export function doubtsOf(dag: FacadeDag, serialized: SerializedDag): ParseFault[] {
  const { nodes } = declarationOf(dag)
  return serialized.tasks.flatMap((task) => {
    const fields = [
      ...task.templateFields.flatMap((name) => textsIn(task.options[name]).map((text) => [name, text] as const)),
      ...(task.mapIndexTemplate === null ? [] : [['mapIndexTemplate', task.mapIndexTemplate] as const]),
    ]
    const node = nodes.get(task.taskId)
    return fields.flatMap(([name, text]): ParseFault[] => {
      const sentence = judgeText(text, task, serialized)
      if (sentence === null) return []
      const where = `Dag "${serialized.dagId}", task "${task.taskId}"`
      const stack = node?.kind === 'task' ? (node.site.stack ?? null) : null
      return [
        {
          dagId: serialized.dagId,
          code: 'TEMPLATE_INVALID',
          message: `${where}: the template of option "${name}" would fail: ${sentence}`,
          stack,
        },
      ]
    })
  })
}
