// From a task's body to how its attempt ended: every way out of a body is a result, and nothing is ever thrown.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { type AttemptHost, resultOfError, runAttempt, runBody } from '../../child/attempt.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import type { AttemptResult, AttemptSpec } from '../../core/protocol.ts'
import {
  Dag,
  type DagSpec,
  defineOperator,
  empty,
  FailTask,
  getClient,
  getContext,
  getLogger,
  getOperatorContext,
  type Operator,
  RetryTask,
  SkipTask,
  shortCircuit,
  type TaskSpec,
} from '../../sdk/index.ts'
import { TaskDeferred, TaskRescheduled } from '../../sdk/signals.ts'
import { SPEC as BARE } from '../support/attempts.ts'

const SPEC: AttemptSpec = {
  ...BARE,
  attempt: 7,
  modulePath: '/modules/d.mjs',
  taskId: 'body',
  tryNumber: 2,
  fence: 'ti/2/1',
}

/** What the supervisor is asked and told. */
function makeHost(answer: JsonValue = null) {
  const said: [level: string, event: string, fields?: object][] = []
  const calls: [op: string, args: JsonObject][] = []
  const fields: JsonObject[] = []
  const abort = new AbortController()
  const host: AttemptHost = {
    calls: {
      make: (_, op, args) => {
        calls.push([op, args])
        return Promise.resolve(answer)
      },
      tellFields: (_, rendered) => void fields.push(rendered),
    },
    signal: abort.signal,
    say: (level, event, more) => void said.push(more === undefined ? [level, event] : [level, event, more]),
    now: () => 0,
  }
  return { host, said, calls, fields, abort }
}

/** Runs a handler as the task `body` of the DAG `d`. */
async function run(
  handler: (args: never) => unknown,
  {
    spec = {},
    task = {},
    dag = {},
    world = makeHost(),
  }: {
    spec?: Partial<AttemptSpec>
    task?: Partial<TaskSpec>
    dag?: Partial<DagSpec>
    world?: ReturnType<typeof makeHost>
  } = {},
) {
  const made = new Dag('d', dag)
  // What authors declare is checked by its type; here it is whatever a test needs.
  const declare = made.task as (id: string, body: unknown, spec: object) => () => unknown
  declare.call(made, 'body', handler, task)()
  const result = await runBody(made as never, { ...SPEC, ...spec }, world.host)
  return { ...world, result }
}

const ends = async (handler: (args: never) => unknown, spec: Partial<AttemptSpec> = {}) =>
  (await run(handler, { spec })).result
const throws = (error: unknown) => () => {
  throw error
}
const failed = (message: unknown, more: object = {}) => ({ kind: 'failure', message, isRetryable: true, ...more })

describe('a body that returns', () => {
  it('a value ends well with it; nothing, or a task that pushes nothing, without', async () => {
    expect(await ends(() => ({ rows: 3 }))).toEqual({ kind: 'success', value: { rows: 3 } })
    expect(await ends(async () => null)).toEqual({ kind: 'success', value: null })
    expect(await ends(() => undefined)).toEqual({ kind: 'success' })
    expect(await ends(() => 3, { doXcomPush: false })).toEqual({ kind: 'success' })
  })

  it('what is no JSON fails, and says where in it', async () => {
    expect(await ends(() => ({ at: { run: () => 1 } }))).toEqual(
      failed(expect.stringMatching(/^at\.run is a function, which JSON cannot hold/)),
    )
    expect(await ends(() => 1n)).toEqual(failed(expect.stringMatching(/^the value is a bigint/)))
  })

  it('any JSON hands it on as it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ noUnicodeString: false }), async (value) => {
        const result = await ends(() => value)
        if (result.kind === 'success') expect(result.value).toEqual(value)
        // What cannot be stored (NUL, halves of pairs, -0) is refused, never changed.
        else expect(result).toEqual(failed(expect.stringMatching(/\S/)))
      }),
      { numRuns: 100 },
    )
  })
})

