// A broken DAG file is a clear import error; its neighbours and its own last good version are untouched.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, startBaram, type TestBaram } from '../support/baram.ts'

const HEAD = "import { Dag } from 'baram'\n"
const GOOD = (id: string) => `${HEAD}export const dag = new Dag('${id}')\ndag.task('a', () => 1)()\n`

interface Bad {
  readonly name: string
  readonly text: string
  /** What the author must be able to read. */
  readonly says: readonly RegExp[]
}

const FILES: readonly Bad[] = [
  {
    name: 'syntax.ts',
    text: `${HEAD}export const dag = new Dag('syntax')\nconst x = ;\n`,
    says: [/syntax\.ts:3:11/, /Unexpected ";"/, /> 3 \| const x = ;/],
  },
  {
    name: 'throws.ts',
    text: `${HEAD}export const dag = new Dag('throws')\nthrow new Error('no such luck')\n`,
    says: [/throws\.ts:3:7/, /no such luck/, /> 3 \| throw/],
  },
  {
    name: 'rejects.ts',
    text: `${HEAD}export const dag = new Dag('rejects')\nawait Promise.reject(new Error('rejected at the top'))\n`,
    says: [/rejects\.ts:3/, /rejected at the top/],
  },
  { name: 'loops.ts', text: `${HEAD}for (;;) {}\n`, says: [/longer than 2 s/, /endless loop/] },
  {
    name: 'never.ts',
    text: `${HEAD}await new Promise(() => setInterval(() => {}, 1000))\n`,
    says: [/longer than 2 s/],
  },
  { name: 'exits.ts', text: `${HEAD}process.exit(0)\n`, says: [/exit code 0/, /must not end their process/] },
  {
    name: 'floods.ts',
    text: `${HEAD}const line = 'x'.repeat(1_000_000)\nfor (let i = 0; i < 1000; i++) console.log(line)\nexport const dag = new Dag('floods')\n`,
    says: [/printed more than/],
  },
  {
    name: 'cycle.ts',
    text: `${HEAD}export const dag = new Dag('cycle')\nconst a = dag.task('a', () => 1)()\nconst b = dag.task('b', () => 1)()\na.before(b)\nb.before(a)\n`,
    says: [/cycle: a -> b -> a/],
  },
  {
    name: 'duplicate.ts',
    text: `${HEAD}export const dag = new Dag('duplicate')\ndag.task('a', () => 1)()\ndag.task('a', () => 2)()\n`,
    says: [/duplicate\.ts:4/, /task "a" is already registered/],
  },
  { name: 'nothing.ts', text: 'export const x = 1\n', says: [/declares no DAG/, /\.airflowignore/] },
  {
    name: 'uncalled.ts',
    text: `${HEAD}export const dag = new Dag('uncalled')\ndag.task('a', () => 1)\n`,
    says: [/task "a"/, /never called/],
  },
  {
    name: 'option.ts',
    text: `${HEAD}export const dag = new Dag('option', { scheduled: '@daily' } as object)\n`,
    says: [/Unknown option "scheduled"/, /"schedule"/],
  },
  {
    name: 'cron.ts',
    text: `${HEAD}export const dag = new Dag('badcron', { schedule: '0 0 31 2 *' })\ndag.task('a', () => 1)()\n`,
    says: [/0 0 31 2 \*/],
  },
  {
    name: 'module.ts',
    text: `${HEAD}import missing from 'no-such-package'\nexport const dag = new Dag('module', missing)\n`,
    says: [/module\.ts:2/, /no-such-package/],
  },
]

