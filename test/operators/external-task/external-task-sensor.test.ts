// Waiting for another DAG: when it is done, when it fails or skips, and which of its runs is meant.

import { describe, expect, test } from 'vitest'
import { judgeStates, missingTasks } from '../../../operators/external-task/check.ts'
import {
  ExternalTaskFailedError,
  type ExternalTaskSensorOptions,
  externalTaskSensor,
} from '../../../operators/external-task/external-task-sensor.ts'
import { FailTask, type RunApi, type RunStatus, SkipTask } from '../../../sdk/index.ts'
import { TaskRescheduled } from '../../../sdk/signals.ts'
import { type MadeUp, madeUpContext, runOf } from '../../support/operator-context.ts'

const lists = { allowedStates: ['success'], skippedStates: ['skipped'], failedStates: ['failed', 'upstream_failed'] }

describe('states', () => {
  test.each([
    [[{ a: ['success'] }], ['a'], 'done'],
    [[{ a: ['running'] }], ['a'], 'wait'],
    [[{ a: [null] }], ['a'], 'wait'],
    [[{ a: [] }], ['a'], 'wait'],
    [[{}], ['a'], 'wait'],
    [[null], ['a'], 'wait'],
    [[{ a: ['success'], b: ['running'] }], ['a', 'b'], 'wait'],
    [[{ a: ['success'], b: ['running'] }], ['a'], 'done'],
    [[{ a: ['success', 'success', 'success'] }], ['a'], 'done'],
    [[{ a: ['success', 'running'] }], ['a'], 'wait'],
    [[{ a: ['success'] }, { a: ['success'] }], ['a'], 'done'],
    [[{ a: ['success'] }, null], ['a'], 'wait'],
    [[{ a: ['failed'], b: ['running'] }], ['a', 'b'], { failed: 'a is failed' }],
    [[{ a: ['success', 'upstream_failed'] }], ['a'], { failed: 'a is upstream_failed' }],
    [[{ a: ['skipped'], b: ['running'] }], ['a', 'b'], { skipped: 'a is skipped' }],
    [[{ a: ['skipped'], b: ['failed'] }], ['a', 'b'], { failed: 'b is failed' }],
  ])('%j of %j: %j', (runs, names, verdict) => {
    expect(judgeStates(runs, names, lists)).toEqual(verdict)
  })

  test('tell tasks that a run does not have, once there is a run', () => {
    expect(missingTasks([null], ['a'])).toEqual([])
    expect(missingTasks([{ a: [] }], ['a', 'b'])).toEqual(['b'])
    expect(missingTasks([{}], ['constructor'])).toEqual(['constructor'])
  })
})

const DATE = new Date('2024-03-18T00:00:00Z')

interface Asked {
  readonly dagId: string
  readonly by: object
  readonly taskIds?: readonly string[] | undefined
}

function worldOf(states: { run?: RunStatus['state']; logicalDate?: Date | null; tasks?: Record<string, string[]> }) {
  const asked: Asked[] = []
  const runs: RunApi = {
    trigger: () => Promise.reject(new Error('not here')),
    previousSuccess: () => Promise.resolve(null),
    state: (dagId, by) => {
      asked.push({ dagId, by })
      const { run, logicalDate = DATE } = states
      return Promise.resolve(run === undefined ? null : { dagId, runId: 'r', state: run, logicalDate })
    },
    taskStates: (dagId, logicalDate, taskIds) => {
      asked.push({ dagId, by: { logicalDate }, taskIds })
      return Promise.resolve(states.tasks ?? null)
    },
  }
  return { asked, runs }
}

async function run(
  options: Partial<ExternalTaskSensorOptions>,
  states: Parameters<typeof worldOf>[0],
  world: Partial<MadeUp> = {},
) {
  const { asked, runs } = worldOf(states)
  const operator = externalTaskSensor({ externalDagId: 'other', mode: 'reschedule', ...options })
  const op = madeUpContext({ embeddedRoot: '/nowhere', triedAt: new Date(), runs, ...world })
  await operator.execute(op, {})
  return asked
}

