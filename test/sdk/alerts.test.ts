// Callbacks and deadlines as they are declared: what is stored of them, and what is refused with a sentence.

import { describe, expect, it } from 'vitest'
import * as facade from '../../sdk/facade/index.ts'
import { type Alert, Dag, deadlineAlert, defineNotifier, type TaskSpec } from '../../sdk/index.ts'
import { findCallback } from '../../sdk/read-alerts.ts'
import { serializeDag } from '../../sdk/serialize.ts'

const read = (dag: facade.Dag) => serializeDag(dag, { maxActiveTasks: 16, maxActiveRuns: 16 })
const told: string[] = []
const pager = defineNotifier({ kind: 'pager', notify: (_op, { text }) => void told.push(text) })
const say = (alert: Alert) => alert.text
const taskOf = (dag: facade.Dag, taskId: string) => read(dag).tasks.find((task) => task.taskId === taskId)

describe('callbacks', () => {
  it('are counted by kind; a DAG without any is stored as before', () => {
    const dag = new Dag('d', { onFailureCallback: [pager, say], onSuccessCallback: pager })
    dag.task('a', () => 1, { onRetryCallback: say, onSkippedCallback: say })()
    dag.task('b', () => 1)()
    expect(read(dag).callbacks).toEqual({ failure: 2, success: 1 })
    expect(taskOf(dag, 'a')?.callbacks).toEqual({ retry: 1, skipped: 1 })
    expect(Object.keys(taskOf(dag, 'b') ?? {})).not.toContain('callbacks')
    expect(Object.keys(read(new Dag('plain')))).toEqual(expect.not.arrayContaining(['callbacks', 'deadlines']))
  })

  it('of defaultArgs and groups are every task’s, the nearest counts; each is found again', () => {
    const [outer, inner, own] = [() => 'outer', () => 'inner', () => 'own']
    const dag = new Dag('d', { defaultArgs: { onFailureCallback: outer } })
    dag.task('plain', () => 1)()
    const group = dag.taskGroup('g', { defaultArgs: { onFailureCallback: inner } })
    group.task('in', () => 1)()
    group.task('own', () => 1, { onFailureCallback: [own, pager] })()
    read(dag)
    const find = (taskId: string | null, ordinal = 0) =>
      findCallback(dag, { taskId, kind: 'failure', deadlineKey: null, ordinal })
    expect([find('plain'), find('g.in'), find('g.own'), find('g.own', 1)]).toEqual([outer, inner, own, pager])
    expect([find('g.own', 2), find(null), find('gone')]).toEqual([null, null, null])
  })

  it.each<[TaskSpec, string]>([
    [
      { onFailureCallback: 'page me' as never },
      'option "onFailureCallback" must be a function, a notifier such as webhook(…), or a list of them, found string',
    ],
    [{ onRetryCallback: [say, null] as never }, 'option "onRetryCallback" must be a function, a notifier'],
    [{ deadline: { reference: 'slot' } as never }, 'option "deadline" must be deadlineAlert({…}), or a list of them'],
  ])('%j is refused', (spec, message) => {
    const dag = new Dag('d')
    dag.task('a', () => 1, spec)()
    expect(() => read(dag)).toThrow(message)
  })

  it('have Airflow’s names: the short one is told the long one, and the façade knows none', () => {
    expect(() => new Dag('d', { onFailure: say } as never)).toThrow('did you mean "onFailureCallback"?')
    expect(() => new facade.Dag('d', { onFailureCallback: say } as never)).toThrow('Unknown option "onFailureCallback"')
  })
})

