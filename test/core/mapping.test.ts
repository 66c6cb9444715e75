// Mapped tasks as the core decides on them: which items an instance gets, and that any run with them still ends.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { advance, decide, runOutcome } from '../../core/decide.ts'
import { countItems, itemIndexes, itemOf, mapLength, mappedId } from '../../core/mapping.ts'
import type { RunModel, TaskInstanceView } from '../../core/run-model.ts'
import type { SerializedDag, SerializedInput, TaskMapping } from '../../core/serialized.ts'
import { readSerializedDag } from '../../core/serialized.ts'
import { type Outcome, settle } from '../../core/settle.ts'
import { isFinished } from '../../core/states.ts'
import { TRIGGER_RULES } from '../../core/trigger-rules.ts'
import { makeDag, makeModel, makeTask } from '../support/make-dag.ts'

const lists = (...lengths: number[]): SerializedInput[] =>
  lengths.map((length, i) => ({ name: `l${i}`, kind: 'literal', value: Array.from({ length }, (_, n) => n) }))
const known = (mapping: TaskMapping) => {
  const found = mapLength(mapping, () => undefined)
  return found.kind === 'known' ? found.length : -1
}

describe('the items of an instance', () => {
  const lengths = fc.array(fc.nat(4), { minLength: 1, maxLength: 4 })

  test('of a product are every combination once, the last list fastest', () => {
    fc.assert(
      fc.property(lengths, (sizes) => {
        const mapping: TaskMapping = { kind: 'product', over: lists(...sizes), fill: null }
        const count = known(mapping)
        expect(count).toBe(sizes.reduce((product, size) => product * size, 1))
        const all = Array.from({ length: count }, (_, i) => itemIndexes(mapping, sizes, i))
        expect(all.every((indexes) => indexes.every((index, i) => index < (sizes[i] ?? 0)))).toBe(true)
        const texts = all.map((indexes) => indexes.join(' '))
        expect(new Set(texts).size).toBe(count)
        // Indexes below ten: sorting the texts sorts the combinations.
        expect(texts).toEqual([...texts].sort())
      }),
    )
  })

  test('of lists side by side end with the shortest, or with the longest when shorter ones are filled', () => {
    fc.assert(
      fc.property(lengths, (sizes) => {
        const zip = (fill: TaskMapping['fill']): TaskMapping => ({ kind: 'zip', over: lists(...sizes), fill })
        expect(known(zip(null))).toBe(Math.min(...sizes))
        expect(known(zip({ value: null }))).toBe(Math.max(...sizes))
        expect(itemIndexes(zip(null), sizes, 2)).toEqual(sizes.map(() => 2))
      }),
    )
  })

  test('are those of a list, or the pairs of an object; nothing else has any', () => {
    expect([countItems([1, 2]), countItems({ a: 1 }), countItems([]), countItems('ab'), countItems(null)]).toEqual([
      2,
      1,
      0,
      null,
      null,
    ])
    expect([itemOf(['a', 'b'], 1), itemOf({ x: 1, y: 2 }, 1), itemOf('ab', 0)]).toEqual(['b', ['y', 2], undefined])
  })

  test('have ids that are UUIDs, all different', () => {
    const ids = Array.from({ length: 1_000 }, (_, i) => mappedId('01890a5d-ac96-774b-bcce-b302099a8057', i))
    expect(new Set(ids).size).toBe(1_000)
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})

interface World {
  readonly dag: SerializedDag
  /** Of each task, by its instances' map index: how its tries end, the last for ever. */
  readonly fates: readonly (readonly (readonly Fate[])[])[]
  readonly luck: readonly number[]
}
type Fate = Outcome & { readonly items?: number }

const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 5, arbitrary: fc.nat(3).map((items): Fate => ({ kind: 'success', items })) },
  fc.constantFrom<Fate>(
    { kind: 'skip', message: null },
    { kind: 'failure', message: 'no', isRetryable: true },
    { kind: 'reschedule', afterMs: 1 },
    { kind: 'defer', wait: { kind: 'time', at: 0 }, timeoutMs: null },
    { kind: 'defer', wait: { kind: 'trigger', name: 't', args: null }, timeoutMs: 5 },
    { kind: 'lost', worker: 'host' },
  ),
)

/** Up to 8 tasks, each mapped over a literal, over some of its upstreams, or not at all. */
const worlds: fc.Arbitrary<World> = fc
  .record({
    rules: fc.array(fc.constantFrom(...TRIGGER_RULES), { minLength: 2, maxLength: 8 }),
    edges: fc.uniqueArray(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 16, selector: ([a, b]) => `${a} ${b}` }),
    mapped: fc.array(fc.oneof(fc.constant(null), fc.constant('ref' as const), fc.nat(3)), {
      minLength: 8,
      maxLength: 8,
    }),
    fates: fc.array(fc.array(fc.array(fate, { minLength: 1, maxLength: 3 }), { minLength: 4, maxLength: 4 }), {
      minLength: 8,
      maxLength: 8,
    }),
    luck: fc.array(fc.nat(1_000), { minLength: 20, maxLength: 20 }),
  })
  .map(({ rules, edges, mapped, fates, luck }) => {
    const drawn = edges.filter(([a, b]) => a < b && b < rules.length)
    const tasks = rules.map((triggerRule, i) => {
      const upstream = drawn.filter(([, b]) => b === i).map(([a]) => a)
      const how = mapped[i]
      const over: SerializedInput[] =
        how === 'ref'
          ? upstream.slice(0, 2).map((a) => ({ name: `l${a}`, kind: 'ref', taskId: `t${a}` }))
          : typeof how === 'number'
            ? lists(how)
            : []
      const mapping: TaskMapping | null = over.length === 0 ? null : { kind: 'product', over, fill: null }
      return makeTask(`t${i}`, { triggerRule, retries: 1, mapping })
    })
    return {
      dag: makeDag(
        tasks,
        drawn.map(([a, b]) => [`t${a}`, `t${b}`] as const),
      ),
      fates,
      luck,
    }
  })