describe('the sensor', () => {
  test('waits for the run of the same logical date', async () => {
    expect(await run({}, { run: 'success' })).toEqual([{ dagId: 'other', by: { logicalDate: DATE } }])
    await expect(run({}, { run: 'running' })).rejects.toThrow(TaskRescheduled)
    await expect(run({}, { run: 'failed' })).rejects.toThrow(TaskRescheduled)
    await expect(run({}, {})).rejects.toThrow(TaskRescheduled)
  })

  test('waits for tasks', async () => {
    const options = { externalTaskIds: ['a', 'b'] }
    expect(await run(options, { tasks: { a: ['success'], b: ['success'] } })).toEqual([
      { dagId: 'other', by: { logicalDate: DATE }, taskIds: ['a', 'b'] },
    ])
    await expect(run(options, { tasks: { a: ['success'] } })).rejects.toThrow(TaskRescheduled)
  })

  test('looks at an earlier date, or at those a function names', async () => {
    const [asked] = await run({ executionDelta: 86_400 }, { run: 'success' })
    expect(asked?.by).toEqual({ logicalDate: new Date('2024-03-17T00:00:00Z') })
    const executionDateFn = (date: Date) => [date, new Date(date.getTime() + 3_600_000)]
    const both = await run({ executionDateFn }, { run: 'success' })
    expect(both.map(({ by }) => by)).toEqual([{ logicalDate: DATE }, { logicalDate: new Date('2024-03-18T01:00:00Z') }])
    await expect(run({ executionDateFn: () => [] }, { run: 'success' })).rejects.toThrow(/must return a valid Date/)
  })

  test('fails, or with softFail skips, when something is in failedStates', async () => {
    const options = { externalTaskId: 'a', failedStates: ['failed'] }
    await expect(run(options, { tasks: { a: ['failed'] } })).rejects.toThrow(ExternalTaskFailedError)
    await expect(run({ ...options, softFail: true }, { tasks: { a: ['failed'] } })).rejects.toThrow(SkipTask)
    await expect(run({ skippedStates: ['failed'] }, { run: 'failed' })).rejects.toThrow(SkipTask)
    await run({ allowedStates: ['failed'] }, { run: 'failed' })
  })

  test('of a run without a logical date needs the other run’s id', async () => {
    const manual = { run: { ...runOf(DATE, DATE), logicalDate: null } }
    await expect(run({}, { run: 'success' }, manual)).rejects.toThrow(/no logical date.*externalDagRunId/)
    expect(await run({ externalDagRunId: 'r1' }, { run: 'success' }, manual)).toEqual([
      { dagId: 'other', by: { runId: 'r1' } },
    ])
    const tasks = { externalDagRunId: 'r1', externalTaskId: 'a' }
    await run(tasks, { run: 'running', tasks: { a: ['success'] } })
    await expect(run(tasks, { run: 'running', logicalDate: null })).rejects.toThrow(/only its end can be waited for/)
  })

  test('fails at once for a task that is not there, if asked to', async () => {
    const options = { externalTaskId: 'mistyped', checkExistence: true }
    await expect(run(options, { tasks: { a: ['success'] } })).rejects.toThrow(FailTask)
    await expect(run(options, {})).rejects.toThrow(TaskRescheduled)
  })

  test.each([
    [{ externalTaskId: 'a', externalTaskIds: ['b'] }, /not both/],
    [{ executionDelta: 1, externalDagRunId: 'r' }, /give one of/],
    [{ allowedStates: ['skipped'] }, /skipped is no state of a run/],
    [{ externalTaskId: 'a', failedStates: ['broken'] }, /broken is no state of a task/],
    [{ failedStates: ['success'] }, /success stands twice/],
  ])('%o is refused while the DAG is read', (options, reason) => {
    expect(() => externalTaskSensor({ externalDagId: 'other', ...options })).toThrow(reason)
  })
})
