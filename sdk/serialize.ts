// Reads a declared DAG into its stored form: resolves groups, fills defaults, checks values, and tells all faults together.

import { BaramError, messageOf } from '../core/errors.ts'
import { buildGraph } from '../core/graph.ts'
import { checkJson, type JsonObject } from '../core/json.ts'
import type { SerializedDag, SerializedGroup, SerializedInput, SerializedTask, WeightRule } from '../core/serialized.ts'
import { parseSchedule } from '../core/timetables/parse-schedule.ts'
import type { TimetableSpec } from '../core/timetables/timetable.ts'
import { isTimeZone } from '../core/timetables/zone.ts'
import { TRIGGER_RULES, type TriggerRule } from '../core/trigger-rules.ts'
import { type Declaration, declarationOf, type FacadeDag } from './dag.ts'
import { type AnyNode, type GroupNode, insideOf, type TaskNode } from './nodes.ts'
import { isSchedule } from './schedule.ts'
import { checkTypes, isPlainObject, readSpec } from './spec.ts'

/** What the server's settings say where a DAG says nothing. */
export interface ServerDefaults {
  readonly maxActiveTasks: number
  readonly maxActiveRuns: number
}

const DAG_ID = /^[\p{L}\p{N}_.-]{1,250}$/u
const WEIGHT_RULES: ReadonlySet<unknown> = new Set<WeightRule>(['downstream', 'upstream', 'absolute'])

class Faults {
  readonly list: string[] = []
  add(...faults: readonly string[]): void {
    this.list.push(...faults)
  }
}

type Spec = Readonly<Record<string, unknown>>
const textOf = (spec: Spec, key: string): string | null => (typeof spec[key] === 'string' ? spec[key] : null)
const numberOf = (spec: Spec, key: string): number | null => (typeof spec[key] === 'number' ? spec[key] : null)
const flagOf = (spec: Spec, key: string, fallback: boolean): boolean =>
  typeof spec[key] === 'boolean' ? spec[key] : fallback
const dateOf = (spec: Spec, key: string): string | null => {
  const value = spec[key]
  return value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : null
}

function atLeast(spec: Spec, key: string, least: number, where: string, faults: Faults, isWhole = true): void {
  const value = numberOf(spec, key)
  if (value === null) return
  if (value < least || (isWhole && !Number.isInteger(value)))
    faults.add(
      `${where}: option "${key}" must be a ${isWhole ? 'whole ' : ''}number of at least ${least}, found ${value}`,
    )
}

function readTimetable(declaration: Declaration, faults: Faults): TimetableSpec {
  const { schedule } = declaration.spec
  const where = `Dag "${declaration.dagId}"`
  if (schedule === undefined) return { kind: 'none' }
  const isOurs = declaration.rules.dag.fields['defaultArgs'] !== undefined
  if (isOurs && isSchedule(schedule)) return schedule.timetable
  if (typeof schedule !== 'string') {
    faults.add(
      `${where}: option "schedule" must be text such as "@daily" or "0 6 * * *"${isOurs ? ', cron(…) or every(…)' : ''}, found ${typeof schedule}`,
    )
    return { kind: 'none' }
  }
  try {
    return parseSchedule(schedule)
  } catch (error) {
    faults.add(`${where}: ${messageOf(error)}`)
    return { kind: 'none' }
  }
}

function zoneOf(spec: Spec, timetable: TimetableSpec, where: string, faults: Faults): string {
  const named = textOf(spec, 'timezone')
  if (named !== null && !isTimeZone(named)) {
    faults.add(`${where}: ${JSON.stringify(named)} is not a time zone; use an IANA name such as Asia/Seoul`)
    return 'UTC'
  }
  if (named !== null) return named
  return timetable.kind === 'cron' || timetable.kind === 'crons' ? timetable.timezone : 'UTC'
}

function readTaskInputs(node: TaskNode, where: string, faults: Faults): SerializedInput[] {
  return (node.inputs ?? []).flatMap(([name, value]): SerializedInput[] => {
    const source = insideOf(value)?.node
    if (source?.kind === 'task') return [{ name, kind: 'ref', taskId: source.taskId }]
    try {
      return [{ name, kind: 'literal', value: checkJson(value ?? null, `input "${name}"`) }]
    } catch (error) {
      faults.add(`${where}: ${messageOf(error)}`)
      return []
    }
  })
}

