// What `baram` adds to the SDK's way of declaring: schedules, params, mapping, defaults, templates.

import { describe, expect, test } from 'vitest'
import { getPreviousRun, runInScope } from '../../sdk/context.ts'
import * as facade from '../../sdk/facade/index.ts'
import {
  branch,
  cron,
  Dag,
  defineParams,
  empty,
  events,
  expand,
  expandEach,
  getParams,
  param,
  type TaskRef,
  t,
  timetable,
  tpl,
  zip,
} from '../../sdk/index.ts'
import { isLatestRun } from '../../sdk/latest.ts'
import { madeUpContext, runOf } from '../support/operator-context.ts'
import { edgesOf, nothing, read, taskOf } from './ts-sdk/read.ts'

describe('schedules', () => {
  test('of several cron texts have one zone and no interval', () => {
    expect(
      read(new Dag('d', { schedule: cron(['0 6 * * *', '0 18 * * *'], { timezone: 'Asia/Seoul' }) })),
    ).toMatchObject({
      timezone: 'Asia/Seoul',
      timetable: { kind: 'crons', expressions: ['0 6 * * *', '0 18 * * *'], timezone: 'Asia/Seoul' },
    })
    expect(() => cron(['0 6 * * *'], { interval: true })).toThrow('leave out interval')
    expect(() => cron([])).toThrow('at least one')
    expect(() => cron(['61 * * * *'])).toThrow()
  })

  test('of dates are sorted, each once, and read in the DAG’s zone', () => {
    const [a, b] = [new Date('2026-03-01T00:00:00Z'), new Date('2026-02-01T00:00:00Z')]
    const dag = new Dag('d', { schedule: events([a, b, a], { description: 'launches' }), timezone: 'Asia/Seoul' })
    expect(read(dag)).toMatchObject({
      timezone: 'Asia/Seoul',
      timetable: { kind: 'events', at: [b.toISOString(), a.toISOString()], description: 'launches' },
    })
    expect(() => events([])).toThrow('at least one date')
    expect(() => events([new Date(Number.NaN)])).toThrow('position 0')
  })

  test('of one’s own are worked out when the file is read', () => {
    const from = new Date('2026-01-01T00:00:00Z')
    const day = 86_400_000
    const weekdays = (after: Date): Date => {
      const next = new Date(Math.floor(after.getTime() / day) * day + day)
      return [0, 6].includes(next.getUTCDay()) ? weekdays(next) : next
    }
    const { timetable: made } = read(
      new Dag('d', { schedule: timetable({ name: 'weekdays', from, next: weekdays, count: 3 }) }),
    )
    expect(made).toEqual({
      kind: 'events',
      at: ['2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z', '2026-01-05T00:00:00.000Z'],
      description: 'weekdays',
    })
    const of = (next: (after: Date) => Date | null, count?: number) => () =>
      timetable({ name: 'own', from, next, ...(count !== undefined && { count }) })
    expect(of((after) => after)).toThrow('must move forward')
    expect(of(() => null)).toThrow('it has no date')
    expect(of(() => new Date(Number.NaN))).toThrow('valid Date or null')
    expect(of(weekdays, 10_001)).toThrow('from 1 to 10000')
    let left = 2
    expect(of((after) => (left-- > 0 ? new Date(after.getTime() + day) : null))().timetable).toMatchObject({
      at: expect.objectContaining({ length: 2 }) as unknown,
    })
  })

  test('the façade takes none of them', () => {
    expect(() => read(new facade.Dag('d', { schedule: events([new Date(0)]) } as never))).toThrow('"schedule"')
  })
})

