// Waits, ends before the end, templates and retries as their author asks for them, through real processes and their deaths.

import type { ChildProcess } from 'node:child_process'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, runToEnd, startBaram, type TestBaram } from '../support/baram.ts'

const dagsOf = (gate: string, mark: string) => `import { appendFileSync, existsSync } from 'node:fs'
import { Dag, defineOperator, defineTrigger, expand, FailTask, getContext, param, RetryTask, triggerDagRun } from 'baram'

const all: Dag[] = []
const make = (id: string, build: (dag: Dag) => void, more: object = {}) => {
  const dag = new Dag(id, { isPausedUponCreation: false, ...more })
  build(dag)
  all.push(dag)
}
const gate = defineTrigger<{ n: number }>({
  name: 'gate',
  async run(context, { n }) {
    while (!existsSync(${JSON.stringify(gate)})) await context.sleep(0.05)
    return { n, secret: (await context.client.getConnectionOrThrow('lake')).password?.length ?? 0 }
  },
})
const broken = defineTrigger<object>({ name: 'broken', run: () => Promise.reject(new Error('no such place')) })
const never = defineTrigger<object>({ name: 'never', run: async (context) => { await context.sleep(3600); return null } })
const wait = () => defineOperator<{ n: number }, unknown>({
  name: 'Gate', triggers: [gate], execute: (op, { n }) => op.defer(gate({ n })), resume: (_, event) => event,
})
make('gated', (dag) => expand(dag.task('each', wait()), { n: Array.from({ length: 50 }, (_, i) => i) }), { maxActiveTasks: 50 })
make('fails', (dag) => dag.task('wait', defineOperator({ name: 'B', triggers: [broken], execute: (op) => op.defer(broken({})), resume: () => 1 }))())
make('unlisted', (dag) => dag.task('wait', defineOperator({ name: 'U', execute: (op) => op.defer(broken({})), resume: () => 1 }))())
make('dated', (dag) => dag.task('wait', defineOperator({ name: 'D', execute: (op) => op.defer(new Date(Date.now() + 300)), resume: (_, at) => at }))())
make('late', (dag) => dag.task('wait', defineOperator({ name: 'L', triggers: [never],
  execute: (op) => op.defer(never({}), { timeout: 0.3 }), resume: () => 1 }))())
const block = () => { appendFileSync(${JSON.stringify(mark)}, getContext().dagId + ' ' + process.pid + '\\n'); for (;;); }
make('long', (dag) => dag.task('block', block)().before(dag.task('after', () => 1)()), { dagrunTimeout: 1 })
make('fast', (dag) => {
  dag.task('block', block)()
  dag.task('fail', () => { if (!existsSync(${JSON.stringify(mark)} + '.fail')) throw new Error('wait'); throw new FailTask('now') },
    { retries: 1000, retryDelay: 0.05 })()
}, { failFast: true })
const show = (options: Record<string, unknown>) => defineOperator<{ region: string }, unknown, Record<string, unknown>>({
  name: 'Show', options, templateFields: ['text', 'list'],
    execute: (_op, _args, rendered) => ({ text: String(rendered['text']).length, list: rendered['list'] }),
})
make('templates', (dag) => expand(
  dag.task('show', show({ text: '{{conn.lake.host}} {{conn.lake.password}}',
    list: [{ at: '{{params.day}} {{args.region}}' }] }), { mapIndexTemplate: '{{args.region}}!' }),
  { region: ['seoul', 'busan'] },
), { params: { day: param('2026-01-01', { type: 'string', format: 'date' }) } })
make('unknown_name', (dag) => dag.task('show', show({ text: '{{nobody.knows}}' }))({ region: 'x' }))
make('retry_after', (dag) => dag.task('a', () => { if (getContext().tryNumber < 2) throw new RetryTask('busy', { after: 0.1 });
  return getContext().tryNumber }, { retries: 3, retryDelay: 600 })())
make('policy', (dag) => {
  const retryPolicy = (error: unknown) => String(error).includes('soon') ? { retry: true as const, after: 0 } :
    String(error).includes('never') ? { retry: false as const } : undefined
  dag.task('soon', () => { if (getContext().tryNumber < 3) throw new Error('soon'); return 1 }, { retries: 5, retryDelay: 600, retryPolicy })()
  dag.task('never', () => { throw new Error('never') }, { retries: 5, retryDelay: 600, retryPolicy })()
})
make('target', (dag) => dag.task('a', () => 1)())
make('again', (dag) => dag.task('go', triggerDagRun({ dagId: 'target', runId: 'same', logicalDate: null, resetDagRun: true,
  waitForCompletion: true, pokeInterval: 0.05 }))())
export default all
`