describe('a body that throws', () => {
  it.each<[string, unknown, AttemptResult]>([
    ['an error', new Error('no table'), { kind: 'failure', message: 'no table', isRetryable: true }],
    ['a text', 'no table', { kind: 'failure', message: 'no table', isRetryable: true }],
    ['null', null, { kind: 'failure', message: 'a null was thrown: null', isRetryable: true }],
    ['FailTask', new FailTask('for good'), { kind: 'failure', message: 'for good', isRetryable: false }],
    ['RetryTask', new RetryTask('busy'), { kind: 'failure', message: 'busy', isRetryable: true }],
    [
      'RetryTask with a delay',
      new RetryTask('busy', { after: 2.5 }),
      { kind: 'failure', message: 'busy', isRetryable: true, retryAfterMs: 2_500 },
    ],
    [
      'RetryTask with a delay in the past',
      new RetryTask('busy', { after: -1 }),
      { kind: 'failure', message: 'busy', isRetryable: true, retryAfterMs: 0 },
    ],
    ['SkipTask', new SkipTask('no data'), { kind: 'skip', message: 'no data' }],
    ['SkipTask without a reason', new SkipTask(), { kind: 'skip', message: null }],
    ['that it pokes again later', new TaskRescheduled(20), { kind: 'reschedule', afterMs: 20_000 }],
    [
      'that it waits',
      new TaskDeferred({ kind: 'time', at: 5 }, 1.5),
      { kind: 'defer', wait: { kind: 'time', at: 5 }, timeoutMs: 1_500 },
    ],
    [
      'that it waits for ever',
      new TaskDeferred({ kind: 'time', at: 5 }, null),
      { kind: 'defer', wait: { kind: 'time', at: 5 }, timeoutMs: null },
    ],
  ])('%s ends as that says', async (_, error, result) => {
    expect(await ends(throws(error))).toEqual(result)
    expect(await ends(() => Promise.reject(error as Error))).toEqual(result)
  })

  it('whatever there is becomes a failure with a text that can be stored', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withNullPrototype: true, key: fc.stringMatching(/^[a-z]{1,3}$/) }),
        (thrown) => {
          const result = resultOfError(thrown, () => undefined)
          expect(result).toMatchObject({ kind: 'failure', isRetryable: true })
          if (result.kind === 'failure') expect(result.message).toMatch(/^[^\0]*$/)
        },
      ),
    )
  })

  it('leaves its exception in the log; a skip its reason', async () => {
    const broken = await run(throws(new Error('no table', { cause: new Error('timed out') })))
    expect(broken.said).toEqual([
      [
        'error',
        'Task failed with exception',
        { exception: expect.stringMatching(/no table[\s\S]*timed out/) as unknown },
      ],
    ])
    expect((await run(throws(new SkipTask('no data')))).said).toEqual([['info', 'Skipped: no data']])
  })
})

describe('a retry policy', () => {
  const policy = (answer: unknown) => ({ task: { retryPolicy: (() => answer) as never, retries: 3 } })

  it.each([
    ['that says no', { retry: false }, failed('no table', { isRetryable: false })],
    ['that says when', { retry: true, after: 3 }, failed('no table', { retryAfterMs: 3_000 })],
    ['that says yes', { retry: true }, failed('no table')],
    ['that has no opinion', undefined, failed('no table')],
  ])('%s is followed', async (_, answer, result) => {
    expect((await run(throws(new Error('no table')), policy(answer))).result).toEqual(result)
  })

  it('is asked with the error and the try', async () => {
    const error = new Error('no table')
    const asked: unknown[] = []
    const retryPolicy = (...args: unknown[]) => {
      asked.push(args)
      return { retry: true }
    }
    await run(throws(error), { task: { retryPolicy: retryPolicy as never, retries: 3 } })
    expect(asked).toEqual([[error, 2]])
  })

  it('that fails itself has no say, and says so', async () => {
    const task = { retries: 3, retryPolicy: throws(new Error('a bug')) as never }
    const { result, said } = await run(throws(new Error('no table')), { task })
    expect(result).toEqual(failed('no table'))
    expect(said.at(-1)).toEqual(['error', 'The retry policy failed and is ignored: a bug'])
  })

  it('has no say over a signal: the author has said what is meant', async () => {
    expect((await run(throws(new FailTask('for good')), policy({ retry: true }))).result).toMatchObject({
      isRetryable: false,
    })
    expect((await run(throws(new SkipTask('no data')), policy({ retry: true }))).result.kind).toBe('skip')
  })
})