describe('the latest run', () => {
  const daily = { kind: 'cron', expression: '0 0 * * *', timezone: 'UTC', interval: true } as const
  const [start, end] = [new Date('2026-01-01T00:00:00Z'), new Date('2026-01-02T00:00:00Z')]
  test('is the one whose next interval has not ended', () => {
    const run = runOf(start, end)
    expect(isLatestRun(daily, run, Date.parse('2026-01-02T12:00:00Z'))).toBe(true)
    expect(isLatestRun(daily, run, Date.parse('2026-01-03T00:00:01Z'))).toBe(false)
    expect(isLatestRun({ kind: 'none' }, run, Date.parse('2030-01-01T00:00:00Z'))).toBe(true)
    const point = { ...run, dataInterval: { start, end: start } }
    expect(isLatestRun({ ...daily, interval: false }, point, Date.parse('2026-01-02T00:00:00Z'))).toBe(true)
    expect(isLatestRun({ ...daily, interval: false }, point, Date.parse('2026-01-02T00:00:01Z'))).toBe(false)
  })
})

describe('params', () => {
  test('are stored in their order with schema, default and description; a bare value is a default without schema', () => {
    const params = defineParams({
      limit: param(5, { type: 'integer', minimum: 1, description: 'rows' }),
      day: '2024-01-01',
      none: null,
      must: param.required({ type: 'string' }),
    })
    expect(read(new Dag('d', { params })).params).toEqual({
      limit: { value: 5, schema: { type: 'integer', minimum: 1 }, description: 'rows', position: 0 },
      day: { value: '2024-01-01', schema: {}, description: null, position: 1 },
      none: { value: null, schema: {}, description: null, position: 2 },
      must: { schema: { type: 'string' }, description: null, position: 3 },
    })
  })

  test('whose defaults are missing or do not fit make a scheduled DAG an import error', () => {
    const required = { must: param.required({ type: 'string' }) }
    expect(() => read(new Dag('d', { schedule: '@daily', params: required }))).toThrow(
      /Dag "d": param "must": .*found none/,
    )
    read(new Dag('d', { params: required }))
    const wrong = { limit: param('x', { type: 'integer' }), bad: { at: new Date(0) as never } }
    expect(() => read(new Dag('d', { params: wrong }))).toThrow(/param "bad": .*Date[\s\S]*param "limit": expected/)
    expect(() => read(new Dag('d', { params: 5 as never }))).toThrow('"params" must be an object')
    expect(() => param(5, 'integer' as never)).toThrow('must be an object')
    expect(() => param(Number.NaN)).toThrow('NaN')
    expect(() => new facade.Dag('d', { params: {} } as never)).toThrow('Unknown option')
  })

  test('are read inside a task', () => {
    const params = defineParams({ limit: 5 })
    const run = { ...runOf(new Date(0), new Date(1)), params: { limit: 7 } }
    expect(runInScope(madeUpContext({ embeddedRoot: '/', run }), () => getParams(params).limit)).toBe(7)
    expect(() => getParams(params)).toThrow('getParams() works only inside')
  })
})

test('the last successful run is told by the deployment', async () => {
  const context = madeUpContext({ embeddedRoot: '/' })
  expect(await runInScope(context, () => getPreviousRun())).toBeNull()
  await expect(getPreviousRun()).rejects.toThrow('getPreviousRun() works only inside')
})

