// Every mapped task that Airflow was seen to run, run here: as many instances, given the same arguments, ended alike.

import { describe, expect, test } from 'vitest'
import type { JsonValue } from '../../core/json.ts'
import { countItems } from '../../core/mapping.ts'
import type { SerializedInput, SerializedTask, TaskMapping } from '../../core/serialized.ts'
import type { Outcome } from '../../core/settle.ts'
import { TRIGGER_RULES } from '../../core/trigger-rules.ts'
import type { StartedAttempt } from '../../engine/transaction/start-attempts.ts'
import { Inputs } from '../../worker/inputs.ts'
import { readFacts } from '../oracle/facts.ts'
import type { TestEngine } from '../support/engine.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

type Of =
  | { readonly of: string }
  | { readonly zip: readonly string[]; readonly fill?: JsonValue }
  | { readonly concat: unknown }
  | { readonly map: unknown }
type Values = unknown

interface Case {
  readonly name: string
  readonly expand?: Readonly<Record<string, Values>>
  readonly expand_kwargs?: Values
  readonly partial?: Readonly<Record<string, Values>>
  readonly trigger_rule?: string
  readonly label?: string
}
interface Source {
  readonly pushes?: JsonValue
  readonly skips?: boolean
  readonly fails?: boolean
  readonly 'mapped over'?: readonly number[]
  readonly 'skips when'?: readonly number[]
  readonly 'fails when'?: readonly number[]
  readonly 'pushes lists'?: boolean
}
type Instance = readonly [
  mapIndex: number,
  state: string,
  args: Readonly<Record<string, JsonValue>> | null,
  label: string | null,
]
interface Facts {
  readonly sources: Readonly<Record<string, Source>>
  readonly cases: readonly (readonly [Case, readonly Instance[], unknown])[]
}

const facts = readFacts<Facts>('mapping')
const makeEngine = useEngines()

/** Said otherwise here, in docs/differences.md: transformations are tasks of their own; labels are templates of ours. */
const isOurs = ({ expand = {}, expand_kwargs, label }: Case) =>
  label === undefined &&
  ![...Object.values(expand), expand_kwargs].some((value) => isOf(value) && ('concat' in value || 'map' in value))

function isOf(value: unknown): value is Of {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    ['of', 'zip', 'concat', 'map'].some((key) => key in value)
  )
}

const inputOf = (name: string, value: Values): SerializedInput =>
  isOf(value) && 'of' in value
    ? { name, kind: 'ref', taskId: value.of }
    : // Whatever names no source is written in the file.
      { name, kind: 'literal', value: value as JsonValue }

function mappingOf({ expand, expand_kwargs }: Case): TaskMapping {
  if (expand === undefined) return { kind: 'each', over: [inputOf('', expand_kwargs)], fill: null }
  const [first] = Object.entries(expand)
  const zipped = first?.[1]
  if (isOf(zipped) && 'zip' in zipped) {
    // Airflow gives the tuple as one argument; here each list has a name of its own.
    const over = zipped.zip.map((name, i) => inputOf(String(i), { of: name }))
    return {
      kind: 'zip',
      over,
      fill: zipped.fill === undefined && !('fill' in zipped) ? null : { value: zipped.fill ?? null },
    }
  }
  return { kind: 'product', over: Object.entries(expand).map(([name, value]) => inputOf(name, value)), fill: null }
}

function sourceTask(name: string): SerializedTask {
  const over = facts.sources[name]?.['mapped over']
  if (over === undefined) return makeTask(name)
  return makeTask(name, {
    mapping: { kind: 'product', over: [{ name: 'v', kind: 'literal', value: [...over] }], fill: null },
  })
}