function readOptions(node: TaskNode, where: string, faults: Faults): JsonObject {
  const { options } = node.operator ?? {}
  if (options === undefined) return {}
  const plain: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(options))
    if (typeof value !== 'function' && value !== undefined) plain[key] = value
  try {
    // checkJson of a plain object gives an object.
    return checkJson(plain, 'options') as JsonObject
  } catch (error) {
    faults.add(`${where}: ${messageOf(error)}`)
    return {}
  }
}

function checkTask(spec: Spec, where: string, faults: Faults): void {
  for (const key of ['retries', 'retryDelay', 'maxRetryDelay', 'retryExponentialBackoff'])
    atLeast(spec, key, 0, where, faults, key === 'retries')
  for (const key of ['poolSlots', 'maxActiveTisPerDag', 'maxActiveTisPerDagrun']) atLeast(spec, key, 1, where, faults)
  const timeout = numberOf(spec, 'executionTimeout')
  if (timeout !== null && timeout <= 0)
    faults.add(`${where}: option "executionTimeout" must be more than 0 seconds, found ${timeout}`)
  const rule = spec['triggerRule']
  if (typeof rule === 'string' && !TRIGGER_RULES.some((known) => known === rule)) {
    faults.add(
      `${where}: trigger rule ${JSON.stringify(rule)} does not exist; the rules are ${TRIGGER_RULES.join(', ')}`,
    )
  }
  const weight = spec['weightRule']
  if (typeof weight === 'string' && !WEIGHT_RULES.has(weight))
    faults.add(
      `${where}: weight rule ${JSON.stringify(weight)} does not exist; the rules are downstream, upstream, absolute`,
    )
  const isolate = spec['isolate']
  if (isolate !== undefined && isolate !== 'process')
    faults.add(`${where}: option "isolate" can only be 'process', found ${JSON.stringify(isolate)}`)
}

function readTask(node: TaskNode, declaration: Declaration, defaults: Spec, faults: Faults): SerializedTask {
  const where = `Dag "${declaration.dagId}", task "${node.taskId}"`
  faults.add(...checkTypes(node.spec, declaration.rules.task, where))
  const spec: Spec = { ...defaults, ...node.spec }
  checkTask(spec, where, faults)
  if (node.ref === null)
    faults.add(
      `${where}: the task was declared but never called; call what dag.task(…) returned once, to place it in the graph`,
    )
  return {
    taskId: node.taskId,
    operator: node.operator?.name ?? 'TypeScriptTask',
    owner: textOf(spec, 'owner') ?? 'airflow',
    // Proven to be one of the rules, or the fault above stops the DAG.
    triggerRule: (textOf(spec, 'triggerRule') ?? 'all_success') as TriggerRule,
    retries: numberOf(spec, 'retries') ?? 0,
    retryDelay: numberOf(spec, 'retryDelay') ?? 300,
    maxRetryDelay: numberOf(spec, 'maxRetryDelay'),
    retryExponentialBackoff: numberOf(spec, 'retryExponentialBackoff') ?? 0,
    executionTimeout: numberOf(spec, 'executionTimeout'),
    dependsOnPast: flagOf(spec, 'dependsOnPast', false) || flagOf(spec, 'waitForDownstream', false),
    ignoreFirstDependsOnPast: flagOf(spec, 'ignoreFirstDependsOnPast', false),
    waitForDownstream: flagOf(spec, 'waitForDownstream', false),
    waitForPastDependsBeforeSkipping: flagOf(spec, 'waitForPastDependsBeforeSkipping', false),
    queue: textOf(spec, 'queue') ?? textOf(declaration.spec, 'queue') ?? 'default',
    pool: textOf(spec, 'pool') ?? 'default_pool',
    poolSlots: numberOf(spec, 'poolSlots') ?? 1,
    priorityWeight: numberOf(spec, 'priorityWeight') ?? 1,
    // As above: proven by checkTask.
    weightRule: (textOf(spec, 'weightRule') ?? 'downstream') as WeightRule,
    maxActiveTisPerDag: numberOf(spec, 'maxActiveTisPerDag'),
    maxActiveTisPerDagrun: numberOf(spec, 'maxActiveTisPerDagrun'),
    doXcomPush: flagOf(spec, 'doXcomPush', true),
    isolate: spec['isolate'] === 'process' ? 'process' : null,
    startDate: dateOf(spec, 'startDate'),
    endDate: dateOf(spec, 'endDate'),
    docMd: textOf(spec, 'docMd'),
    inputs: readTaskInputs(node, where, faults),
    mapping: null,
    mapIndexTemplate: textOf(spec, 'mapIndexTemplate'),
    skips: node.operator?.skips === true,
    options: readOptions(node, where, faults),
    templateFields: node.operator?.templateFields ?? [],
  }
}

