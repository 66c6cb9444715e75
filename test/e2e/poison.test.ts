// One bad value, tried as a user would: DAG files beside each other on a running deployment. Each file's fault stays its
// own; what is right beside it goes on.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, startBaram, type TestBaram } from '../support/baram.ts'

let baram: TestBaram
beforeAll(async () => {
  baram = await startBaram()
  await baram.start('scheduler')
  await baram.start('worker')
})
afterAll(() => baram.stop())

/** State of the newest run of a DAG. */
async function stateOf(dagId: string): Promise<string> {
  const [row] = await baram.query<{ state: string }>(
    'select state from dag_run where dag_id = $1 order by id desc limit 1',
    [dagId],
  )
  return row?.state ?? 'none'
}

async function runOnce(dagId: string): Promise<string> {
  await eventually(
    `DAG ${dagId}`,
    async () => (await baram.query('select 1 from dag where dag_id = $1 and not is_stale', [dagId])).length > 0,
  )
  const { code, stderr } = await baram.dagctl('trigger', dagId)
  if (code !== 0) throw new Error(stderr)
  return eventually(`the end of ${dagId}`, async () => {
    const state = await stateOf(dagId)
    return state === 'success' || state === 'failed' ? state : null
  })
}

async function reasonOf(dagId: string): Promise<string> {
  const [row] = await baram.query<{ message: string }>(
    `select e.because ->> 'message' as message from ti_event e join dag_run r on r.id = e.dag_run_id
     where r.dag_id = $1 and e.to_state = 'failed' and e.ti_id is not null order by e.rev desc limit 1`,
    [dagId],
  )
  return row?.message ?? ''
}

describe('a bad value on a running deployment', () => {
  it('in an error text fails that try, with the character shown as replaced; the worker goes on', async () => {
    baram.writeDag(
      'poison.ts',
      `import { Dag } from 'baram'
export const a = new Dag('nul', { isPausedUponCreation: false })
a.task('x', () => { throw new Error('a\\u0000b') })()
export const b = new Dag('half', { isPausedUponCreation: false })
b.task('x', () => { throw new Error('x'.repeat(499) + '😀') })()
export const ok = new Dag('ok', { isPausedUponCreation: false })
ok.task('x', () => 1)()
`,
    )
    expect(await runOnce('nul')).toBe('failed')
    expect(await reasonOf('nul')).toBe('a\ufffdb')
    expect(await runOnce('half')).toBe('failed')
    expect((await reasonOf('half')).isWellFormed()).toBe(true)
    expect(await runOnce('ok')).toBe('success')
  })

  it('in a trigger fails the one wait; others resume', async () => {
    baram.writeDag(
      'triggers.ts',
      `import { Dag, defineOperator, defineTrigger } from 'baram'
const bad = defineTrigger<{ n: number }>({ name: 'bad', async run(t) { await t.sleep(0.05); throw new Error('a\\u0000b') } })
const good = defineTrigger<{ n: number }>({ name: 'good', async run(t) { await t.sleep(0.2); return { ok: true } } })
const long = defineTrigger<{ n: number }>({ name: 'long', async run(t) { await t.sleep(2_592_000); return 1 } })
const op = (which: typeof bad) => defineOperator<Record<never, never>, string>({ name: 'Op', triggers: [which],
  async execute(o) { return o.defer(which({ n: 1 }), { timeout: 60 }) }, resume: () => 'done' })
export const a = new Dag('bad_trigger', { isPausedUponCreation: false })
a.task('x', op(bad))()
export const b = new Dag('good_trigger', { isPausedUponCreation: false })
b.task('x', op(good))()
export const c = new Dag('long_trigger', { isPausedUponCreation: false })
c.task('x', op(long))()
`,
    )
    await eventually(
      'the DAGs',
      async () => (await baram.query("select 1 from dag where dag_id = 'long_trigger'")).length > 0,
    )
    await baram.dagctl('trigger', 'long_trigger')
    expect(await runOnce('bad_trigger')).toBe('failed')
    expect(await reasonOf('bad_trigger')).toBe('its trigger failed: a\ufffdb')
    expect(await runOnce('good_trigger')).toBe('success')
    // A sleep of 30 days returns in 30 days, not at once.
    expect(await baram.query("select state from task_instance where dag_id = 'long_trigger'")).toEqual([
      { state: 'deferred' },
    ])
  })

  it('in the options of a DAG is an import error of its file; all other files are read', async () => {
    baram.writeDag(
      'long_tag.ts',
      "import { Dag } from 'baram'\nexport const dag = new Dag('long_tag', { tags: ['t'.repeat(101)] })\ndag.task('x', () => 1)()\n",
    )
    baram.writeDag(
      'forever.ts',
      "import { Dag } from 'baram'\nexport const dag = new Dag('forever')\ndag.task('x', () => 1, { retries: Number.MAX_SAFE_INTEGER })()\n",
    )
    baram.writeDag(
      'nul_source.ts',
      "import { Dag } from 'baram'\n// a\u0000b\nexport const dag = new Dag('nul_source')\ndag.task('x', () => 1)()\n",
    )
    baram.writeDag(
      'beside.ts',
      "import { Dag } from 'baram'\nexport const dag = new Dag('beside', { isPausedUponCreation: false })\ndag.task('x', () => 1)()\n",
    )
    expect(await runOnce('beside')).toBe('success')
    const errors = await eventually('three import errors', async () => {
      const rows = await baram.query<{ filename: string; stacktrace: string }>(
        'select filename, stacktrace from import_error order by 1',
      )
      return rows.length === 3 ? rows : null
    })
    expect(errors.map((row) => row.filename)).toEqual(['forever.ts', 'long_tag.ts', 'nul_source.ts'])
    expect(errors[0]?.stacktrace).toContain('forever.ts:3')
    expect(errors[0]?.stacktrace).toContain('"retries" must be at most 2147483647')
    expect(errors[1]?.stacktrace).toContain('"tags" must be text of 1 to 100 characters, found 101')
    expect(errors[2]?.stacktrace).toMatch(/nul_source\.ts:2:5: the file holds a NUL/)
  })

  it('as a delay or a limit of 30 days is kept; one in milliseconds is cut, and the log says so', async () => {
    baram.writeDag(
      'delays.ts',
      `import { Dag, RetryTask } from 'baram'
export const a = new Dag('t30', { isPausedUponCreation: false })
a.task('x', async () => { await new Promise(r => setTimeout(r, 700)); return 'ok' }, { executionTimeout: 2_592_000 })()
export const b = new Dag('after_ms', { isPausedUponCreation: false })
b.task('x', () => { throw new RetryTask('rate limit', { after: 1_800_000_000_000 }) }, { retries: 3 })()
`,
    )
    expect(await runOnce('t30')).toBe('success')
    await baram.dagctl('trigger', 'after_ms')
    await eventually(
      'the retry',
      async () =>
        (
          await baram.query(
            "select 1 from task_queue where dag_id = 'after_ms' and ready_at < now() + interval '367 days'",
          )
        ).length > 0,
    )
    const { stdout } = await eventually('the log', async () => {
      const shown = await baram.dagctl('logs', 'after_ms', 'x')
      return shown.stdout.includes('Ended:') ? shown : null
    })
    expect(stdout).toContain('was cut to that; delays are in seconds')
  })
})
