// Reads one declared task into its stored form: fills defaults, checks values.

import { messageOf } from '../core/errors.ts'
import { checkJson, type JsonObject } from '../core/json.ts'
import type { SerializedInput, SerializedTask, TaskMapping, WeightRule } from '../core/serialized.ts'
import { MIN_INT4 } from '../core/storable.ts'
import type { TimetableSpec } from '../core/timetables/timetable.ts'
import { TRIGGER_RULES, type TriggerRule } from '../core/trigger-rules.ts'
import type { Declaration } from './dag.ts'
import { type Inputs, insideOf, type TaskNode } from './nodes.ts'
import { readCallbacks, readDeadlines, wholeSpec } from './read-alerts.ts'
import {
  dateOf,
  type Faults,
  flagOf,
  notNegative,
  numberOf,
  type Spec,
  seconds,
  textOf,
  wholeFrom,
} from './read-spec.ts'
import { checkTypes } from './spec.ts'

const WEIGHT_RULES: ReadonlySet<unknown> = new Set<WeightRule>(['downstream', 'upstream', 'absolute'])

function readInputs(inputs: Inputs, where: string, faults: Faults): SerializedInput[] {
  return inputs.flatMap(([name, value]): SerializedInput[] => {
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

function readMapping({ mapping }: TaskNode, where: string, faults: Faults): TaskMapping | null {
  if (mapping === null) return null
  const { kind, fill } = mapping
  try {
    const filled = fill === null ? null : { value: checkJson(fill.value ?? null, 'fill') }
    return { kind, over: readInputs(mapping.over, where, faults), fill: filled }
  } catch (error) {
    faults.add(`${where}: ${messageOf(error)}`)
    return null
  }
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
  wholeFrom(spec, 'retries', 0, where, faults)
  wholeFrom(spec, 'priorityWeight', MIN_INT4, where, faults)
  for (const key of ['poolSlots', 'maxActiveTisPerDag', 'maxActiveTisPerDagrun']) wholeFrom(spec, key, 1, where, faults)
  for (const key of ['retryDelay', 'maxRetryDelay']) seconds(spec, key, where, faults)
  seconds(spec, 'executionTimeout', where, faults, true)
  notNegative(spec, 'retryExponentialBackoff', where, faults)
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

/** A DAG that fails at once has no use for tasks that run after a failure (Airflow refuses them as well). */
function checkFailFast({ spec: dag }: Declaration, spec: Spec, where: string, faults: Faults): void {
  const rule = textOf(spec, 'triggerRule') ?? 'all_success'
  if (dag['failFast'] === true && rule !== 'all_success')
    faults.add(`${where}: a DAG with failFast has only tasks of trigger rule all_success, found ${rule}`)
}

/** The stored form of one task. */
export function readTask(
  node: TaskNode,
  declaration: Declaration,
  defaults: Spec,
  timetable: TimetableSpec,
  faults: Faults,
): SerializedTask {
  const where = `Dag "${declaration.dagId}", task "${node.taskId}"`
  faults.site = node.site
  faults.add(...checkTypes(node.spec, declaration.rules.task, where))
  const spec = wholeSpec(node, defaults)
  checkTask(spec, where, faults)
  checkFailFast(declaration, spec, where, faults)
  if (node.ref === null)
    faults.add(
      `${where}: the task was declared but never called; call what dag.task(…) returned once, to place it in the graph`,
    )
  const missing = node.check?.() ?? null
  if (missing !== null) faults.add(`${where}: ${missing}`)
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
    inputs: readInputs(node.inputs ?? [], where, faults),
    mapping: readMapping(node, where, faults),
    mapIndexTemplate: textOf(spec, 'mapIndexTemplate'),
    skips: node.operator?.skips === true || node.decide !== null,
    options: readOptions(node, where, faults),
    templateFields: node.operator?.templateFields ?? [],
    ...readCallbacks(spec),
    ...readDeadlines(spec, node.taskId, timetable, where, faults),
  }
}