describe('bad DAG files', () => {
  let baram: TestBaram

  beforeAll(async () => {
    baram = await startBaram({
      BARAM__CORE__DAGBAG_IMPORT_TIMEOUT: '2',
      BARAM__DAG_PROCESSOR__STALE_DAG_THRESHOLD: '1',
    })
    baram.writeDag('neighbour.ts', GOOD('neighbour'))
    baram.writeDag('shared.ts', 'export const answer = 42\n')
    baram.writeDag(
      'uses_shared.ts',
      `${HEAD}import { answer } from './shared.ts'\nexport const dag = new Dag('uses_shared', { description: ` +
        `String(answer) })\ndag.task('a', () => answer)()\n`,
    )
    for (const { name, text } of FILES) baram.writeDag(name, text)
    await baram.start('scheduler')
  })
  afterAll(() => baram.stop())

  const errorOf = async (file: string) => {
    const [row] = await baram.query<{ stacktrace: string; details: Record<string, unknown> }>(
      'select stacktrace, details from import_error where filename = $1',
      [file],
    )
    return row
  }

  it.each(FILES)('$name is an import error that says what is wrong and where', async ({ name, says }) => {
    const { stacktrace } = await eventually(`the import error of ${name}`, () => errorOf(name), 60_000)
    for (const pattern of says) expect(stacktrace).toMatch(pattern)
  })

  it('their neighbours are there, and a helper that a DAG imports is no error', async () => {
    await eventually(
      'the neighbour',
      async () =>
        (await baram.query("select 1 from dag where dag_id in ('neighbour', 'uses_shared') and not is_stale"))
          .length === 2,
    )
    await eventually(
      'all files to be read',
      async () => (await baram.query('select 1 from import_error')).length === FILES.length,
      60_000,
    )
    expect(await errorOf('shared.ts')).toBeUndefined()
    const listed = await baram.dagctlJson('dags', 'list')
    expect(listed.map((row) => row['dag_id'])).toEqual(['neighbour', 'uses_shared'])
  })

  it('dagctl lists them and ends with exit code 1', async () => {
    const { code, stdout } = await baram.dagctl('dags', 'list-import-errors')
    expect(code).toBe(1)
    for (const { name } of FILES) expect(stdout).toContain(name)
  })

  it('a file that breaks keeps its last good version, and mending it clears the error', async () => {
    baram.writeDag('neighbour.ts', `${HEAD}export const dag = new Dag('neighbour'\n`)
    await eventually('the error', () => errorOf('neighbour.ts'))
    const [dag] = await baram.query<{ is_stale: boolean; has_import_errors: boolean }>(
      "select is_stale, has_import_errors from dag where dag_id = 'neighbour'",
    )
    expect(dag).toEqual({ is_stale: false, has_import_errors: true })
    baram.writeDag('neighbour.ts', GOOD('neighbour'))
    await eventually('the error to go', async () => (await errorOf('neighbour.ts')) === undefined)
  })

  it('a changed helper is read again by the files that use it', async () => {
    baram.writeDag('shared.ts', 'export const answer = 43\n')
    await eventually(
      'the new description',
      async () =>
        (await baram.query("select 1 from dag where dag_id = 'uses_shared' and description = '43'")).length === 1,
    )
  })

  it('a new file is there within a second of being saved', async () => {
    const times: number[] = []
    for (let i = 0; i < 5; i++) {
      const began = performance.now()
      baram.writeDag(`fresh_${i}.ts`, GOOD(`fresh_${i}`))
      await eventually(
        'the new DAG',
        async () => (await baram.query('select 1 from dag where dag_id = $1', [`fresh_${i}`])).length === 1,
      )
      times.push(performance.now() - began)
    }
    // Printed, not asserted: how long it takes is the bench's business, on a quiet machine.
    console.log(`save → visible: ${times.map((ms) => Math.round(ms)).join(', ')} ms`)
    expect(times).toHaveLength(5)
  })

  it('a deleted file makes its DAGs stale after three complete listings, and its return brings them back', async () => {
    rmSync(join(baram.dags, 'fresh_0.ts'))
    await eventually(
      'the DAG to be stale',
      async () => (await baram.query("select 1 from dag where dag_id = 'fresh_0' and is_stale")).length === 1,
    )
    expect((await baram.dagctl('trigger', 'fresh_0')).code).not.toBe(0)
    baram.writeDag('fresh_0.ts', GOOD('fresh_0'))
    await eventually(
      'the DAG to be back',
      async () => (await baram.query("select 1 from dag where dag_id = 'fresh_0' and not is_stale")).length === 1,
    )
  })

  it('.airflowignore takes files out', async () => {
    baram.writeDag('.airflowignore', 'fresh_1.ts\n')
    await eventually(
      'the DAG to be stale',
      async () => (await baram.query("select 1 from dag where dag_id = 'fresh_1' and is_stale")).length === 1,
      40_000,
    )
  })
})
