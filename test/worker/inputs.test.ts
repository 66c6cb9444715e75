// The arguments of an attempt read the same whether its worker still has the value or reads it back from the database.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildGraph, type DagGraph } from '../../core/graph.ts'
import { checkJson, type JsonValue } from '../../core/json.ts'
import type { SerializedInput } from '../../core/serialized.ts'
import { putXComs } from '../../store/postgres/xcoms.ts'
import { freshKey, Inputs } from '../../worker/inputs.ts'
import type { TestEngine } from '../support/engine.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()

const input: SerializedInput = { name: 'v', kind: 'ref', taskId: 'a' }
const dag = makeDag(['a', makeTask('header', { inputs: [input] })], [['a', 'header']], { dagId: 'order' })

interface Setting {
  readonly engine: TestEngine
  readonly graph: DagGraph
  readonly run: number
}

async function makeSetting(): Promise<Setting> {
  const engine = await makeEngine()
  await engine.addDag(dag)
  return { engine, graph: buildGraph(dag), run: await engine.trigger('order') }
}

/** The argument as its text: read from memory, and read back. */
async function readBoth({ engine, graph, run }: Setting, value: JsonValue): Promise<readonly [string, string]> {
  await engine.database.transaction((tx) =>
    putXComs(tx, run, [{ taskId: 'a', mapIndex: -1, key: 'return_value', value }]),
  )
  const of = { dagRunId: run, mapIndex: -1, task: { inputs: [input], mapping: null } }
  const inputs = new Inputs(engine.database)
  // A worker gets what its child has written as JSON.
  const fresh = new Map([[freshKey(run, 'a'), JSON.parse(JSON.stringify(value)) as JsonValue]])
  const [memory, stored] = [await inputs.read(of, graph, fresh), await inputs.read(of, graph, new Map())]
  return [JSON.stringify(memory), JSON.stringify(stored)]
}

describe('an argument read from memory and from the database', () => {
  test('has its keys in the order in which the upstream task wrote them', async () => {
    const [memory, stored] = await readBoth(await makeSetting(), { zebra: 1, a: 2, mm: 3, nested: [{ z: 1, b: null }] })
    expect(stored).toBe(memory)
    expect(stored).toContain('{"zebra":1,"a":2,"mm":3,"nested":[{"z":1,"b":null}]}')
  })

  test('is null, and not missing, when the upstream task returned null', async () => {
    const [memory, stored] = await readBoth(await makeSetting(), null)
    expect([memory, stored]).toEqual(['[{"name":"v","value":null}]', '[{"name":"v","value":null}]'])
  })

  test('is the same text for every JSON value that a task can return', async () => {
    const setting = await makeSetting()
    const storable = fc.jsonValue({ maxDepth: 4 }).filter((value) => {
      try {
        checkJson(value)
        return true
      } catch {
        return false // NUL and half surrogates: refused where the task returns them.
      }
    })
    await fc.assert(
      fc.asyncProperty(storable, async (value) => {
        const [memory, stored] = await readBoth(setting, checkJson(value))
        expect(stored).toBe(memory)
      }),
      { numRuns: 300, examples: [[{ __proto__: 1, b: 2, 10: 3 }], [2 ** 53], [1e300], [-1e-7], [2 ** 64]] },
    )
  })
})