describe('deadlines', () => {
  it('are stored with what they count from, and found by it', () => {
    const at = new Date('2026-03-01T00:00:00Z')
    const dag = new Dag('d', {
      schedule: '@hourly',
      deadline: [
        deadlineAlert({ reference: 'slot', interval: 600, callback: [pager, say] }),
        deadlineAlert({ reference: at, interval: -60, callback: say }),
        deadlineAlert({ reference: 'average_runtime', interval: 0, callback: say, maxRuns: 5 }),
      ],
    })
    dag.task('a', () => 1, { deadline: deadlineAlert({ reference: 'queued_at', interval: 30, callback: pager }) })()
    expect(read(dag).deadlines).toEqual([
      { key: 'slot+600', reference: 'slot', interval: 600, callbacks: 2 },
      { key: '2026-03-01T00:00:00.000Z-60', reference: 'fixed', interval: -60, at: at.toISOString(), callbacks: 1 },
      { key: 'average_runtime+0', reference: 'average_runtime', interval: 0, maxRuns: 5, minRuns: 5, callbacks: 1 },
    ])
    expect(taskOf(dag, 'a')?.deadlines).toEqual([
      { key: 'a: queued_at+30', reference: 'queued_at', interval: 30, callbacks: 1 },
    ])
    const find = (taskId: string | null, deadlineKey: string, ordinal: number) =>
      findCallback(dag, { taskId, kind: 'deadline', deadlineKey, ordinal })
    expect([find(null, 'slot+600', 1), find('a', 'a: queued_at+30', 0), find(null, 'slot+1', 0)]).toEqual([
      say,
      pager,
      null,
    ])
  })

  it.each([
    [
      { reference: 'sla', interval: 1 },
      'reference must be a valid Date or one of slot, last_success, last_rows, queued_at',
    ],
    [{ reference: 'fixed', interval: 1 }, 'reference must be a valid Date'],
    [{ reference: new Date(Number.NaN), interval: 1 }, 'reference must be a valid Date'],
    [{ reference: 'slot', interval: '10m' }, 'interval must be a number of seconds, found 10m'],
    [{ reference: 'slot', interval: -1 }, 'interval must be at least 0 seconds after slot, found -1'],
    [{ reference: 'queued_at', interval: 0 }, 'interval must be more than 0 seconds after queued_at, found 0'],
    [{ reference: 'slot', interval: 1e9 }, 'at most 31622400 (366 days), found 1000000000'],
    [{ reference: 'slot', interval: 1, maxRuns: 3 }, 'maxRuns and minRuns belong to the reference average_runtime'],
    [{ reference: 'average_runtime', interval: 1, maxRuns: 0 }, 'whole numbers from 1 to 1000'],
    [{ reference: 'slot', interval: 1, callback: 'x' }, 'callback must be a function, a notifier'],
    [{ reference: 'slot', interval: 1, callback: [] }, 'callback must be a function, a notifier'],
  ])('%j is refused where it is declared', (options, message) => {
    expect(() => deadlineAlert({ callback: say, ...options } as never)).toThrow(message)
  })

  it.each([
    ['@continuous', 'slot', 'a deadline by slot needs a schedule of dates'],
    [undefined, 'slot', 'a deadline by slot needs a schedule of dates'],
  ] as const)('on schedule %s by %s is an import error', (schedule, reference, message) => {
    const dag = new Dag('d', { schedule, deadline: deadlineAlert({ reference, interval: 1, callback: say }) })
    dag.task('a', () => 1)()
    expect(() => read(dag)).toThrow(message)
  })

  it('of a task counts from its run or its slot; two that count the same are one', () => {
    const wrong = new Dag('d', { schedule: '@hourly' })
    const stream = deadlineAlert({ reference: 'last_success', interval: 1, callback: say })
    wrong.task('a', () => 1, { deadline: stream })()
    expect(() => read(wrong)).toThrow('a task has no deadline by last_success; give it to the DAG')
    const twice = new Dag('d', { schedule: '@hourly', deadline: [stream, stream] })
    twice.task('a', () => 1)()
    expect(() => read(twice)).toThrow('two of them count last_success+1; give one deadline both callbacks')
    const few = deadlineAlert({ reference: 'average_runtime', interval: 1, callback: say, maxRuns: 2, minRuns: 3 })
    const dag = new Dag('d', { deadline: few })
    dag.task('a', () => 1)()
    expect(() => read(dag)).toThrow('minRuns 3 is more than maxRuns 2')
  })
})
