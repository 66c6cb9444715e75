// `baram/testing`: whole runs in one process, without waiting.

import {
  branch,
  Dag,
  defineOperator,
  defineParams,
  defineTrigger,
  expand,
  getClient,
  getLogger,
  getParams,
  getRun,
  param,
  RetryTask,
  recordEffect,
  SkipTask,
  sensor,
  triggerDagRun,
} from 'baram'
import { runDag, runTask } from 'baram/testing'
import { describe, expect, it } from 'vitest'

const minutes = (from: Date, to: Date) => (to.getTime() - from.getTime()) / 60_000
const at = new Date('2026-03-18T09:00:00Z')

describe('runDag', () => {
  it('hands values on and tells states, XComs and logs', async () => {
    const dag = new Dag('sum')
    const rows = dag.task('rows', () => [1, 2, 3])
    const total = dag.task('total', ({ rows }: { rows: number[] }) => {
      getLogger().info({ rows: rows.length }, 'adding')
      return rows.reduce((sum, row) => sum + row, 0)
    })
    total({ rows: rows() })
    const run = await runDag(dag, { date: '2026-03-18' })
    expect(run).toMatchObject({
      state: 'success',
      runId: 'manual__2026-03-18T00:00:00+00:00',
      states: { rows: 'success', total: 'success' },
      xcoms: { rows: [1, 2, 3], total: 6 },
      tries: { rows: 1, total: 1 },
    })
    expect(run.logs).toEqual([
      {
        taskId: 'total',
        mapIndex: -1,
        tryNumber: 1,
        level: 'info',
        message: 'adding',
        fields: { fields: { rows: 3 } },
      },
    ])
  })

  it('retries without waiting, and moves the clock by each delay', async () => {
    const dag = new Dag('flaky')
    let tries = 0
    dag.task(
      'flaky',
      () => {
        if (++tries < 3) throw new Error(`no luck ${tries}`)
        return tries
      },
      { retries: 2, retryDelay: 600 },
    )()
    const run = await runDag(dag, { at })
    expect(run).toMatchObject({ state: 'success', xcoms: { flaky: 3 }, tries: { flaky: 3 } })
    expect(minutes(at, run.endedAt)).toBe(20)
    expect(run.logs.map((line) => [line.tryNumber, line.level])).toEqual([
      [1, 'error'],
      [2, 'error'],
    ])
  })

  it('a task may ask for a later retry, and fails when no try is left', async () => {
    const dag = new Dag('busy')
    const busy = dag.task('busy', () => Promise.reject(new RetryTask('busy', { after: 3600 })), { retries: 1 })()
    busy.before(dag.task('after', () => 1)())
    const run = await runDag(dag, { at })
    expect(run).toMatchObject({ state: 'failed', states: { busy: 'failed', after: 'upstream_failed' } })
    expect(minutes(at, run.endedAt)).toBe(60)
    expect(run.tasks[0]?.because).toBe('Failed on the last try: busy')
  })

  it('branches skip what was not chosen, and trigger rules join', async () => {
    const dag = new Dag('ways')
    const [mail, chat] = [dag.task('mail', () => 1)(), dag.task('chat', () => 2)()]
    dag
      .task(
        'which',
        branch(() => 'mail'),
      )()
      .before(mail, chat)
    dag
      .task('tell', () => 'told', { triggerRule: 'none_failed_min_one_success' })()
      .after(mail, chat)
    const run = await runDag(dag)
    expect(run.states).toEqual({ which: 'success', mail: 'success', chat: 'skipped', tell: 'success' })
    expect(run.tasks.find((task) => task.taskId === 'chat')?.because).toBe('Skipped by branch which.')
  })

  it('mapped tasks run over what their upstream returned', async () => {
    const dag = new Dag('mapped')
    const files = dag.task('files', () => ['a', 'b'])()
    const load = dag.task('load', ({ file, to }: { file: string; to: string }) => {
      if (file === 'b') throw new SkipTask('empty')
      return file + to
    })
    dag.task('count', ({ all }: { all: string[] }) => all, { triggerRule: 'all_done' })({
      all: expand(load, { file: files, to: ['1', '2'] }),
    })
    const run = await runDag(dag)
    expect(run.states).toMatchObject({
      'load[0]': 'success',
      'load[1]': 'success',
      'load[2]': 'skipped',
      'load[3]': 'skipped',
    })
    expect(run.xcoms['count']).toEqual(['a1', 'a2'])
  })

  it.each(['poke', 'reschedule', 'defer'] as const)(
    'a sensor in mode %s looks until its time is over',
    async (mode) => {
      const dag = new Dag('sensing')
      let looks = 0
      dag.task('late', sensor({ poke: () => ++looks > 5, mode, pokeInterval: 60 }))()
      dag.task('never', sensor({ poke: () => false, mode, pokeInterval: 600, timeout: 3600 }))()
      const run = await runDag(dag, { at })
      expect(run.states).toEqual({ late: 'success', never: 'failed' })
      expect(looks).toBe(6)
      expect(run.tasks.find((task) => task.taskId === 'never')?.because).toContain('its timeout is 3600 s')
    },
  )

  it.each(['poke', 'reschedule', 'defer'] as const)(
    'a sensor in mode %s counts its timeout from its first look, whatever fails in between',
    async (mode) => {
      const dag = new Dag('blips')
      let looks = 0
      const poke = () => {
        if (++looks === 3) throw new Error('blip')
        return false
      }
      const spec = { retries: 3, retryDelay: 10 }
      dag.task('w', sensor({ poke, mode, pokeInterval: 30, timeout: 120 }), spec)()
      const run = await runDag(dag, { at })
      expect(run.tasks[0]).toMatchObject({ state: 'failed', tries: 2 })
      expect(run.tasks[0]?.because).toContain('it has waited for 120 s, its timeout is 120 s')
      expect(minutes(at, run.endedAt)).toBe(2)
    },
  )

  it('executionTimeout counts the whole try while it is deferred, and each poke of a rescheduled one', async () => {
    const run = async (mode: 'defer' | 'reschedule') => {
      const dag = new Dag('limits')
      dag.task('w', sensor({ poke: () => false, mode, pokeInterval: 10, timeout: 150 }), { executionTimeout: 30 })()
      const { tasks, endedAt } = await runDag(dag, { at })
      return [tasks[0]?.because, minutes(at, endedAt) * 60]
    }
    expect(await run('defer')).toEqual([expect.stringContaining('limit of 30 s'), 30])
    expect(await run('reschedule')).toEqual([expect.stringContaining('its timeout is 150 s'), 150])
  })

  it('a deferred task resumes with its event, or fails when that comes too late', async () => {
    const ready = defineTrigger<{ hours: number }>({
      name: 'ready',
      async run(trigger, { hours }) {
        await trigger.sleep(hours * 3600)
        return { hours }
      },
    })
    const wait = (hours: number) =>
      defineOperator<Record<never, never>, unknown>({
        name: 'Wait',
        triggers: [ready],
        execute: (op) => op.defer(ready({ hours }), { timeout: 7200 }),
        resume: (_op, event) => event,
      })
    const until = defineOperator<Record<never, never>, unknown>({
      name: 'Until',
      execute: (op) => op.defer(new Date('2026-03-18T12:00:00Z')),
      resume: (_op, event) => event,
    })
    const dag = new Dag('waits')
    dag.task('short', wait(1))()
    dag.task('long', wait(3))()
    dag.task('dated', until)()
    const run = await runDag(dag, { at })
    expect(run.states).toEqual({ short: 'success', long: 'failed', dated: 'success' })
    expect(run.xcoms).toEqual({ short: { hours: 1 }, dated: '2026-03-18T12:00:00.000Z' })
  })

  it('a try that takes too long by the virtual clock is timed out', async () => {
    const dag = new Dag('limited')
    dag.task('slow', sensor({ poke: () => false, pokeInterval: 60 }), { executionTimeout: 300 })()
    const run = await runDag(dag, { at })
    expect(run.states).toEqual({ slow: 'failed' })
    expect(run.tasks[0]?.because).toContain('limit of 300 s')
    expect(minutes(at, run.endedAt)).toBe(5)
  })

  it('a DAG that fails fast ends with its first failure, one with a time limit when it is over', async () => {
    const fast = new Dag('fast', { failFast: true })
    fast.task('bad', () => Promise.reject(new Error('bad')), { priorityWeight: 10 })()
    fast.task('other', () => 1)()
    expect(await runDag(fast)).toMatchObject({ state: 'failed', states: { bad: 'failed', other: 'skipped' } })
    const limited = new Dag('limit', { dagrunTimeout: 60 })
    limited.task('flaky', () => Promise.reject(new Error('no')), { retries: 1, retryDelay: 90 })()
    expect(await runDag(limited)).toMatchObject({ state: 'failed', states: { flaky: 'skipped' } })
  })

  it('Variables and Connections are made up, and what tasks write is told', async () => {
    const dag = new Dag('world')
    dag.task('ask', async () => {
      const client = getClient()
      await client.setVariable('seen', 'yes')
      await recordEffect({ kind: 'table', target: 'shop', rowsRead: 1, rowsWritten: 1, rowsRejected: 0 })
      const shop = await client.getConnectionOrThrow('shop')
      return {
        region: await client.getVariable('region'),
        shop: `${shop.type}/${shop.host}/${shop.port}`,
        none: await client.getConnection('none'),
      }
    })()
    dag.task('start', triggerDagRun({ dagId: 'other', conf: { a: 1 } }))()
    const run = await runDag(dag, {
      variables: { region: 'seoul' },
      connections: { shop: 'postgres://u:p@db:5432/shop' },
    })
    expect(run.xcoms['ask']).toEqual({ region: 'seoul', shop: 'postgres/db/5432', none: null })
    expect(run.variables).toEqual({ region: 'seoul', seen: 'yes' })
    expect(run.effects).toHaveLength(1)
    expect(run.started).toMatchObject([{ dagId: 'other', conf: { a: 1 } }])
  })

  it('secrets that a task was given are masked in its log', async () => {
    const dag = new Dag('secret')
    dag.task('tell', async () => {
      const { password } = await getClient().getConnectionOrThrow('shop')
      getLogger().info({ password, key: await getClient().getVariable('api_key') }, `it is ${password}`)
      throw new Error(`refused: ${password}`)
    })()
    const run = await runDag(dag, {
      connections: { shop: { conn_type: 'http', password: 's3cr3t-word' } },
      variables: { api_key: 'k3y-of-the-shop' },
    })
    expect(run.logs[0]?.message).toBe('it is ***')
    expect(run.tasks[0]?.because).toBe('Failed on the last try: refused: ***')
    expect(JSON.stringify(run.logs)).not.toMatch(/s3cr3t-word|k3y-of-the-shop/)
  })

  it('params come from the conf, which must fit', async () => {
    const params = defineParams({ limit: param(5, { type: 'integer' }) })
    const dag = new Dag('params', { params })
    dag.task('limit', () => getParams(params).limit)()
    expect((await runDag(dag, { conf: { limit: 7 } })).xcoms).toEqual({ limit: 7 })
    await expect(async () => runDag(dag, { conf: { limit: 'x' } })).rejects.toThrow('does not accept this conf')
  })

  it('one task runs with what is upstream of it', async () => {
    const dag = new Dag('part')
    const a = dag.task('a', () => 1)()
    const b = dag.task('b', ({ n }: { n: number }) => n + 1)({ n: a })
    b.before(dag.task('c', () => 1)())
    dag.task('d', () => 1)()
    expect((await runDag(dag, { task: 'b' })).states).toEqual({ a: 'success', b: 'success' })
    await expect(async () => runDag(dag, { task: 'x' })).rejects.toThrow('its tasks are a, b, c, d')
  })

  it('the run has its date', async () => {
    const dag = new Dag('dated', { schedule: '0 6 * * *' })
    dag.task('day', () => getRun().local.ds)()
    expect((await runDag(dag, { date: '2026-03-18T06:00:00Z' })).xcoms).toEqual({ day: '2026-03-18' })
  })
})