describe('waits, ends and templates', () => {
  let baram: TestBaram
  let scheduler: ChildProcess
  const gate = () => join(baram.home, 'gate')
  const mark = () => join(baram.home, 'mark')

  beforeAll(async () => {
    baram = await startBaram()
    baram.writeDag('all.ts', dagsOf(gate(), mark()))
    const uri = 'http://user:hidden-pass-word@lake.example:80/'
    expect((await baram.dagctl('connections', 'add', 'lake', '--conn-uri', uri)).code).toBe(0)
    scheduler = await baram.start('scheduler')
    await baram.start('worker', '--concurrency', '8')
    await eventually('the DAGs', async () => (await baram.query('select 1 from dag')).length === 13)
  })
  afterAll(() => baram.stop())

  const countOf = async (dagId: string, state: string) =>
    (
      await baram.query<{ n: number }>(
        'select count(*)::int as n from task_instance where dag_id = $1 and state = $2',
        [dagId, state],
      )
    )[0]?.n
  const states = async (dagId: string, runId: string) =>
    Object.fromEntries(
      (
        await baram.query<{ task_id: string; state: string }>(
          'select task_id, state from task_instance where dag_id = $1 and run_id = $2',
          [dagId, runId],
        )
      ).map((row) => [row.task_id, row.state]),
    )
  const values = async (dagId: string, key = 'return_value') =>
    (
      await baram.query<{ value: unknown }>(
        'select value from xcom where dag_id = $1 and key = $2 order by task_id, map_index',
        [dagId, key],
      )
    ).map((row) => row.value)
  const isAlive = (pid: number) => existsSync(`/proc/${pid}`)
  const blockedPid = async (dagId: string) =>
    Number(
      await eventually(`${dagId} to block`, () =>
        existsSync(mark()) ? new RegExp(`^${dagId} (\\d+)$`, 'm').exec(readFileSync(mark(), 'utf8'))?.[1] : null,
      ),
    )

  it('50 deferred instances outlive the death of their triggers’ process and of their scheduler, and go on once each', async () => {
    await baram.dagctl('dags', 'trigger', 'gated')
    await eventually('all to wait', async () => (await countOf('gated', 'deferred')) === 50)
    const held = async () =>
      (await baram.query<{ n: number }>('select count(*)::int as n from trigger where triggerer_id is not null'))[0]?.n
    await eventually('all to be held', async () => (await held()) === 50)
    // Every child of the scheduler: the triggers' process is one of them.
    const children = execFileSync('ps', ['-o', 'pid=', '--ppid', String(scheduler.pid)], { encoding: 'utf8' })
    for (const pid of children.trim().split(/\s+/).map(Number)) process.kill(pid, 'SIGKILL')
    scheduler.kill('SIGKILL')
    scheduler = await baram.start('scheduler')
    await eventually('the waits to be taken over', async () => {
      const [row] = await baram.query<{ n: number }>(
        "select count(*)::int as n from trigger t join job j on j.id = t.triggerer_id where j.state = 'running' and t.fired_at is null",
      )
      return row?.n === 50
    })
    writeFileSync(gate(), '')
    await eventually('all to go on', async () => (await countOf('gated', 'success')) === 50)
    expect(await values('gated')).toEqual(Array.from({ length: 50 }, (_, n) => ({ n, secret: 16 })))
    const [row] = await baram.query(
      `select max(try_number)::int as tries, (select count(*)::int from ti_event e join task_instance i on i.id =
         e.ti_id where i.dag_id = 'gated' and e.to_state = 'success') as ends from task_instance where dag_id =
         'gated'`,
    )
    expect(row).toEqual({ tries: 1, ends: 50 })
  })

  it('a wait by date goes on with it; a trigger that fails, or that its operator does not list, fails the try', async () => {
    expect((await runToEnd(baram, 'dated')).state).toBe('success')
    expect(String((await values('dated'))[0])).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
    expect((await runToEnd(baram, 'fails')).state).toBe('failed')
    expect((await runToEnd(baram, 'unlisted')).state).toBe('failed')
    const rows = await baram.query<{ message: string }>(
      `select e.because ->> 'message' as message from ti_event e join task_instance i on i.id = e.ti_id where
         i.dag_id in ('fails', 'unlisted') and e.to_state = 'failed' order by 1`,
    )
    expect(rows.map((each) => each.message)).toEqual([
      expect.stringContaining('no such place') as unknown,
      expect.stringContaining('list it in the operator') as unknown,
    ])
  })

  it('a wait that takes too long fails its try, and its trigger is let go', async () => {
    expect((await runToEnd(baram, 'late')).state).toBe('failed')
    const [event] = await baram.query<{ code: string }>(
      "select e.because ->> 'code' as code from ti_event e join task_instance i on i.id = e.ti_id where i.dag_id = 'late' and e.to_state = 'failed'",
    )
    expect(event).toEqual({ code: 'wait_timed_out' })
  })

  it('25. dagrunTimeout, in seconds, ends a run and the process of a task that blocks', async () => {
    const { runId, state } = await runToEnd(baram, 'long')
    expect([state, await states('long', runId)]).toEqual(['failed', { block: 'skipped', after: 'skipped' }])
    const pid = await blockedPid('long')
    await eventually('the process to end', () => !isAlive(pid))
  })

  it('a DAG that fails fast ends with its first failure, and with it the process of what still runs', async () => {
    await baram.dagctl('dags', 'trigger', 'fast')
    const pid = await blockedPid('fast')
    writeFileSync(`${mark()}.fail`, '')
    await eventually('the run to fail', async () => {
      const [run] = await baram.query("select 1 from dag_run where dag_id = 'fast' and state = 'failed'")
      return run
    })
    expect(await countOf('fast', 'failed')).toBe(2)
    await eventually('the process to end', () => !isAlive(pid))
  })

  it('templates are rendered for the operator, and stored with their secrets masked; mapped instances have names', async () => {
    const { state } = await runToEnd(baram, 'templates')
    expect(state).toBe('success')
    const lists = ['seoul', 'busan'].map((region) => ({ text: 29, list: [{ at: `2026-01-01 ${region}` }] }))
    expect(await values('templates')).toEqual(lists)
    const rows = await baram.query(
      `select t.rendered_map_index as name, r.rendered_fields as fields from task_instance t
       join rendered_task_instance_fields r using (dag_run_id, task_id, map_index) where t.dag_id = 'templates' order by t.map_index`,
    )
    expect(rows).toEqual(
      ['seoul', 'busan'].map((region) => ({
        name: `${region}!`,
        fields: { text: 'lake.example ***', list: [{ at: `2026-01-01 ${region}` }] },
      })),
    )
  })

  it('a template that names something unknown fails the task before it does anything, and says which field', async () => {
    const { runId, state } = await runToEnd(baram, 'unknown_name')
    expect(state).toBe('failed')
    const { stdout } = await baram.dagctl('logs', 'unknown_name', 'show', '--run', runId)
    expect(stdout).toContain('the template of text cannot be rendered: the name before ".knows" is not defined')
  })

  it('a conf that the params do not accept is refused: nothing is made', async () => {
    const { code, stderr } = await baram.dagctl('dags', 'trigger', 'templates', '--conf', '{"day": "tomorrow"}')
    expect(code).toBe(2)
    expect(stderr).toContain('param "day"')
    const runs = await baram.query(
      "select conf from dag_run where dag_id = 'templates' and conf ->> 'day' = 'tomorrow'",
    )
    expect(runs).toEqual([])
  })

  it('a task says when to try again, and a policy says whether', async () => {
    expect((await runToEnd(baram, 'retry_after')).state).toBe('success')
    expect(await values('retry_after')).toEqual([2])
    const { runId } = await runToEnd(baram, 'policy')
    expect(await states('policy', runId)).toEqual({ soon: 'success', never: 'failed' })
    const tries = await baram.query(
      "select task_id, try_number from task_instance where dag_id = 'policy' order by task_id",
    )
    expect(tries).toEqual([
      { task_id: 'never', try_number: 1 },
      { task_id: 'soon', try_number: 3 },
    ])
  })

  it('47. triggerDagRun with resetDagRun lets the run that exists begin again', async () => {
    expect((await runToEnd(baram, 'again')).state).toBe('success')
    expect((await runToEnd(baram, 'again')).state).toBe('success')
    const [run] = await baram.query("select clear_number, state from dag_run where dag_id = 'target'")
    expect(run).toEqual({ clear_number: 1, state: 'success' })
    const [task] = await baram.query("select try_number from task_instance where dag_id = 'target'")
    expect(task).toEqual({ try_number: 2 })
  })
})