describe('a body', () => {
  it('gets its arguments by name, and fails before it runs when an upstream pushed none', async () => {
    const add = ({ left, right }: { left: number; right: number }) => left + right
    const inputs = [
      { name: 'left', value: 1 },
      { name: 'right', value: 2 },
    ]
    expect(await ends(add as never, { inputs })).toEqual({ kind: 'success', value: 3 })
    let hasRun = false
    const spy = () => {
      hasRun = true
    }
    const missing = [{ name: 'left', value: null, missingFrom: 'load' }]
    expect(await ends(spy, { inputs: missing })).toEqual(
      failed(expect.stringContaining('task "load" pushed no return')),
    )
    expect(hasRun).toBe(false)
  })

  it('sees its own attempt, its signal and its supervisor', async () => {
    const world = makeHost('stored')
    const { result } = await run(
      async () => {
        const { dagId, taskId, runId, tryNumber, mapIndex, signal } = getContext()
        getLogger().info({ rows: 3 }, 'loaded')
        world.abort.abort()
        return [dagId, taskId, runId, tryNumber, mapIndex, signal.aborted, await getClient().getVariable('key')]
      },
      { world },
    )
    expect(result).toEqual({ kind: 'success', value: ['d', 'body', 'r', 2, -1, true, 'stored'] })
    expect(world.calls).toEqual([['getVariable', expect.objectContaining({ key: 'key' })]])
    expect(world.said).toEqual([['info', 'loaded', { fields: { rows: 3 } }]])
  })

  it('never sees another attempt that runs beside it', async () => {
    const gate = Promise.resolve()
    const name = async () => {
      await gate
      return getContext().runId
    }
    const both = await Promise.all([ends(name, { runId: 'a' }), ends(name, { runId: 'b' })])
    expect(both).toEqual([
      { kind: 'success', value: 'a' },
      { kind: 'success', value: 'b' },
    ])
  })

  it('names the tasks that it skips, by what it decides or by their ids', async () => {
    const dag = new Dag('d')
    const decides = dag.task(
      'body',
      shortCircuit(() => false),
    )()
    decides.before(dag.task('later', empty())())
    expect(await runBody(dag as never, SPEC, makeHost().host)).toMatchObject({ kind: 'success', skips: ['later'] })
    const skipsOne = () => void getOperatorContext().skip(['other'])
    expect(await ends(skipsOne)).toEqual({ kind: 'success', skips: ['other'] })
  })
})

describe('an operator', () => {
  const waiting = defineOperator({
    name: 'Waiting',
    execute: (): JsonValue => 'executed',
    resume: (_op: unknown, event: JsonValue) => ({ event }),
  })
  const runOperator = async (operator: Operator<never, unknown>, resume: AttemptSpec['resume']) => {
    const dag = new Dag('d')
    dag.task('body', operator as never)()
    return await runBody(dag as never, { ...SPEC, resume }, makeHost().host)
  }

  it('executes, or resumes with the event of its trigger', async () => {
    expect(await runOperator(waiting, null)).toEqual({ kind: 'success', value: 'executed' })
    expect(await runOperator(waiting, { event: 'came' })).toEqual({ kind: 'success', value: { event: 'came' } })
  })

  it('that cannot go on says what it lacks', async () => {
    const stuck = defineOperator({ name: 'Stuck', execute: () => 1 })
    expect(await runOperator(stuck, { event: null })).toEqual(
      failed('Stuck was deferred but has no resume(…) to go on with'),
    )
  })
})

describe('an attempt of a module on disk', () => {
  const folder = mkdtempSync(join(tmpdir(), 'baram-attempt-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const attempt = (modulePath: string) => runAttempt({ ...SPEC, modulePath }, makeHost().host)
  const write = (name: string, code: string) => {
    writeFileSync(join(folder, name), code)
    return join(folder, name)
  }

  // Nothing found is a failure, and its process is not used again: what it has loaded stays in it.
  it.each([
    ['is not there', () => join(folder, 'nowhere.mjs'), /nowhere\.mjs/],
    ['is empty', () => write('empty.mjs', ''), /holds no DAG d, although its version has it/],
    ['has another DAG', () => write('other.mjs', 'export const x = { dagId: "d" }'), /holds no DAG d/],
    ['throws while it is loaded', () => write('throws.mjs', 'throw new Error("no table")'), /no table/],
  ])('that %s fails, and leaves its process to nobody', async (_, path, message) => {
    expect(await attempt(path())).toEqual({ result: failed(expect.stringMatching(message)), isTainted: true })
  })

  it('whose DAG lacks the task fails: a run is pinned to a version that has it', async () => {
    const result = await runBody(new Dag('d') as never, SPEC, makeHost().host)
    expect(result).toEqual(failed(expect.stringContaining('holds no task body in DAG d, although its version has it')))
  })
})