// Groups --------------------------------------------------------------------------------------------------------------

const idOf = (node: AnyNode) => (node.kind === 'task' ? node.taskId : node.groupId)
const tasksOf = (node: AnyNode): TaskNode[] => (node.kind === 'task' ? [node] : node.members.flatMap(tasksOf))

type Edge = readonly [AnyNode, AnyNode]

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}

/** Groups around a node, the innermost first. */
function groupsAround(node: AnyNode): GroupNode[] {
  const around: GroupNode[] = []
  for (let group = node.kind === 'task' ? node.group : node.parent; group !== null; group = group.parent)
    around.push(group)
  return around
}

/** A group without tasks hands on what comes in to what goes out, so that it still orders its neighbours. */
function passThroughEmpty(edges: readonly Edge[]): Edge[] {
  const isEmpty = (node: AnyNode) => tasksOf(node).length === 0
  const outOf = new Map<AnyNode, AnyNode[]>()
  for (const [from, to] of edges) append(outOf, from, to)
  const beyond = (node: AnyNode): AnyNode[] => {
    const seen = new Set([node])
    for (const each of seen) if (isEmpty(each)) for (const next of outOf.get(each) ?? []) seen.add(next)
    return [...seen].filter((each) => !isEmpty(each))
  }
  return edges.flatMap(([from, to]) => (isEmpty(from) ? [] : beyond(to).map((target): Edge => [from, target])))
}

/**
 * Edges between tasks alone. An edge into a group reaches its roots, one out of it leaves its leaves. Edges deeper inside
 * come first: a group's roots and leaves are known once everything drawn within it is.
 */
function resolveEdges(declaration: Declaration): Set<string> {
  const before = new Map<TaskNode, TaskNode[]>()
  const behind = new Map<TaskNode, TaskNode[]>()
  const ends = (node: AnyNode, inside: ReadonlyMap<TaskNode, readonly TaskNode[]>): TaskNode[] => {
    if (node.kind === 'task') return [node]
    const members = new Set(tasksOf(node))
    return [...members].filter((task) => !(inside.get(task) ?? []).some((other) => members.has(other)))
  }
  const depthOf = ([from, to]: Edge) => {
    const around = new Set(groupsAround(to))
    return groupsAround(from).filter((group) => around.has(group)).length
  }
  const byDepth = passThroughEmpty(declaration.edges)
    .map((edge) => ({ edge, depth: depthOf(edge) }))
    .sort((a, b) => b.depth - a.depth)
  const pairs = new Set<string>()
  for (const { edge } of byDepth) {
    const [sources, targets] = [ends(edge[0], behind), ends(edge[1], before)]
    for (const a of sources) {
      for (const b of targets) {
        const pair = JSON.stringify([a.taskId, b.taskId])
        if (a === b || pairs.has(pair)) continue
        pairs.add(pair)
        append(before, b, a)
        append(behind, a, b)
      }
    }
  }
  return pairs
}

const readGroups = (declaration: Declaration): SerializedGroup[] =>
  [...declaration.nodes.values()].flatMap((node) =>
    node.kind === 'group' ? [{ groupId: node.groupId, members: node.members.map(idOf) }] : [],
  )

// The whole DAG ---------------------------------------------------------------------------------------------------------

function readDefaultArgs(declaration: Declaration, faults: Faults): Spec {
  const raw = declaration.spec['defaultArgs']
  if (raw === undefined) return {}
  const where = `Dag "${declaration.dagId}", defaultArgs`
  if (!isPlainObject(raw)) {
    faults.add(`${where} must be an object of task options, found ${typeof raw}`)
    return {}
  }
  try {
    const spec = readSpec(raw, declaration.rules.task, where)
    faults.add(...checkTypes(spec, declaration.rules.task, where))
    if (spec['taskId'] !== undefined) faults.add(`${where}: taskId cannot be a default`)
    return spec
  } catch (error) {
    faults.add(messageOf(error))
    return {}
  }
}

