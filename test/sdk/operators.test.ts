// Sensors, branches and short circuits in a made-up world: nothing here waits.

import { describe, expect, test } from 'vitest'
import type { OperatorContext } from '../../sdk/context.ts'
import { branch, FailTask, getClient, getContext, getRun, latestOnly, SkipTask, shortCircuit } from '../../sdk/index.ts'
import { type SensorSpec, sensor, sensorWith } from '../../sdk/sensor.ts'
import { TaskDeferred, TaskRescheduled } from '../../sdk/signals.ts'
import type { TriggerContext } from '../../sdk/trigger.ts'
import { REAL_TIME } from '../../sdk/waiting.ts'
import { type MadeUp, madeUpContext } from '../support/operator-context.ts'

const START = Date.UTC(2026, 0, 1)

/** A clock that moves only by sleeping. */
function clockwork() {
  let now = START
  const slept: number[] = []
  return {
    slept,
    now: () => now,
    sleep: (seconds: number) => {
      slept.push(seconds)
      now += seconds * 1000
      return Promise.resolve()
    },
  }
}
const contextOf = (given: Partial<MadeUp> = {}) =>
  madeUpContext({ embeddedRoot: '/', triedAt: new Date(START), ...given })
/** True from the n-th look on. */
const onLook = (n: number) => {
  let looks = 0
  return () => ++looks >= n
}

describe('a sensor', () => {
  test('looks every interval until it is there; a value becomes the XCom', async () => {
    const time = clockwork()
    let looks = 0
    const poke = ({ path }: { path: string }) => ({ done: ++looks === 3, value: path })
    expect(await sensorWith(time, { poke }).execute(contextOf(), { path: '/in' })).toBe('/in')
    expect(time.slept).toEqual([60, 60])
    expect(await sensorWith(time, { poke: () => true }).execute(contextOf(), {})).toBeUndefined()
  })

  test('fails without a retry once its timeout has passed since the try began; softFail skips', async () => {
    const late = (softFail: boolean) => async () =>
      sensorWith(clockwork(), { poke: () => false, timeout: 100, softFail }).execute(contextOf(), {})
    await expect(late(false)()).rejects.toThrow(FailTask)
    await expect(late(true)()).rejects.toThrow(SkipTask)
    const triedAt = new Date(START - 200_000)
    await expect(
      (async () => sensorWith(clockwork(), { poke: () => false, timeout: 100 }).execute(contextOf({ triedAt }), {}))(),
    ).rejects.toThrow('it has waited for 200 s, its timeout is 100 s')
  })

  test('counts its timeout from the first try on, and looks a last time when it is over', async () => {
    const time = clockwork()
    const firstTriedAt = new Date(START - 70_000)
    const run = sensorWith(time, { poke: () => false, timeout: 120, pokeInterval: 30 })
    await expect((async () => run.execute(contextOf({ firstTriedAt }), {}))()).rejects.toThrow(
      'it has waited for 120 s, its timeout is 120 s',
    )
    expect(time.slept).toEqual([30, 20])
  })

  test('hands on what a look throws; FailTask is soft as well', async () => {
    const throwing =
      (error: Error, softFail = false) =>
      async () =>
        sensorWith(clockwork(), {
          poke: () => {
            throw error
          },
          softFail,
        }).execute(contextOf(), {})
    await expect(throwing(new Error('no server'), true)()).rejects.toThrow('no server')
    await expect(throwing(new FailTask('never'))()).rejects.toThrow(FailTask)
    await expect(throwing(new FailTask('never'), true)()).rejects.toThrow(SkipTask)
    await expect(throwing(new SkipTask('not today'))()).rejects.toThrow(SkipTask)
    const wrong = sensorWith(clockwork(), { poke: () => 'yes' as never })
    await expect((async () => wrong.execute(contextOf(), {}))()).rejects.toThrow('true, false or { done, value }')
  })

  test('backs off from half its interval, doubling, with jitter, never beyond maxWait or its timeout', async () => {
    const time = clockwork()
    await sensorWith(time, { poke: onLook(6), exponentialBackoff: true, pokeInterval: 60, maxWait: 500 }).execute(
      contextOf(),
      {},
    )
    const bounds = [30, 60, 120, 240, 480]
    expect(time.slept).toHaveLength(5)
    for (const [i, seconds] of time.slept.entries()) {
      expect(seconds).toBeGreaterThanOrEqual(Math.min(500, bounds[i] ?? 0))
      expect(seconds).toBeLessThan(Math.min(501, (bounds[i] ?? 0) * 2))
    }
    const again = clockwork()
    await sensorWith(again, { poke: onLook(6), exponentialBackoff: true, maxWait: 500 }).execute(contextOf(), {})
    expect(again.slept).toEqual(time.slept)
  })

  test('gives its slot back between two looks in mode reschedule', async () => {
    const run = sensorWith(clockwork(), { poke: () => false, mode: 'reschedule', pokeInterval: 5 })
    const ended = await (async () => run.execute(contextOf(), {}))().catch((error: unknown) => error)
    expect(ended).toBeInstanceOf(TaskRescheduled)
    expect((ended as TaskRescheduled).after).toBe(5)
  })

  const deferred = async (spec: Partial<SensorSpec<{ path: string }, string>>) => {
    const time = clockwork()
    const poke = ({ path }: { path: string }) => ({ done: false, value: path })
    const run = sensorWith<{ path: string }, string>(time, { poke, mode: 'defer', pokeInterval: 5, ...spec })
    const context = contextOf()
    const ended = await (async () => run.execute(context, { path: '/in' }))().catch((error: unknown) => error)
    if (!(ended instanceof TaskDeferred) || ended.wait.kind !== 'trigger') throw new Error('expected to be deferred')
    const event = await run.triggers?.[0]?.run({ ...context, sleep: time.sleep } as TriggerContext, ended.wait.args)
    return { time, resume: async () => run.resume?.(context, event ?? null, { path: '/in' }) }
  }

  test('looks once and then in the triggerer in mode defer, where it sees its client but not its run', async () => {
    const isThere = onLook(4)
    const { time, resume } = await deferred({
      poke: async ({ path }) => {
        const isDone = isThere()
        if (isDone) {
          expect(await getClient().getVariable('none')).toBeNull()
          expect(() => getRun().runId).toThrow(/triggerer; use mode 'reschedule'/)
        }
        return { done: isDone, value: `${path} by ${isDone ? getContext().taskId : ''}` }
      },
    })
    expect(time.slept).toEqual([5, 5, 5])
    expect(await resume()).toBe('/in by task')
  })

  test('ends in the triggerer as it would in a slot', async () => {
    await expect((await deferred({ timeout: 12 })).resume()).rejects.toThrow(FailTask)
    await expect((await deferred({ timeout: 12, softFail: true })).resume()).rejects.toThrow(SkipTask)
    const isSecond = onLook(2)
    const poke = () => {
      if (isSecond()) throw new SkipTask('gone')
      return false
    }
    await expect((await deferred({ poke })).resume()).rejects.toThrow(SkipTask)
  })

  test('checks its options', () => {
    for (const [spec, what] of [
      [{ poke: 5 }, 'poke must be a function'],
      [{ pokeInterval: -1 }, 'pokeInterval must be'],
      [{ timeout: Number.NaN }, 'timeout must be'],
      [{ maxWait: '5' }, 'maxWait must be'],
      [{ mode: 'sleep' }, 'mode is poke, reschedule or defer'],
    ] as const)
      expect(() => sensor(Object.assign({ poke: () => true }, spec) as never)).toThrow(what)
  })
})

