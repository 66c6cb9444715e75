// What a task can do and what happens to it: through the real scheduler, worker and children.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attemptLogPath } from '../../runtime/attempt-log.ts'
import { eventually, runToEnd, startBaram, type TestBaram } from '../support/baram.ts'

const DAG = `import { Dag, FailTask, getClient, getContext, getLogger, getRun, publishReport, recordEffect, SkipTask } from 'baram'

const options = { isPausedUponCreation: false, defaultArgs: { retryDelay: 0.05 } }
const all: Dag[] = []
const make = (id: string, build: (dag: Dag) => void) => {
  const dag = new Dag(id, options)
  build(dag)
  all.push(dag)
}

make('values', (dag) => {
  const first = dag.task('first', () => ({ list: [1, 2, 3], text: 'çöğü 바람' }))
  const second = dag.task('second', ({ value, times }: { value: { list: number[]; text: string }; times: number }) => value.list.length * times)
  second({ value: first(), times: 7 })
})
make('flaky', (dag) => dag.task('flaky', () => { if (getContext().tryNumber < 3) throw new Error('not yet'); return getContext().tryNumber }, { retries: 3 })())
make('gives_up', (dag) => {
  const bad = dag.task('bad', () => { throw new FailTask('for good') }, { retries: 5 })()
  dag.task('after', () => 1)().after(bad)
  dag.task('anyway', () => 1, { triggerRule: 'all_done' })().after(bad)
})
make('skips', (dag) => dag.task('next', () => 1)().after(dag.task('skip', () => { throw new SkipTask('nothing to do') })()))
make('secrets', (dag) => dag.task('tell', async () => {
  const client = getClient()
  console.log('password is', (await client.getConnectionOrThrow('shop')).password)
  console.error('token is', await client.getVariable('api_token'))
  getLogger().info({ token: await client.getVariable('api_token') }, 'said it')
  throw new Error('leaked ' + (await client.getVariable('api_token')))
})())
make('not_json', (dag) => dag.task('date', () => ({ when: new Date(0) }) as never)())
make('slow', (dag) => dag.task('slow', () => { const end = Date.now() + 60_000; while (Date.now() < end); }, { executionTimeout: 0.3 })())
make('endless', (dag) => dag.task('endless', () => new Promise<number>(() => { setInterval(() => undefined, 1000); console.log('begun') }))())
make('exits', (dag) => dag.task('exits', () => { if (getContext().tryNumber === 1) process.exit(0); return 'second' }, { retries: 1 })())
make('stray', (dag) => dag.task('stray', async () => { setTimeout(() => { throw new Error('from a timer') }, 5);
  await new Promise((r) => setTimeout(r, 60_000)) })())
make('dirty', (dag) => {
  const one = dag.task('one', () => { process.chdir('/'); process.env['LEAK'] = 'yes';
    (Object.prototype as unknown as Record<string, unknown>)['leak'] = 1; return process.pid })()
  dag.task('two', () => ({ pid: process.pid, cwd: process.cwd(), leak: process.env['LEAK'] ?? null, proto: 'leak' in {} }))().after(one)
})
make('manual', (dag) => dag.task('conf', () => ({ conf: getRun().conf, type: getRun().runType }))())
make('missing', (dag) => {
  const nothing = dag.task('nothing', (): number | undefined => undefined)
  dag.task('needs', ({ x }: { x: number | undefined }) => x ?? null)({ x: nothing() })
})
const lake = (rowsWritten: number) => ({ kind: 'lake', target: '/x/tok-5f2e9c77aa.csv', rowsRead: 5, rowsWritten }) as const
make('loses_rows', (dag) => dag.task('put', async () => { await getClient().getVariable('api_token');
  await recordEffect(lake(getContext().tryNumber === 1 ? 3 : 5)) }, { retries: 1 })())
make('warns', (dag) => dag.task('put', async () => recordEffect(lake(6), 'warn'))())
make('reports', (dag) => dag.task('tell', async () => {
  await publishReport('best', { columns: [{ name: 'n', type: 'number' }], rows: [[1]] })
  await publishReport('best', { columns: [{ name: 'n', type: 'number' }], rows: [[1], [2]] })
  await publishReport('bad', { columns: [{ name: 'n', type: 'number' }], rows: [['one'] as never] })
})())
export default all
`

