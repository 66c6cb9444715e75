// What `baram` adds to Airflow's SDK for authors, through the real scheduler, triggerer, worker and children.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, runToEnd, startBaram, type TestBaram } from '../support/baram.ts'

const DAG = `import {
  branch, Dag, defineOperator, defineParams, expand, expandEach, getParams, getPreviousRun, latestOnly, param, sensor, shortCircuit, t, tpl, zip,
} from 'baram'

const all: Dag[] = []
const params = defineParams({ limit: param(5, { type: 'integer' }) })
const make = (id: string, build: (dag: Dag) => void, more: object = {}) => {
  const dag = new Dag(id, { isPausedUponCreation: false, ...more })
  build(dag)
  all.push(dag)
}
make('maps', (dag) => {
  const numbers = dag.task('numbers', () => [1, 2])()
  const pairs = expand(dag.task('product', ({ n, s }: { n: number; s: string }) => s + n), { s: ['a', 'b'], n: numbers })
  dag.task('all', ({ values }: { values: string[] }) => [...values])({ values: pairs })
  expand(dag.task('zipped', ({ n, s }: { n: number | null; s: string | null }) => [n, s]), zip({ n: numbers, s: ['x'] }, { fill: null }))
  expandEach(dag.task('each', ({ n, s }: { n: number; s: string }) => s + n), [{ n: 1 }, { n: 2 }], { partial: { s: 'p' } })
})
make('branches', (dag) => {
  const [a, b, join] = ['a', 'b', 'join'].map((id) => dag.task(id, () => id, { triggerRule: 'none_failed_min_one_success' })())
  dag.task('choose', branch(() => 'a'))().before(a!, b!, join!)
  a!.before(join!)
  dag.task('wrong', branch(() => 'join'))().before(dag.task('c', () => 1)())
  dag.task('stop', shortCircuit(() => 0))().before(dag.task('d', () => 1)().before(dag.task('e', () => 1, { triggerRule: 'all_done' })()))
  dag.task('latest', latestOnly())().before(dag.task('f', () => 1)())
})
const looks = (id: string, mode: 'poke' | 'reschedule' | 'defer', ends: 'done' | 'late' | 'soft') => make(id, (dag) => {
  dag.task('look', sensor({
    poke: ({ since }: { since: number }) => ({ done: ends === 'done' && Date.now() - since > 300, value: 'found' }),
    pokeInterval: 0.1, timeout: ends === 'done' ? 60 : 0.3, softFail: ends === 'soft', mode,
  }), { retries: 2, retryDelay: 0 })({ since: dag.task('since', () => Date.now())() })
})
for (const mode of ['poke', 'reschedule', 'defer'] as const)
  for (const ends of ['done', 'late', 'soft'] as const) looks(mode + '_' + ends, mode, ends)
make('params', (dag) => dag.task('a', async () => ({ params: getParams(params), previous: (await getPreviousRun()) !== null }))(), { params })
make('templated', (dag) => {
  const text = tpl\`\${t.params['limit']} \${t.args['name']} \${t.run_id} \${t.macros['ds_add']?.('2024-01-01', 1)}\`
  const show = defineOperator({ name: 'Show', options: { text }, templateFields: ['text'],
    execute: (_op, _args: { name: string }, options) => options['text'] as string })
  dag.task('show', show)({ name: 'x' })
}, { params })
export default all
`

describe('what baram adds', () => {
  let baram: TestBaram
  beforeAll(async () => {
    baram = await startBaram()
    baram.writeDag('all.ts', DAG)
    await baram.start('scheduler')
    await baram.start('worker')
    await eventually('the DAGs', async () => (await baram.query('select 1 from dag')).length === 13)
  })
  afterAll(() => baram.stop())

  const values = async (runId: string, taskId: string) =>
    (
      await baram.query<{ value: unknown }>(
        "select value from xcom where run_id = $1 and task_id = $2 and key = 'return_value' order by map_index",
        [runId, taskId],
      )
    ).map((row) => row.value)
  const states = async (runId: string, dagId: string) =>
    Object.fromEntries(
      (
        await baram.query<{ task_id: string; state: string; try_number: number }>(
          'select task_id, state from task_instance where run_id = $1 and dag_id = $2',
          [runId, dagId],
        )
      ).map((row) => [row.task_id, row.state]),
    )

  it('maps tasks over products, side by side, and over lists of arguments', async () => {
    const { runId, state } = await runToEnd(baram, 'maps')
    expect(state).toBe('success')
    expect(await values(runId, 'product')).toEqual(['a1', 'a2', 'b1', 'b2'])
    expect(await values(runId, 'all')).toEqual([['a1', 'a2', 'b1', 'b2']])
    expect(await values(runId, 'zipped')).toEqual([
      [1, 'x'],
      [2, null],
    ])
    expect(await values(runId, 'each')).toEqual(['p1', 'p2'])
  })

  it('branches, short circuits and latestOnly skip what they say', async () => {
    const { runId } = await runToEnd(baram, 'branches')
    expect(await states(runId, 'branches')).toEqual({
      ...{ choose: 'success', a: 'success', b: 'skipped', join: 'success' },
      ...{ wrong: 'failed', c: 'upstream_failed' },
      ...{ stop: 'success', d: 'skipped', e: 'skipped' },
      ...{ latest: 'success', f: 'success' },
    })
  })

  it.each(['poke', 'reschedule', 'defer'])(
    'a sensor of mode %s finds, times out without a retry, or skips',
    async (mode) => {
      const found = await runToEnd(baram, `${mode}_done`)
      expect([found.state, await values(found.runId, 'look')]).toEqual(['success', ['found']])
      const late = await runToEnd(baram, `${mode}_late`)
      expect(await states(late.runId, `${mode}_late`)).toMatchObject({ look: 'failed' })
      const [row] = await baram.query("select try_number from task_instance where run_id = $1 and task_id = 'look'", [
        late.runId,
      ])
      expect(row).toEqual({ try_number: 1 })
      const soft = await runToEnd(baram, `${mode}_soft`)
      expect(await states(soft.runId, `${mode}_soft`)).toMatchObject({ look: 'skipped' })
    },
  )

  it('what tpl makes is rendered', async () => {
    const { runId } = await runToEnd(baram, 'templated')
    expect(await values(runId, 'show')).toEqual([`5 x ${runId} 2024-01-02`])
  })

  it('params reach the task, with the conf over them, and so does the last successful run', async () => {
    const first = await runToEnd(baram, 'params')
    expect(await values(first.runId, 'a')).toEqual([{ params: { limit: 5 }, previous: false }])
    const second = await runToEnd(baram, 'params', { limit: 7, more: true })
    expect(await values(second.runId, 'a')).toEqual([
      { params: { limit: 7, more: true }, previous: expect.any(Boolean) as unknown },
    ])
  })
})