describe('mapping', () => {
  const load = (dag: Dag, id = 'load') => dag.task(id, ({ n, s }: { n: number; s: string }) => ({ n, s }))

  test('over lists keeps their order, and draws edges from refs in lists and partial', () => {
    const dag = new Dag('d')
    const numbers = dag.task('numbers', () => [1, 2])()
    const text = dag.task('text', () => 'x')()
    expand(load(dag), { n: numbers }, { partial: { s: text } })
    expand(load(dag, 'literal'), { s: ['b', 'a'], n: numbers })
    expect(taskOf(dag, 'load')).toMatchObject({
      inputs: [{ name: 's', kind: 'ref', taskId: 'text' }],
      mapping: { kind: 'product', over: [{ name: 'n', kind: 'ref', taskId: 'numbers' }], fill: null },
    })
    expect(taskOf(dag, 'literal').mapping?.over).toEqual([
      { name: 's', kind: 'literal', value: ['b', 'a'] },
      { name: 'n', kind: 'ref', taskId: 'numbers' },
    ])
    expect(edgesOf(dag)).toEqual(['numbers → literal', 'numbers → load', 'text → load'])
  })

  test('side by side, over pairs of an object, and over a list of argument objects', () => {
    const dag = new Dag('d')
    expand(load(dag, 'zip'), zip({ n: [1, 2], s: ['x'] }))
    expand(load(dag, 'fill'), zip({ n: [1, 2], s: ['x'] }, { fill: null }))
    expand(
      dag.task('pairs', ({ pair }: { pair: readonly [string, number] }) => pair),
      { pair: { a: 1 } },
    )
    const jobs = dag.task('jobs', () => [{ n: 1 }])()
    expandEach(load(dag, 'each'), jobs, { partial: { s: 'x' } })
    expect(taskOf(dag, 'zip').mapping).toMatchObject({ kind: 'zip', fill: null })
    expect(taskOf(dag, 'fill').mapping?.fill).toEqual({ value: null })
    expect(taskOf(dag, 'pairs').mapping?.over).toEqual([{ name: 'pair', kind: 'literal', value: { a: 1 } }])
    expect(taskOf(dag, 'each')).toMatchObject({
      inputs: [{ name: 's', value: 'x' }],
      mapping: { kind: 'each', over: [{ name: '', kind: 'ref', taskId: 'jobs' }], fill: null },
    })
  })

  test('counts as the one call of a task', () => {
    const dag = new Dag('d')
    const factory = load(dag)
    expand(factory, { n: [1], s: ['x'] })
    expect(() => factory({ n: 1, s: 'x' })).toThrow('already called')
    expect(() => expand(factory, { n: [1], s: ['x'] })).toThrow('already called')
  })

  test('refuses what is no list, no task, or chooses what is skipped', () => {
    const dag = new Dag('d')
    const go = (over: unknown, options?: unknown) => () =>
      (expand as (...all: unknown[]) => unknown)(load(dag, `t${count++}`), over, options)
    let count = 0
    const ref = dag.task('ref', () => [1])()
    expect(go({ n: 5 })).toThrow('list "n": expected a task, an array or an object, found number')
    expect(go({ n: [ref] })).toThrow('draws no edge')
    expect(go({})).toThrow('at least one list')
    expect(go(ref)).toThrow('an object of named lists, found task "ref"')
    expect(go({ n: [1] }, { partial: { n: 1 } })).toThrow('"n" stands in the lists and in partial')
    expect(go({ n: [1] }, { limit: 1 })).toThrow('Unknown option "limit"')
    expect(go({ n: dag.taskGroup('g') })).toThrow('found group "g"')
    expect(go({ n: new Dag('d').task('x', () => [1])() })).toThrow('another DAG')
    expect(() => expand(ref as never, { n: [1] } as never)).toThrow('task "ref" is placed already')
    expect(() => expand((() => 1) as never, { n: [1] } as never)).toThrow('expected what dag.task(…) returned')
    const decision = dag.if(() => true, undefined, { taskId: 'decision' })
    decision.then(dag.task('yes', nothing)())
    expect(() => expand(decision as never, { n: [1] } as never)).toThrow('"decision" is a decision, which chooses')
    const chooses = dag.task(
      'chooses',
      branch(({ n }: { n: number }) => `t${n}`),
    )
    expect(() => expand(chooses, { n: [1] })).toThrow('BranchOperator chooses what is skipped and cannot be mapped')
    expect(() => expandEach(load(dag, 'each'), { a: 1 } as never)).toThrow('a list of argument objects')
    expand(
      dag.task('date', ({ at }: { at: unknown }) => at),
      { at: [new Date(0)] as never },
    )
    expect(() => read(dag)).toThrow('Date')
  })
})