function checkDag(declaration: Declaration, timetable: TimetableSpec, faults: Faults): void {
  const { dagId, spec } = declaration
  const where = `Dag "${dagId}"`
  if (!DAG_ID.test(dagId)) faults.add(`${where}: a DAG id has at most 250 letters, digits, "_", "." and "-"`)
  faults.add(...checkTypes(spec, declaration.rules.dag, where, ['schedule']))
  for (const key of ['maxActiveTasks', 'maxActiveRuns']) atLeast(spec, key, 1, where, faults)
  atLeast(spec, 'maxConsecutiveFailedDagRuns', 0, where, faults)
  const isTimed = timetable.kind !== 'none' && timetable.kind !== 'continuous' && timetable.kind !== 'once'
  if (spec['catchup'] === true && isTimed && dateOf(spec, 'startDate') === null)
    faults.add(`${where}: catchup needs a startDate, from which the past runs are counted`)
  if (timetable.kind === 'continuous' && (numberOf(spec, 'maxActiveRuns') ?? 1) > 1)
    faults.add(`${where}: a @continuous DAG has one run at a time; set maxActiveRuns to 1 or leave it out`)
}

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/**
 * The stored form of a DAG. Reading seals it: later declarations throw. Reading twice gives the same bytes.
 * @throws BaramError DAG_INVALID with every fault, one a line; DAG_CYCLE
 */
export function serializeDag(dag: FacadeDag, server: ServerDefaults): SerializedDag {
  const declaration = declarationOf(dag)
  declaration.seal()
  const faults = new Faults()
  const { spec, dagId } = declaration
  const timetable = readTimetable(declaration, faults)
  checkDag(declaration, timetable, faults)
  const defaults = readDefaultArgs(declaration, faults)
  const nodes = [...declaration.nodes.values()]
  const tasks = nodes.flatMap((node) => (node.kind === 'task' ? [readTask(node, declaration, defaults, faults)] : []))
  const timezone = zoneOf(spec, timetable, `Dag "${dagId}"`, faults)
  if (faults.list.length > 0) throw new BaramError('DAG_INVALID', faults.list.join('\n'), { details: { dagId } })
  const tags = Array.isArray(spec['tags']) ? spec['tags'].map(String) : []
  const serialized: SerializedDag = {
    format: 2,
    dagId,
    dagDisplayName: textOf(spec, 'dagDisplayName'),
    description: textOf(spec, 'description'),
    docMd: textOf(spec, 'docMd'),
    timetable,
    timezone,
    startDate: dateOf(spec, 'startDate') ?? (timetable.kind === 'delta' ? dateOf(defaults, 'startDate') : null),
    endDate: dateOf(spec, 'endDate'),
    catchup: flagOf(spec, 'catchup', false),
    tags: [...new Set(tags)].sort(byText),
    maxActiveTasks: numberOf(spec, 'maxActiveTasks') ?? server.maxActiveTasks,
    maxActiveRuns: timetable.kind === 'continuous' ? 1 : (numberOf(spec, 'maxActiveRuns') ?? server.maxActiveRuns),
    maxConsecutiveFailedDagRuns: numberOf(spec, 'maxConsecutiveFailedDagRuns') ?? 0,
    dagrunTimeout: numberOf(spec, 'dagrunTimeout'),
    failFast: flagOf(spec, 'failFast', false),
    renderTemplateAsNativeObj: flagOf(spec, 'renderTemplateAsNativeObj', false),
    isPausedUponCreation: typeof spec['isPausedUponCreation'] === 'boolean' ? spec['isPausedUponCreation'] : null,
    params: {},
    tasks: tasks.sort((a, b) => byText(a.taskId, b.taskId)),
    groups: readGroups(declaration).sort((a, b) => byText(a.groupId, b.groupId)),
    edges: [...resolveEdges(declaration)].sort(byText).map((pair) => JSON.parse(pair) as [string, string]),
    labels: [],
  }
  buildGraph(serialized) // Throws on a cycle.
  return serialized
}

/** What runs for a task id: a handler or an operator; null when the DAG has no such task. */
export function findBody(
  dag: FacadeDag,
  taskId: string,
): Pick<TaskNode, 'handler' | 'operator' | 'decide' | 'spec'> | null {
  const node = declarationOf(dag).nodes.get(taskId)
  return node?.kind === 'task' ? node : null
}

const edgesRead = new WeakMap<FacadeDag, readonly (readonly [string, string])[]>()

/** Ids of the tasks directly behind one, or of all that its end can reach. Sorted. */
export function downstreamOf(dag: FacadeDag, taskId: string, all: boolean): string[] {
  const edges =
    edgesRead.get(dag) ?? [...resolveEdges(declarationOf(dag))].map((pair) => JSON.parse(pair) as [string, string])
  edgesRead.set(dag, edges)
  const found = new Set<string>()
  const agenda = [taskId]
  for (const from of agenda) {
    for (const [upstream, downstream] of edges) {
      if (upstream !== from || found.has(downstream)) continue
      found.add(downstream)
      if (all) agenda.push(downstream)
    }
  }
  return [...found].sort(byText)
}