/** How an attempt of a source ends, as its worker would tell it. */
function fateOf(attempt: StartedAttempt): {
  outcome: Outcome
  xcoms: { taskId: string; mapIndex: number; key: string; value: JsonValue }[]
} {
  const { task, mapIndex, isMapSource } = attempt
  const source = facts.sources[task.taskId] ?? {}
  const value = source['mapped over']?.[mapIndex]
  const failure: Outcome = { kind: 'failure', message: 'as told', isRetryable: false }
  const end = (outcome: Outcome) => ({ outcome, xcoms: [] })
  if (source.skips === true || (value !== undefined && source['skips when']?.includes(value) === true))
    return end({ kind: 'skip', message: null })
  if (source.fails === true || (value !== undefined && source['fails when']?.includes(value) === true))
    return end(failure)
  const pushed =
    value === undefined
      ? source.pushes
      : source['pushes lists'] === true
        ? Array<number>(value).fill(value)
        : value * value
  // The worker's rule: what is mapped over must have items.
  if (isMapSource && value === undefined && countItems(pushed ?? null) === null) return end(failure)
  if (pushed === undefined || (task.taskId === 'nothing' && isMapSource)) return end({ kind: 'success' })
  return {
    outcome: { kind: 'success' },
    xcoms: [{ taskId: task.taskId, mapIndex, key: 'return_value', value: pushed }],
  }
}

async function runCase(engine: TestEngine, one: Case, dagId: string): Promise<Instance[]> {
  const mapping = mappingOf(one)
  const inputs = Object.entries(one.partial ?? {}).map(([name, value]) => inputOf(name, value))
  const upstream = [
    ...new Set([...mapping.over, ...inputs].flatMap((input) => (input.kind === 'ref' ? [input.taskId] : []))),
  ]
  const rule = one.trigger_rule ?? 'all_success'
  const each = makeTask('each', {
    mapping,
    inputs,
    triggerRule: TRIGGER_RULES.find((known) => known === rule) ?? 'all_success',
  })
  const dag = makeDag(
    [...upstream.map(sourceTask), each],
    upstream.map((name) => [name, 'each'] as const),
    { dagId, maxActiveTasks: 100 },
  )
  await engine.addDag(dag)
  const run = await engine.trigger(dagId)
  await engine.makeScheduler().pass()
  const worker = await engine.makeWorker({ slots: 50 })
  const reader = new Inputs(engine.database)
  const given = new Map<number, Readonly<Record<string, JsonValue>> | null>()
  for (await worker.claim(); worker.running.length > 0; await worker.claim()) {
    const batch = [...worker.running]
    const outcomes = new Map<StartedAttempt, ReturnType<typeof fateOf>>()
    for (const attempt of batch)
      outcomes.set(attempt, attempt.task.taskId === 'each' ? await give(attempt) : fateOf(attempt))
    await worker.end(batch, (attempt) => outcomes.get(attempt) ?? { kind: 'success' })
  }
  return instancesOf(engine, run, given)

  async function give(attempt: StartedAttempt): Promise<ReturnType<typeof fateOf>> {
    try {
      const { graph } = await engine.runCache.version(engine.database, attempt.run.versionId)
      const read = await reader.read(attempt, graph, new Map())
      const args = Object.fromEntries(read.map((input) => [input.name, input.value]))
      given.set(
        attempt.mapIndex,
        mapping.kind === 'zip' ? { x: mapping.over.map((input) => args[input.name] ?? null) } : args,
      )
      return { outcome: { kind: 'success' }, xcoms: [] }
    } catch {
      return { outcome: { kind: 'failure', message: 'no arguments', isRetryable: false }, xcoms: [] }
    }
  }
}

async function instancesOf(
  engine: TestEngine,
  run: number,
  given: ReadonlyMap<number, Readonly<Record<string, JsonValue>> | null>,
): Promise<Instance[]> {
  const rows = await engine.query<{ map_index: number; state: string }>(
    "select map_index, state from task_instance where dag_run_id = $1 and task_id = 'each' order by map_index",
    [run],
  )
  return rows.map((row) => [
    row.map_index,
    row.state,
    given.get(row.map_index) ?? null,
    row.map_index < 0 ? null : String(row.map_index),
  ])
}

describe('mapped tasks of a real Airflow', () => {
  const replayed = facts.cases.filter(([one]) => isOurs(one))

  test(`${replayed.length} of ${facts.cases.length} cases end here as they ended there`, async () => {
    const engine = await makeEngine()
    const found: Record<string, Instance[]> = {}
    for (const [i, [one]] of replayed.entries()) found[`${i} ${one.name}`] = await runCase(engine, one, `case_${i}`)
    expect(found).toEqual(Object.fromEntries(replayed.map(([one, instances], i) => [`${i} ${one.name}`, instances])))
    expect(replayed.length).toBe(facts.cases.length - 12)
  })
})