test('real time sleeps, and rejects with the reason of its signal', async () => {
  await REAL_TIME.sleep(0, new AbortController().signal)
  const abort = new AbortController()
  const sleeping = REAL_TIME.sleep(3600, abort.signal)
  abort.abort(new Error('Task aborted by its run'))
  await expect(sleeping).rejects.toThrow('Task aborted by its run')
  expect(REAL_TIME.now()).toBeGreaterThan(START)
})

/** branch → a, b, g.x; a → join; branch → join. */
const BEHIND: Readonly<Record<string, readonly string[]>> = { a: ['join'], b: [], 'g.x': [], join: [] }
const branching = (given: Partial<MadeUp> = {}): OperatorContext & { skipped: string[] } => ({
  ...contextOf(given),
  downstream: (all = false, of) =>
    of === undefined ? ['a', 'b', 'g.x', 'join', ...(all ? ['far'] : [])] : (BEHIND[of] ?? []),
})

describe('a branch', () => {
  const skippedBy = async (choice: unknown) => {
    const op = branching()
    expect(await branch(() => choice as string).execute(op, {})).toEqual(choice)
    return op.skipped
  }
  test('skips what stands directly behind and was not chosen, but not where the chosen one leads', async () => {
    expect(await skippedBy('a')).toEqual(['b', 'g.x'])
    expect(await skippedBy(['a', 'b'])).toEqual(['g.x'])
    expect(await skippedBy('join')).toEqual(['a', 'b', 'g.x'])
    expect(await skippedBy('g')).toEqual(['a', 'b', 'join'])
    expect(await skippedBy(null)).toEqual(['a', 'b', 'g.x', 'join'])
    expect(await skippedBy([])).toEqual(['a', 'b', 'g.x', 'join'])
  })

  test('that names anything else fails and skips nothing', async () => {
    for (const choice of ['far', ['a', 'nowhere'], 5, [1], { a: 1 }]) {
      const op = branching()
      await expect((async () => branch(() => choice as string).execute(op, {}))(), String(choice)).rejects.toThrow(
        'a branch m',
      )
      expect(op.skipped).toEqual([])
    }
  })
})

test('a short circuit skips everything behind when its value is falsy, or only what stands directly behind', async () => {
  const skipped = async (value: unknown, options = {}) => {
    const op = branching()
    expect(await shortCircuit(() => value, options).execute(op, {})).toBe(value)
    return op.skipped
  }
  expect(await skipped(1)).toEqual([])
  expect(await skipped(0)).toEqual(['a', 'b', 'g.x', 'join', 'far'])
  expect(await skipped(null, { ignoreDownstreamTriggerRules: false })).toEqual(['a', 'b', 'g.x', 'join'])
})

test('latestOnly skips what stands directly behind unless the run is the latest, or manual', async () => {
  const skipped = async (runType: 'scheduled' | 'manual', isLatest: boolean) => {
    const base = branching()
    const op = { ...base, run: { ...base.run, runType }, isLatest: () => isLatest }
    await latestOnly().execute(op, {})
    return op.skipped.length
  }
  expect([await skipped('scheduled', true), await skipped('scheduled', false), await skipped('manual', false)]).toEqual(
    [0, 4, 0],
  )
})
