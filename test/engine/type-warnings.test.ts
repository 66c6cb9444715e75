// What a check of types says becomes warnings of the DAGs it is about, and of no other version than the checked one.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { forgetFile, syncFile } from '../../engine/dags/sync.ts'
import {
  type CheckedFile,
  forgetTypeFaults,
  recordTypeFaults,
  type TypeFault,
  typeWarning,
} from '../../engine/dags/type-warnings.ts'
import { RUN_REFUSED } from '../../engine/runs/create.ts'
import { putDagWarning } from '../../store/postgres/dag-warnings.ts'
import { getDag } from '../../store/postgres/read-dags.ts'
import { fileOf, type TestEngine } from '../support/engine.ts'
import { makeDag } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
const fault: TypeFault = {
  file: 'a.ts',
  line: 12,
  column: 5,
  message: "Type 'string' is not assignable to type 'number'.",
}

async function addFile(engine: TestEngine, name: string, dagIds: readonly string[], moduleHash: string): Promise<void> {
  const dags = dagIds.map((dagId) => makeDag(['x'], [], { dagId }))
  await syncFile(engine.database, fileOf(name, dags, { moduleHash }), new Set([name]), false)
}

const checked = (name: string, moduleHash: string, faults: readonly TypeFault[]): CheckedFile => ({
  name,
  moduleHash,
  faults,
})

const messages = async (engine: TestEngine, dagId: string) =>
  ((await getDag(engine.database, dagId))?.warnings ?? []).map((row) => row.message)

describe('the warning of a file', () => {
  test('names the file and each place, and says that runs are not affected', () => {
    expect(typeWarning(checked('a.ts', 'm', [fault, { ...fault, line: 14 }]))).toBe(
      [
        'a.ts has 2 type errors. Runs are not affected.',
        "a.ts:12:5 Type 'string' is not assignable to type 'number'.",
        "a.ts:14:5 Type 'string' is not assignable to type 'number'.",
      ].join('\n'),
    )
  })

  test('tells that an imported file is at fault', () => {
    expect(typeWarning(checked('a.ts', 'm', [{ ...fault, file: 'lib/day.ts' }]))).toMatch(
      /^a\.ts and the files that it imports have 1 type error\. .+\nlib\/day\.ts:12:5 /,
    )
  })

  test('is short and has one line for each fault, whatever the compiler writes and however often', () => {
    const anyFault = fc.record({
      file: fc.constant('a.ts'),
      line: fc.option(fc.nat()),
      column: fc.option(fc.nat()),
      message: fc.string({ maxLength: 2_000, unit: 'binary' }),
    })
    fc.assert(
      fc.property(fc.array(anyFault, { minLength: 1, maxLength: 40 }), (faults) => {
        const text = typeWarning(checked('a.ts', 'm', faults)) ?? ''
        expect(text.length).toBeLessThan(2_000)
        expect(text.split('\n')).toHaveLength(1 + Math.min(faults.length, 5) + (faults.length > 5 ? 1 : 0))
      }),
    )
  })
})

describe('a check of types', () => {
  test('warns every DAG of the file, once, and removes the warnings when the file has no fault', async () => {
    const engine = await makeEngine()
    await addFile(engine, 'a.ts', ['one', 'two'], 'm1')
    await addFile(engine, 'b.ts', ['other'], 'm1')
    const faulty = [checked('a.ts', 'm1', [fault]), checked('b.ts', 'm1', [])]
    expect([...(await recordTypeFaults(engine.database, faulty))].sort()).toEqual(['one', 'two'])
    expect(await messages(engine, 'one')).toEqual([typeWarning(checked('a.ts', 'm1', [fault]))])
    expect(await messages(engine, 'other')).toEqual([])
    // The same again changes nothing: no page is told.
    expect(await recordTypeFaults(engine.database, faulty)).toEqual([])
    const mended = [checked('a.ts', 'm1', []), checked('b.ts', 'm1', [])]
    expect([...(await recordTypeFaults(engine.database, mended))].sort()).toEqual(['one', 'two'])
    expect(await messages(engine, 'one')).toEqual([])
  })

  test('says nothing of a DAG that has another version by now', async () => {
    const engine = await makeEngine()
    await addFile(engine, 'a.ts', ['one'], 'm1')
    await addFile(engine, 'a.ts', ['one'], 'm2')
    expect(await recordTypeFaults(engine.database, [checked('a.ts', 'm1', [fault])])).toEqual([])
    await recordTypeFaults(engine.database, [checked('a.ts', 'm2', [fault])])
    await addFile(engine, 'a.ts', ['one'], 'm3')
    expect(await recordTypeFaults(engine.database, [checked('a.ts', 'm2', [])])).toEqual([])
    expect(await messages(engine, 'one')).toHaveLength(1)
  })

  test('removes the warning of a DAG whose file is gone', async () => {
    const engine = await makeEngine()
    await addFile(engine, 'a.ts', ['one'], 'm1')
    await recordTypeFaults(engine.database, [checked('a.ts', 'm1', [fault])])
    await forgetFile(engine.database, 'a.ts')
    expect(await recordTypeFaults(engine.database, [])).toEqual(['one'])
    expect(await messages(engine, 'one')).toEqual([])
  })

  test('leaves warnings of other kinds as they are, also when it is turned off', async () => {
    const engine = await makeEngine()
    await addFile(engine, 'a.ts', ['one'], 'm1')
    await putDagWarning(engine.database, 'one', RUN_REFUSED, 'refused')
    await recordTypeFaults(engine.database, [checked('a.ts', 'm1', [])])
    expect(await messages(engine, 'one')).toEqual(['refused'])
    await recordTypeFaults(engine.database, [checked('a.ts', 'm1', [fault])])
    await forgetTypeFaults(engine.database)
    expect(await messages(engine, 'one')).toEqual(['refused'])
  })

  test('stores text that Postgres cannot hold as text that it can', async () => {
    const engine = await makeEngine()
    await addFile(engine, 'a.ts', ['one'], 'm1')
    await recordTypeFaults(engine.database, [checked('a.ts', 'm1', [{ ...fault, message: 'a\u0000b\ud800c' }])])
    expect((await messages(engine, 'one'))[0]).toContain('a\ufffdb\ufffdc')
  })
})