describe('runTask', () => {
  const dag = new Dag('tasks')
  const rows = dag.task('rows', () => [1, 2])()
  const sum = dag.task(
    'sum',
    ({ rows, factor }: { rows: number[]; factor: number }) => rows.length * factor,
  )({ rows, factor: 10 })

  it('runs a task alone, its inputs given by hand', async () => {
    expect(await runTask(sum, { inputs: { rows: [1, 2, 3] } })).toMatchObject({ state: 'success', value: 30, tries: 1 })
    expect(await runTask(dag, 'sum', { inputs: { rows: [], factor: 2 } })).toMatchObject({ value: 0 })
  })

  it('says which input is missing', async () => {
    await expect(async () => runTask(dag, 'sum')).rejects.toThrow('takes "rows" from another task')
  })
})

describe('callbacks', () => {
  it('are told and not called: a test pages nobody', async () => {
    const page = () => {
      throw new Error('called')
    }
    const dag = new Dag('told', {
      defaultArgs: { onFailureCallback: page, onRetryCallback: page, onSuccessCallback: page },
      onFailureCallback: [page, page],
    })
    const bad = dag.task('bad', () => Promise.reject(new Error('no')), { retries: 1 })()
    bad.after(dag.task('good', () => 1)())
    const { callbacks, state } = await runDag(dag)
    expect(state).toBe('failed')
    expect(callbacks.map(({ kind, taskId, tryNumber }) => `${kind} ${taskId} ${tryNumber}`)).toEqual([
      'success good 1',
      'retry bad 1',
      'failure bad 2',
      'failure null null',
      'failure null null',
    ])
    expect(callbacks[2]?.reason).toBe('Failed on the last try: no')
  })
})