describe('tasks', () => {
  let baram: TestBaram
  beforeAll(async () => {
    baram = await startBaram()
    await baram.dagctl('variables', 'set', 'api_token', 'tok-5f2e9c77aa')
    await baram.dagctl(
      'connections',
      'add',
      'shop',
      '--conn-type',
      'http',
      '--conn-host',
      'shop.example',
      '--conn-password',
      'hunter2-hunter2',
    )
    baram.writeDag('all.ts', DAG)
    await baram.start('scheduler')
    await baram.start('worker')
    await eventually('the DAGs', async () => (await baram.query('select 1 from dag')).length === 16)
  })
  afterAll(() => baram.stop())

  const xcom = async (runId: string, taskId: string) =>
    (
      await baram.query<{ value: unknown }>(
        "select value from xcom where run_id = $1 and task_id = $2 and key = 'return_value'",
        [runId, taskId],
      )
    )[0]?.value
  const state = async (runId: string, taskId: string) =>
    (
      await baram.query<{ state: string; try_number: number }>(
        'select state, try_number from task_instance where run_id = $1 and task_id = $2',
        [runId, taskId],
      )
    )[0]
  const logOf = async (dagId: string, runId: string, taskId: string, tryNumber = 1) => {
    const path = attemptLogPath(join(baram.home, 'logs'), { dagId, runId, taskId, mapIndex: -1, tryNumber })
    return eventually('the end of the log', () =>
      existsSync(path) && readFileSync(path, 'utf8').includes('"Ended:') ? readFileSync(path, 'utf8') : null,
    )
  }

  it('a returned value reaches the task that takes it, unchanged', async () => {
    const { runId, state: end } = await runToEnd(baram, 'values')
    expect(end).toBe('success')
    expect(await xcom(runId, 'first')).toEqual({ list: [1, 2, 3], text: 'çöğü 바람' })
    expect(await xcom(runId, 'second')).toBe(21)
  })

  it('a failing task is tried again as often as it may, each try with its own log', async () => {
    const { runId, state: end } = await runToEnd(baram, 'flaky')
    expect(end).toBe('success')
    expect(await state(runId, 'flaky')).toEqual({ state: 'success', try_number: 3 })
    for (const n of [1, 2]) expect(await logOf('flaky', runId, 'flaky', n)).toContain('not yet')
    expect(await logOf('flaky', runId, 'flaky', 3)).toContain('Ended: success')
    const history = await baram.query(
      'select try_number, state from task_instance_history where run_id = $1 order by 1',
      [runId],
    )
    expect(history).toEqual([
      { try_number: 1, state: 'failed' },
      { try_number: 2, state: 'failed' },
    ])
  })

  it('FailTask takes no retry; what follows is upstream_failed, all_done runs anyway', async () => {
    const { runId, state: end } = await runToEnd(baram, 'gives_up')
    expect(end).toBe('failed')
    expect(await state(runId, 'bad')).toEqual({ state: 'failed', try_number: 1 })
    expect((await state(runId, 'after'))?.state).toBe('upstream_failed')
    expect((await state(runId, 'anyway'))?.state).toBe('success')
  })

  it('SkipTask skips the task and what needs its success', async () => {
    const { runId, state: end } = await runToEnd(baram, 'skips')
    expect(end).toBe('success')
    expect((await state(runId, 'skip'))?.state).toBe('skipped')
    expect((await state(runId, 'next'))?.state).toBe('skipped')
  })

  it('a secret that a task prints, logs or throws stands nowhere', async () => {
    const { runId } = await runToEnd(baram, 'secrets')
    const log = await logOf('secrets', runId, 'tell')
    expect(log).toContain('password is ***')
    expect(log).toContain('token is ***')
    expect(log).toContain('leaked ***')
    const ledger = await baram.query<{ text: string }>("select string_agg(because::text, ' ') as text from ti_event")
    for (const text of [log, String(ledger[0]?.text)]) {
      expect(text).not.toContain('tok-5f2e9c77aa')
      expect(text).not.toContain('hunter2-hunter2')
    }
  })

  it('a value that JSON would change fails the task with its path', async () => {
    const { runId, state: end } = await runToEnd(baram, 'not_json')
    expect(end).toBe('failed')
    expect(await logOf('not_json', runId, 'date')).toMatch(/when is a Date, which JSON cannot hold/)
  })

  it('a task that blocks its process for ever is ended at its time limit', async () => {
    const { runId, state: end } = await runToEnd(baram, 'slow')
    expect(end).toBe('failed')
    expect(await logOf('slow', runId, 'slow')).toMatch(/longer than its limit of 0.3 s/)
  })

  it('a task that is marked while it runs has a log whose last line says that somebody else ended it', async () => {
    const [run] = await baram.dagctlJson('dags', 'trigger', 'endless')
    const runId = String(run?.['run_id'])
    await eventually('the task to run', async () => (await state(runId, 'endless'))?.state === 'running')
    expect((await baram.dagctl('tasks', 'mark', 'endless', runId, 'endless', 'success', '--yes')).code).toBe(0)
    const lines = (await logOf('endless', runId, 'endless')).trimEnd().split('\n')
    expect(lines.at(-1)).toContain('Ended: from outside')
    expect((await state(runId, 'endless'))?.state).toBe('success')
  })

  it('process.exit in a task is a failure that says so, not a success', async () => {
    const { runId, state: end } = await runToEnd(baram, 'exits')
    expect(end).toBe('success')
    expect(await state(runId, 'exits')).toEqual({ state: 'success', try_number: 2 })
    expect(await logOf('exits', runId, 'exits', 1)).toContain('exit code 0 before the task returned')
  })

  it('an error that nobody catches fails the attempt it came from', async () => {
    const { runId, state: end } = await runToEnd(baram, 'stray')
    expect(end).toBe('failed')
    expect(await logOf('stray', runId, 'stray')).toContain('from a timer')
  })

  it('what a task does to its process does not reach the next one', async () => {
    const { runId } = await runToEnd(baram, 'dirty')
    const two = (await xcom(runId, 'two')) as Record<string, unknown>
    expect(two).toMatchObject({ leak: null, proto: false })
    expect(two['cwd']).not.toBe('/')
    expect(two['pid']).not.toBe(await xcom(runId, 'one'))
  })

  it('a manual run carries its conf', async () => {
    const { runId } = await runToEnd(baram, 'manual', { day: '2024-03-18', n: [1] })
    expect(await xcom(runId, 'conf')).toEqual({ conf: { day: '2024-03-18', n: [1] }, type: 'manual' })
  })

  it('a task whose upstream pushed nothing fails before it runs, naming argument and task', async () => {
    const { runId, state: end } = await runToEnd(baram, 'missing')
    expect(end).toBe('failed')
    expect(await logOf('missing', runId, 'needs')).toMatch(/argument \\"x\\" has no value: task \\"nothing\\"/)
  })

  it('rows that do not add up fail the try; the numbers of every try are kept, its secrets masked', async () => {
    const { runId, state: end } = await runToEnd(baram, 'loses_rows')
    expect(end).toBe('success')
    const rows = await baram.query(
      "select try_number, target, rows_read::int, rows_written::int from effect where dag_id = 'loses_rows' order by 1",
    )
    expect(rows).toMatchObject([
      { try_number: 1, target: '/x/***.csv', rows_read: 5, rows_written: 3 },
      { try_number: 2, rows_read: 5, rows_written: 5 },
    ])
    expect(await logOf('loses_rows', runId, 'put')).toContain('5 rows read, but 3 written and 0 rejected: 2 missing')
  })

  it('rows that do not add up only warn where the policy says so', async () => {
    const { runId, state: end } = await runToEnd(baram, 'warns')
    expect(end).toBe('success')
    expect(await logOf('warns', runId, 'put')).toContain('1 too many (told only: the policy is warn)')
  })

  it('a report is stored at once, the last of a name counts, and a bad one fails the task with a sentence', async () => {
    const { runId, state: end } = await runToEnd(baram, 'reports')
    expect(end).toBe('failed')
    expect(await baram.query("select name, task_id, row_count from report where dag_id = 'reports'")).toMatchObject([
      { name: 'best', task_id: 'tell', row_count: 2 },
    ])
    expect(await logOf('reports', runId, 'tell')).toContain('row 0, column n must be number or null, found \\"one\\"')
  })

  it('dagctl logs prints what a try said', async () => {
    const { runId } = await runToEnd(baram, 'values')
    const { code, stdout } = await baram.dagctl('logs', 'values', 'first', '--run', runId)
    expect(code).toBe(0)
    expect(stdout).toContain('Ended: success')
  })

  it('trigger --wait ends with 1 when the run fails, and with 3 for a DAG that does not exist', async () => {
    expect((await baram.dagctl('trigger', 'gives_up', '--wait')).code).toBe(1)
    const none = await baram.dagctl('trigger', 'valuess')
    expect(none.code).toBe(3)
    expect(none.stderr).toContain('did you mean values?')
  })
})