describe('defaults', () => {
  test('of groups stand above the DAG’s and below a task’s own, the innermost on top', () => {
    const dag = new Dag('d', { defaultArgs: { retries: 1, pool: 'p', owner: 'dag' } })
    const outer = dag.taskGroup('outer', { defaultArgs: { retries: 2, pool: 'outer' } })
    const inner = outer.taskGroup('inner', { defaultArgs: { retries: 3 } })
    inner.task('a', nothing)()
    inner.task('b', nothing, { retries: 0 })()
    expect(read(dag).tasks).toMatchObject([
      { taskId: 'outer.inner.a', retries: 3, pool: 'outer', owner: 'dag' },
      { taskId: 'outer.inner.b', retries: 0, pool: 'outer', owner: 'dag' },
    ])
    expect(() => dag.taskGroup('g', { defaultArgs: { retry: 1 } as never })).toThrow('module is loading')
    expect(() => new Dag('d').taskGroup('g', { defaultArgs: { retry: 1 } as never })).toThrow('Unknown option "retry"')
    expect(() => new Dag('d').taskGroup('g', { defaultArgs: 5 as never })).toThrow('"defaultArgs" must be an object')
    const wrong = new Dag('d').taskGroup('g', { defaultArgs: { retries: 'x' } as never })
    expect(() => wrong.task('a', nothing)()).not.toThrow()
  })

  test('of a wrong type in a group are told when the DAG is read', () => {
    const dag = new Dag('d')
    dag.taskGroup('g', { defaultArgs: { retries: 'x' } as never }).task('a', nothing)()
    expect(() => read(dag)).toThrow('group "g", defaultArgs: option "retries" must be a finite number')
  })
})

test('a DAG that fails fast has only tasks of all_success, through both doors', () => {
  for (const Door of [Dag as unknown as typeof facade.Dag, facade.Dag]) {
    const dag = new Door('d', { failFast: true })
    dag.task('a', nothing)()
    dag.task('cleanup', nothing, { triggerRule: 'all_done' })()
    expect(() => read(dag)).toThrow(
      'task "cleanup": a DAG with failFast has only tasks of trigger rule all_success, found all_done',
    )
  }
})

test('an empty task takes nothing', () => {
  const dag = new Dag('d')
  const join: TaskRef = dag.task('join', empty())()
  expect(taskOf(dag, join.taskId)).toMatchObject({ operator: 'EmptyOperator', skips: false })
})

describe('templates', () => {
  test('become the text that is rendered', () => {
    expect(tpl`/x/dt=${t.local.ds}/${t.local.tsNodash}_${t.ts_nodash}.parquet`).toBe(
      '/x/dt={{local.ds}}/{{local.tsNodash}}_{{ts_nodash}}.parquet',
    )
    expect(tpl`${t.params['limit']} ${t.var.value['a']} ${t.var.json['a']?.['b']} ${t.conn['my-id']?.['host']}`).toBe(
      '{{params.limit}} {{var.value.a}} {{var.json.a.b}} {{conn.[my-id].host}}',
    )
    expect(tpl`${t.args['name']} ${5} ${'text'}`).toBe('{{args.name}} 5 text')
    expect(tpl`plain`).toBe('plain')
    expect(`${String(t.ds)}`).toBe('{{ds}}')
  })

  test('call macros, also one inside another', () => {
    const { macros } = t
    const add = (...args: unknown[]) => (macros['ds_add'] as (...all: unknown[]) => never)(...args)
    expect(tpl`${add(t.ds, 7)}`).toBe('{{ds_add ds 7}}')
    expect(tpl`${add(add(t.ds, 1), -1)} ${add('2024-01-01', true)}`).toBe(
      '{{ds_add (ds_add ds 1) -1}} {{ds_add "2024-01-01" true}}',
    )
    expect(tpl`${add('say "x"')}`).toBe(`{{ds_add 'say "x"'}}`)
    expect(() => add(`"'`)).toThrow('both kinds of quotes')
    expect(() => add(undefined)).toThrow('undefined')
  })

  test('refuse what is not there', () => {
    expect(() => tpl`/x/${undefined}`).toThrow('the value behind "/x/" is undefined')
    expect(() => t.params['a]b']).toThrow('cannot stand in a template')
  })
})