const PARKED = new Set(['scheduled', 'up_for_retry', 'up_for_reschedule', 'deferred'])
const taskOf = (model: RunModel, ti: TaskInstanceView) => Number(model.graph.tasks[ti.task]?.taskId.slice(1))

function runOne(world: World, model: RunModel, ti: TaskInstanceView, attempts: Map<string, number>): void {
  model.move(ti, 'queued', { code: 'admitted' })
  model.move(ti, 'running', { code: 'started', worker: 'host' })
  const count = attempts.get(ti.id) ?? 0
  attempts.set(ti.id, count + 1)
  const own = world.fates[taskOf(model, ti)]?.[Math.max(0, ti.mapIndex) % 4] ?? []
  // Past its list it succeeds: a sensor that waits for ever is no progress of ours.
  const end = own[count] ?? { kind: 'success' as const, items: 1 }
  settle(model, ti, end, 0)
  if (end.kind === 'success' && model.graph.mapSources.has(ti.task)) model.recordLength(ti, end.items ?? 0)
}

/** Runs to the end; returns how often each instance was started. */
function runToEnd(world: World, model: RunModel, follow: (ended: TaskInstanceView) => void): Map<string, number> {
  const attempts = new Map<string, number>()
  decide(model)
  for (let step = 0; ; step++) {
    if (step > 3_000) throw new Error('the run does not end')
    const busy = [...model.instances.values()].filter((ti) => PARKED.has(ti.state ?? ''))
    const luck = world.luck[step % world.luck.length] ?? 0
    const ti = busy.sort((a, b) => (a.id < b.id ? -1 : 1))[luck % (busy.length || 1)]
    if (ti === undefined) return attempts
    if (ti.state === 'deferred' && luck % 3 === 0) settle(model, ti, { kind: 'wait_timeout' }, 0)
    else if (ti.state === 'scheduled') runOne(world, model, ti, attempts)
    else model.move(ti, 'scheduled', { code: 'wait_over' })
    if (isFinished(ti.state)) follow(ti)
  }
}

const ends = (model: RunModel) =>
  [...model.instances.values()].map((ti) => `${taskOf(model, ti)}[${ti.mapIndex}] ${ti.state}`).sort()

describe('a run with mapped tasks and waits', () => {
  test('always ends, whatever its tasks do, and ends the same however it is followed', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const [byAdvance, byDecide] = [makeModel(world.dag), makeModel(world.dag)]
        runToEnd(world, byAdvance, (ti) => void advance(byAdvance, [ti]))
        runToEnd(world, byDecide, () => void decide(byDecide))
        expect(ends(byAdvance)).toEqual(ends(byDecide))
        expect(runOutcome(byAdvance)).toEqual(runOutcome(byDecide))
        expect(runOutcome(byAdvance)).not.toBeNull()
      }),
      { numRuns: 1_500 },
    )
  })

  test('has each index of a mapped task once, from 0 on, as many as its lists make', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const model = makeModel(world.dag)
        const attempts = runToEnd(world, model, (ti) => void advance(model, [ti]))
        for (const [task, instances] of model.byTask.entries()) {
          const mapping = model.graph.tasks[task]?.mapping ?? null
          const indexes = instances.map((ti) => ti.mapIndex).sort((a, b) => a - b)
          const isExpanded = mapping !== null && indexes[0] === 0
          expect(indexes).toEqual(isExpanded ? [...indexes.keys()] : [-1])
          if (isExpanded && mapping.over.every((input) => input.kind === 'literal'))
            expect(indexes.length).toBe(known(mapping))
          // What was never expanded never ran.
          if (mapping !== null && !isExpanded) expect(attempts.get(instances[0]?.id ?? '')).toBeUndefined()
        }
      }),
      { numRuns: 1_000 },
    )
  })
})

test('a DAG stored by the version before has no mapping, params or labels, and is read on', () => {
  const { params, labels, renderTemplateAsNativeObj, tasks, ...old } = makeDag(['a'])
  const before = tasks.map(({ mapping, mapIndexTemplate, skips, templateFields, ...task }) => task)
  expect([params, labels, renderTemplateAsNativeObj, tasks[0]?.mapping]).toEqual([{}, [], false, null])
  expect(readSerializedDag({ ...old, format: 1, tasks: before })).toEqual(makeDag(['a']))
  expect(() => readSerializedDag({ ...old, format: 3 })).toThrow(/reads formats 1 and 2/)
})
