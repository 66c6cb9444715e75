// Reads a declared DAG into its stored form: resolves groups, fills defaults, checks values, and tells all faults together.

import { BaramError, messageOf } from '../core/errors.ts'
import { buildGraph } from '../core/graph.ts'
import { checkJson } from '../core/json.ts'
import type { SerializedDag } from '../core/serialized.ts'
import { idFault } from '../core/storable.ts'
import { parseSchedule } from '../core/timetables/parse-schedule.ts'
import type { TimetableSpec } from '../core/timetables/timetable.ts'
import { isTimeZone } from '../core/timetables/zone.ts'
import { type Declaration, declarationOf, type FacadeDag } from './dag.ts'
import { readGroups, resolveEdges } from './groups.ts'
import type { TaskNode } from './nodes.ts'
import { readParams } from './params.ts'
import { readCallbacks, readDeadlines } from './read-alerts.ts'
import { dateOf, detailsOf, Faults, flagOf, numberOf, type Spec, seconds, textOf, wholeFrom } from './read-spec.ts'
import { readTask } from './read-task.ts'
import { isSchedule } from './schedule.ts'
import { checkTypes, isPlainObject, readSpec } from './spec.ts'

/** What the server's settings say where a DAG says nothing. */
export interface ServerDefaults {
  readonly maxActiveTasks: number
  readonly maxActiveRuns: number
}

const DAG_ID = /^[\p{L}\p{N}_.-]{1,250}$/u

/**
 * The last look at everything that is stored with the DAG: names of params, labels and operators, whatever an option
 * holds.
 */
function checkStorable(serialized: SerializedDag, declaration: Declaration): void {
  try {
    // Plain JSON by its type.
    checkJson(serialized)
  } catch (error) {
    const message = `Dag "${serialized.dagId}": ${messageOf(error)}`
    throw new BaramError('DAG_INVALID', message, {
      details: detailsOf(serialized.dagId, [{ message, site: declaration.site }]),
      cause: error,
    })
  }
}

