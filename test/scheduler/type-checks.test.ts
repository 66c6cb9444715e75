// Types are checked beside the reading of DAG files: by the real compiler, and by ones that hang, throw or come late.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { typesChecker } from '../../cli/check/types-process.ts'
import { TYPE_ERROR } from '../../engine/dags/type-warnings.ts'
import type { DagProcessor } from '../../scheduler/dag-processor.ts'
import type { CheckTypes } from '../../scheduler/type-checks.ts'
import { putDagWarning } from '../../store/postgres/dag-warnings.ts'
import { getDag } from '../../store/postgres/read-dags.ts'
import { eventually } from '../support/baram.ts'
import { activeDags, dagText, startDagProcessor, write } from '../support/dag-processor.ts'
import type { TestEngine } from '../support/engine.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
const env = { PATH: process.env['PATH'] ?? '' }
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
  ((await getDag(engine.database, dagId))?.warnings ?? []).map((row) => `${row.warningType}: ${row.message}`)

const expectWarning = (dagId: string, pattern: RegExp) =>
  eventually(
    `a warning of ${dagId} like ${pattern}`,
    async () => pattern.test((await warningsOf(dagId)).join('\n')),
    PATIENCE_MS,
  )

const expectNone = (dagId: string) =>
  eventually(`${dagId} to have no warning`, async () => (await warningsOf(dagId)).length === 0, PATIENCE_MS)

/** A DAG whose task adds up what `lib/day.ts` gives it. */
const importing = (dagId: string) =>
  `${dagText(dagId).replace("'baram'\n", "'baram'\nimport { day } from './lib/day.ts'\n")}export const next: number = day + 1\n`

describe('with the real compiler', { timeout: 4 * PATIENCE_MS }, () => {
  test('a type error is a warning of its DAG until it is mended, in the file or in what it imports', async () => {
    save('bad.ts', `${dagText('bad')}export const n: number = 'text'\n`)
    save('importing.ts', importing('importing'))
    // A promise that nobody waits for is a fault of the run, which `dagctl check` tells; its type is right.
    save('good.ts', `${dagText('good')}export const later = () => { Promise.resolve(1) }\n`)
    save('lib/day.ts', "export const day: number = 'monday'\n")
    await start(typesChecker(env))
    await expectWarning(
      'bad',
      /^type error: bad\.ts has 1 type error\. Runs are not affected\.\nbad\.ts:4:14 Type 'string' is not assignable to type 'number'\.$/,
    )
    await expectWarning(
      'importing',
      /importing\.ts and the files that it imports have 1 type error\..*\nlib\/day\.ts:1:14 /,
    )
    expect(await warningsOf('good')).toEqual([])
    save('bad.ts', `${dagText('bad')}export const n: number = 1\n`)
    await expectNone('bad')
    save('lib/day.ts', 'export const day: number = 1\n')
    await expectNone('importing')
  })

  test('ends when nobody waits for it, and says why it failed', async () => {
    save('good.ts', dagText('good'))
    const abort = new AbortController()
    const request = { folder: join(folder, 'dags'), files: [join(folder, 'dags', 'good.ts')], signal: abort.signal }
    const checking = typesChecker(env)(request)
    abort.abort()
    await expect(checking).rejects.toThrow('aborted')
    save('node_modules/typescript/index.js', "throw new Error('this compiler is broken')\n")
    const signal = new AbortController().signal
    await expect(typesChecker(env)({ ...request, signal })).rejects.toThrow(
      /the compiler ended with 1: .*this compiler is broken/,
    )
  })
})

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
