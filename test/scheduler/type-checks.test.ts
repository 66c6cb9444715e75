// Types are checked beside the reading of DAG files, whether the compiler answers, hangs, fails or comes late.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TYPE_ERROR } from '../../engine/type-warnings.ts'
import type { DagProcessor } from '../../scheduler/dag-processor.ts'
import type { CheckTypes } from '../../scheduler/type-checks.ts'
import { listDagWarnings, putDagWarning } from '../../store/postgres/dag-warnings.ts'
import { eventually } from '../support/baram.ts'
import { activeDags, dagText, startDagProcessor, write } from '../support/dag-processor.ts'
import type { TestEngine } from '../support/engine.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
/** The compiler has the lowest priority: beside other tests it may wait long for a core, ms. */
const PATIENCE_MS = 120_000
let engine: TestEngine
let folder = ''
let processor: DagProcessor | null = null

beforeEach(async () => {
  engine = await makeEngine()
  folder = mkdtempSync(join(tmpdir(), 'baram-types-'))
})
afterEach(async () => {
  await processor?.stop()
  processor = null
  rmSync(folder, { recursive: true, force: true })
})

async function start(checkTypes: CheckTypes | null): Promise<void> {
  const refresh = { BARAM__DAG_PROCESSOR__REFRESH_INTERVAL: '30' }
  processor = await startDagProcessor(engine, join(folder, 'dags'), join(folder, 'home'), refresh, checkTypes)
}

const save = (name: string, text: string) => write(join(folder, 'dags', name), text)

const expectActive = (expected: Record<string, string | null>) =>
  eventually(
    `active DAGs ${JSON.stringify(expected)}`,
    async () => JSON.stringify(await activeDags(engine)) === JSON.stringify(expected),
  )

const warningsOf = async (dagId: string) =>
  (await listDagWarnings(engine.database, dagId)).map((row) => `${row.warning_type}: ${row.message}`)

const expectWarning = (dagId: string, pattern: RegExp) =>
  eventually(
    `a warning of ${dagId} like ${pattern}`,
    async () => pattern.test((await warningsOf(dagId)).join('\n')),
    PATIENCE_MS,
  )

const expectNone = (dagId: string) =>
  eventually(`${dagId} to have no warning`, async () => (await warningsOf(dagId)).length === 0, PATIENCE_MS)

describe('reading is not held up', () => {
  test.each<[string, CheckTypes]>([
    ['never ends', () => new Promise(() => undefined)],
    ['fails', () => Promise.reject(new Error('there is no compiler'))],
    [
      'throws at once',
      () => {
        throw new Error('there is no compiler')
      },
    ],
  ])('by a check that %s', async (_, check) => {
    let asked = 0
    save('a.ts', dagText('a', 'one'))
    await start((request) => {
      asked++
      return check(request)
    })
    await eventually('the check', () => asked > 0)
    save('a.ts', dagText('a', 'two'))
    await expectActive({ a: 'two' })
    expect(await warningsOf('a')).toEqual([])
  })

  test('by a check at the start: it begins when everything was read', async () => {
    for (const id of ['a', 'b', 'c']) save(`${id}.ts`, dagText(id))
    const requests: { readonly files: readonly string[]; readonly active: number }[] = []
    await start(async ({ files }) => {
      requests.push({ files, active: Object.keys(await activeDags(engine)).length })
      return { faults: [], folderFaults: [], compiler: 'none' }
    })
    const request = await eventually('the check', () => requests[0])
    const files = ['a.ts', 'b.ts', 'c.ts'].map((name) => join(realpathSync(folder), 'dags', name))
    expect(request).toEqual({ files, active: 3 })
  })
})

test('what is found of a version that is not the latest any more is dropped', async () => {
  const answers: (() => void)[] = []
  save('a.ts', dagText('a', 'one'))
  await start(
    () =>
      new Promise((resolve) => {
        const faults = [{ file: 'a.ts', line: 1, column: 1, message: `of check ${answers.length + 1}` }]
        answers.push(() => resolve({ faults, folderFaults: [], compiler: 'none' }))
      }),
  )
  await eventually('the first check', () => answers.length === 1)
  save('a.ts', dagText('a', 'two'))
  await expectActive({ a: 'two' })
  answers[0]?.()
  await eventually('the second check', () => answers.length === 2)
  expect(await warningsOf('a')).toEqual([])
  answers[1]?.()
  await expectWarning('a', /of check 2/)
})

test('a deployment that checks no types forgets what an earlier one found', async () => {
  save('a.ts', dagText('a'))
  await start(null)
  await putDagWarning(engine.database, 'a', TYPE_ERROR, 'of last week')
  save('a.ts', dagText('a', 'changed'))
  await expectNone('a')
})
