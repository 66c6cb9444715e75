// From a DAG and what a test asks for to a run that can be driven.

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BaramError } from '../core/errors.ts'
import { checkJson, type JsonObject, type JsonValue } from '../core/json.ts'
import { resolveParams } from '../core/params.ts'
import { makeRunId } from '../core/run-id.ts'
import type { SerializedDag, SerializedTask } from '../core/serialized.ts'
import { runOfDate } from '../core/timetables/slot.ts'
import { type DataInterval, inferManualInterval } from '../core/timetables/timetable.ts'
import type { FacadeDag } from '../sdk/dag.ts'
import { serializeDag } from '../sdk/serialize.ts'
import type { DriveOptions } from './driver.ts'
import { World, type WorldOptions } from './world.ts'

/** What a test says about its run. */
export interface RunOptions extends WorldOptions {
  /** The logical date; a text is ISO, UTC without a zone. Default: `at`. */
  readonly date?: Date | string
  /** Half-open. Default: that of the schedule's own run at the logical date, else the last complete one; none without a schedule. */
  readonly dataInterval?: { readonly start: Date; readonly end: Date }
  /** The run's conf; its keys override the DAG's params. Default: none. @throws BaramError PARAMS_INVALID when they do not fit */
  readonly conf?: JsonObject
  /** Where the virtual clock stands at the start of the run; a text is ISO, UTC without a zone. Default: now. */
  readonly at?: Date | string
  /** Folder for embedded backends and scratch files. Default: a new folder below the system's temporary one, removed after the run. */
  readonly folder?: string
  /** Whether `executionTimeout` ends a try. Default true; a debugger wants false. */
  readonly hasTimeLimits?: boolean
}

const DEFAULTS = { maxActiveTasks: 16, maxActiveRuns: 16 }

/** @throws BaramError INPUT_INVALID */
export function instantOf(given: Date | string | undefined, what: string): number | null {
  if (given === undefined) return null
  const text =
    typeof given === 'string' && !/(Z|[+-]\d{2}:?\d{2})$/.test(given) && given.length > 10 ? `${given}Z` : given
  const at = new Date(text).getTime()
  if (Number.isNaN(at))
    throw new BaramError('INPUT_INVALID', `${what} must be a valid Date or an ISO time, found ${String(given)}`)
  return at
}

export function requireTask(dag: SerializedDag, taskId: string): SerializedTask {
  const task = dag.tasks.find((task) => task.taskId === taskId)
  if (task !== undefined) return task
  const ids = dag.tasks.map((task) => task.taskId).join(', ')
  throw new BaramError('NOT_FOUND', `DAG ${dag.dagId} has no task ${taskId}; its tasks are ${ids}`)
}

/** Only a task and what it needs: everything upstream of it. */
export function upTo(dag: SerializedDag, taskId: string): SerializedDag {
  requireTask(dag, taskId)
  const wanted = new Set([taskId])
  for (const to of wanted) for (const [from, next] of dag.edges) if (next === to) wanted.add(from)
  return {
    ...dag,
    tasks: dag.tasks.filter((task) => wanted.has(task.taskId)),
    edges: dag.edges.filter(([from, to]) => wanted.has(from) && wanted.has(to)),
  }
}

/**
 * One task alone, its arguments given by hand; those of the DAG that are literals stand.
 * @throws BaramError INPUT_INVALID for an argument that comes from another task and was not given
 */
export function alone(
  dag: SerializedDag,
  taskId: string,
  inputs: { readonly [name: string]: JsonValue },
): SerializedDag {
  const task = requireTask(dag, taskId)
  const own = [...task.inputs, ...(task.mapping?.over ?? [])]
  const names = [...new Set([...own.map((input) => input.name).filter((name) => name !== ''), ...Object.keys(inputs)])]
  const given = names.map((name) => {
    const declared = task.inputs.find((input) => input.name === name)
    const value = Object.hasOwn(inputs, name) ? inputs[name] : declared?.kind === 'literal' ? declared.value : undefined
    if (value === undefined)
      throw new BaramError(
        'INPUT_INVALID',
        `task ${taskId} takes "${name}" from another task; give it by hand: inputs: { ${name}: … }`,
      )
    return { name, kind: 'literal' as const, value: checkJson(value, `input "${name}"`) }
  })
  return { ...dag, tasks: [{ ...task, inputs: given, mapping: null }], edges: [] }
}

/** What a run of this date covers: the schedule's own interval, else what a manual run at that moment covers. */
function intervalOf({ timetable, startDate }: SerializedDag, date: number): DataInterval | null {
  if (timetable.kind === 'none') return null
  const own = runOfDate(timetable, startDate === null ? 0 : Date.parse(startDate), date)
  return own?.dataInterval ?? inferManualInterval(timetable, date)
}

/** @throws BaramError DAG_INVALID, PARAMS_INVALID, INPUT_INVALID */
export function prepare(
  dag: FacadeDag,
  options: RunOptions,
  part: (whole: SerializedDag) => SerializedDag = (whole) => whole,
): { readonly world: World; readonly drive: Omit<DriveOptions, 'onLog'> } {
  const serialized = part(serializeDag(dag, DEFAULTS))
  const at = instantOf(options.at, 'at') ?? Date.now()
  const logicalDate = instantOf(options.date, 'date') ?? at
  const conf = options.conf ?? {}
  const resolved = resolveParams(serialized.params, conf)
  if ('faults' in resolved)
    throw new BaramError('PARAMS_INVALID', `DAG ${dag.dagId} does not accept this conf:\n${resolved.faults.join('\n')}`)
  const inferred = intervalOf(serialized, logicalDate)
  const given = options.dataInterval
  const dataInterval = given === undefined ? inferred : { start: given.start.getTime(), end: given.end.getTime() }
  const world = new World(options)
  const drive = {
    ...{ dag, serialized, world, conf, at, params: resolved.params },
    run: { runId: makeRunId('manual', logicalDate), logicalDate, dataInterval, runAfter: logicalDate },
    embeddedRoot: options.folder ?? mkdtempSync(join(tmpdir(), 'baram-test-')),
    hasTimeLimits: options.hasTimeLimits ?? true,
  }
  return { world, drive }
}