function readTimetable(declaration: Declaration, faults: Faults): TimetableSpec {
  const { schedule } = declaration.spec
  const where = `Dag "${declaration.dagId}"`
  if (schedule === undefined) return { kind: 'none' }
  const isOurs = declaration.rules.dag.fields['defaultArgs'] !== undefined
  if (isOurs && isSchedule(schedule)) return schedule.timetable
  if (typeof schedule !== 'string') {
    faults.add(
      `${where}: option "schedule" must be text such as "@daily" or "0 6 * * ` +
        `*"${isOurs ? ', cron(…), every(…), events(…) or timetable(…)' : ''}, found ${typeof schedule}`,
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

/** Default arguments of groups: their names were checked when they were declared, here their types. */
function checkGroups(declaration: Declaration, faults: Faults): void {
  for (const node of declaration.nodes.values()) {
    if (node.kind !== 'group') continue
    const where = `Dag "${declaration.dagId}", group "${node.groupId}", defaultArgs`
    faults.add(...checkTypes(node.defaults, declaration.rules.task, where))
    if (node.defaults['taskId'] !== undefined) faults.add(`${where}: taskId cannot be a default`)
  }
}

function checkDag(declaration: Declaration, timetable: TimetableSpec, faults: Faults): void {
  const { dagId, spec } = declaration
  const where = `Dag "${dagId}"`
  const idProblem = DAG_ID.test(dagId)
    ? idFault(dagId, 'a DAG id')
    : 'a DAG id has at most 250 letters, digits, "_", "." and "-"'
  if (idProblem !== null) faults.add(`${where}: ${idProblem}`)
  faults.add(...checkTypes(spec, declaration.rules.dag, where, ['schedule']))
  for (const key of ['maxActiveTasks', 'maxActiveRuns']) wholeFrom(spec, key, 1, where, faults)
  wholeFrom(spec, 'maxConsecutiveFailedDagRuns', 0, where, faults)
  seconds(spec, 'dagrunTimeout', where, faults, true)
  const isTimed = timetable.kind !== 'none' && timetable.kind !== 'continuous' && timetable.kind !== 'once'
  if (spec['catchup'] === true && isTimed && dateOf(spec, 'startDate') === null)
    faults.add(`${where}: catchup needs a startDate, from which the past runs are counted`)
  if (timetable.kind === 'continuous' && (numberOf(spec, 'maxActiveRuns') ?? 1) > 1)
    faults.add(`${where}: a @continuous DAG has one run at a time; set maxActiveRuns to 1 or leave it out`)
}

// A key of `TaskEdges`.
const readPair = (pair: string) => JSON.parse(pair) as [string, string]
const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** @throws BaramError DAG_CYCLE, at the declaration of the first task in the circle */
function refuseCycle(serialized: SerializedDag, declaration: Declaration): void {
  try {
    buildGraph(serialized)
  } catch (error) {
    if (!(error instanceof BaramError) || error.code !== 'DAG_CYCLE') throw error
    const first = /: (\S+) -> /.exec(error.message)?.[1] ?? ''
    const node = declaration.nodes.get(first)
    const site = node?.kind === 'task' ? node.site : declaration.site
    const message = `${error.message}; remove one of these edges`
    throw new BaramError('DAG_CYCLE', message, {
      details: detailsOf(serialized.dagId, [{ message, site }]),
      cause: error,
    })
  }
}

/**
 * The stored form of a DAG. Reading seals it: later declarations throw. Reading twice gives the same bytes.
 * @throws BaramError DAG_INVALID with every fault, one a line; DAG_CYCLE
 */
export function serializeDag(dag: FacadeDag, server: ServerDefaults): SerializedDag {
  const declaration = declarationOf(dag)
  declaration.seal()
  const faults = new Faults()
  faults.site = declaration.site
  const { spec, dagId } = declaration
  const timetable = readTimetable(declaration, faults)
  checkDag(declaration, timetable, faults)
  const defaults = readDefaultArgs(declaration, faults)
  const isScheduled = timetable.kind !== 'none'
  const params = readParams(spec['params'], isScheduled, `Dag "${dagId}"`)
  faults.add(...params.faults)
  const nodes = [...declaration.nodes.values()]
  checkGroups(declaration, faults)
  const tasks = nodes.flatMap((node) =>
    node.kind === 'task' ? [readTask(node, declaration, defaults, timetable, faults)] : [],
  )
  faults.site = declaration.site
  const timezone = zoneOf(spec, timetable, `Dag "${dagId}"`, faults)
  const deadlines = readDeadlines(spec, null, timetable, `Dag "${dagId}"`, faults)
  if (faults.list.length > 0) {
    const message = faults.list.map((fault) => fault.message).join('\n')
    throw new BaramError('DAG_INVALID', message, { details: detailsOf(dagId, faults.list) })
  }
  const edges = [...resolveEdges(declaration.edges)].sort(([a], [b]) => byText(a, b))
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
    params: params.params,
    tasks: tasks.sort((a, b) => byText(a.taskId, b.taskId)),
    groups: readGroups(nodes).sort((a, b) => byText(a.groupId, b.groupId)),
    edges: edges.map(([pair]) => readPair(pair)),
    labels: edges.flatMap(([pair, label]) => (label === null ? [] : [[...readPair(pair), label] as const])),
    ...readCallbacks(spec),
    ...deadlines,
  }
  checkStorable(serialized, declaration)
  refuseCycle(serialized, declaration)
  return serialized
}

/** The timetable of a DAG that was read before. */
export function timetableOf(dag: FacadeDag): TimetableSpec {
  return readTimetable(declarationOf(dag), new Faults())
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
  const edges = edgesRead.get(dag) ?? [...resolveEdges(declarationOf(dag).edges).keys()].map(readPair)
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
