// `triggerDagRun` against a made-up deployment (checklist 47).

import { expect, test } from 'vitest'
import type { RunStatus, TriggerRunRequest } from '../../../sdk/context.ts'
import { Dag } from '../../../sdk/facade/index.ts'
import { FailTask, SkipTask, TaskDeferred } from '../../../sdk/signals.ts'
import type { TriggerContext } from '../../../sdk/trigger.ts'
import { type TriggerDagRunSpec, triggerDagRun, triggerDagRunWith } from '../../../sdk/trigger-dag-run.ts'
import { madeUpContext } from '../../support/operator-context.ts'
import { read, taskOf } from './read.ts'

const NOW = Date.UTC(2026, 0, 2)

function world(states: readonly RunStatus['state'][] = [], exists = false) {
  const asked: TriggerRunRequest[] = []
  const xcoms: [string, unknown][] = []
  const slept: number[] = []
  const left = [...states]
  const op = madeUpContext({
    embeddedRoot: '/',
    runs: {
      trigger: (request) => {
        asked.push(request)
        return Promise.resolve({ runId: 'made', exists })
      },
      state: (dagId, by) => {
        const state = left.shift()
        const runId = 'runId' in by ? by.runId : ''
        return Promise.resolve(state === undefined ? null : { dagId, runId, state, logicalDate: null })
      },
      taskStates: () => Promise.resolve(null),
      previousSuccess: () => Promise.resolve(null),
    },
  })
  const setXCom = (opts: { key: string; value: unknown }) => Promise.resolve(void xcoms.push([opts.key, opts.value]))
  const context = { ...op, client: { ...op.client, setXCom } }
  const time = { now: () => NOW, sleep: (seconds: number) => Promise.resolve(void slept.push(seconds)) }
  const run = (spec: Omit<TriggerDagRunSpec, 'dagId'>) =>
    triggerDagRunWith(time, { dagId: 'other', ...spec }).execute(context, {})
  return { asked, xcoms, slept, run, context }
}

test('47. asks for the run with its dates: unset means now, or none when runAfter is set', async () => {
  const runAfter = new Date('2026-02-01T00:00:00Z')
  for (const [spec, request] of [
    [{}, { logicalDate: new Date(NOW) }],
    [{ runAfter }, { runAfter, logicalDate: null }],
    [{ logicalDate: null }, { logicalDate: null }],
    [
      { logicalDate: runAfter, runId: 'r', conf: { a: 1 }, note: 'n' },
      { logicalDate: runAfter, runId: 'r', conf: { a: 1 }, note: 'n' },
    ],
    [
      { resetDagRun: true, failWhenDagIsPaused: true },
      { resetDagRun: true, failWhenDagIsPaused: true, logicalDate: new Date(NOW) },
    ],
  ] as const) {
    const { run, asked, xcoms } = world()
    expect(await run(spec)).toBeUndefined()
    expect(asked).toEqual([{ dagId: 'other', ...request }])
    expect(Object.fromEntries(xcoms)).toEqual({
      trigger_run_id: 'made',
      _link_TriggerDagRunLink: '/dags/other/runs/made',
    })
  }
})

test('47. a run that exists skips the task or fails it for good', async () => {
  await expect(world([], true).run({})).rejects.toThrow(FailTask)
  await expect(world([], true).run({ skipWhenAlreadyExists: true })).rejects.toThrow(SkipTask)
})

test('47. waits in steps of its interval until a state that passes or fails', async () => {
  const passes = world(['queued', 'running', 'success'])
  await passes.run({ waitForCompletion: true })
  expect(passes.slept).toEqual([60, 60, 60])
  await expect(world(['running', 'failed']).run({ waitForCompletion: true, pokeInterval: 0 })).rejects.toThrow(
    'run made of DAG other ended in state failed',
  )
  await world(['failed', 'success']).run({ waitForCompletion: true, failedStates: [], allowedStates: [] })
  await expect(world().run({ waitForCompletion: true })).rejects.toThrow('does not exist any more')
  await expect(world(['running']).run({ waitForCompletion: true, failedStates: ['running'] })).rejects.toThrow(
    'running',
  )
})

test('47. deferrable: its trigger looks for it, and the task goes on with the state', async () => {
  const { run, context } = world(['running', 'failed'])
  const spec = { dagId: 'other', waitForCompletion: true, deferrable: true, pokeInterval: 5 }
  const deferred = await Promise.resolve(run(spec)).catch((error: unknown) => error)
  expect(deferred).toBeInstanceOf(TaskDeferred)
  const { wait } = deferred as TaskDeferred
  if (wait.kind !== 'trigger') throw new Error('expected a trigger')
  const operator = triggerDagRun(spec)
  const slept: number[] = []
  const watching = { ...context, sleep: (seconds: number) => Promise.resolve(void slept.push(seconds)) }
  const event = await operator.triggers?.[0]?.run(watching as TriggerContext, wait.args)
  expect(slept).toEqual([5])
  expect(() => operator.resume?.(context, event ?? null, {})).toThrow('ended in state failed')
})

test('47. checks its options at the call, and a conf that is not JSON when the DAG is read', () => {
  for (const [spec, what] of [
    [{}, 'dagId'],
    [{ dagId: 5 }, '"dagId" must be text'],
    [{ dagId: 'x', wait: true }, 'Unknown option "wait"'],
    [{ dagId: 'x', logicalDate: new Date(Number.NaN) }, '"logicalDate" must be a valid Date'],
    [{ dagId: 'x', pokeInterval: -1 }, 'at least 0'],
    [{ dagId: 'x', allowedStates: ['done'] }, '"done"'],
    [{ dagId: 'x', conf: [] }, '"conf" must be'],
  ] as const)
    expect(() => triggerDagRun(spec as never)).toThrow(what)
  const dag = new Dag('d')
  dag.task('go', triggerDagRun({ dagId: 'x', conf: { at: new Date(0) as never } }))()
  expect(() => read(dag)).toThrow(/conf.at is a Date/)
})

test('47. needs an id, takes no inputs, and shows its options', () => {
  const dag = new Dag('d')
  expect(() => dag.task(triggerDagRun({ dagId: 'x' }))).toThrow('TriggerDagRunOperator needs an id')
  const go = dag.task(triggerDagRun({ dagId: 'x', runAfter: new Date(0) }), { taskId: 'go' })
  expect(() => (go as (inputs: unknown) => unknown)({ a: 1 })).toThrow('takes no inputs, found "a"')
  go()
  expect(taskOf(dag, 'go')).toMatchObject({
    operator: 'TriggerDagRunOperator',
    options: { dagId: 'x', runAfter: '1970-01-01T00:00:00.000Z' },
    skips: false,
  })
})
