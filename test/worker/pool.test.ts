// Which process an attempt gets, and what becomes of it: real children, told apart by their pids.

import { availableParallelism } from 'node:os'
import { afterEach, describe, expect, it } from 'vitest'
import { listProcesses } from '../../runtime/processes.ts'
import { type AttemptHarness, type EndedAttempt, startAttempts } from '../support/attempts.ts'
import { eventually } from '../support/baram.ts'

const CODE = `import { Dag, getContext } from 'baram'
export const dag = new Dag('d')
const task = (id, body) => dag.task(id, body)()
const never = () => new Promise(() => setInterval(() => undefined, 1000))
task('pid', () => process.pid)
task('moves', () => { process.chdir('/'); return process.pid })
task('hangs', async () => { console.log('hanging'); await never() })
task('dies', () => process.exit(7))
task('yields', async () => {
  const { signal } = getContext()
  await new Promise((done) => signal.aborted ? done() : signal.addEventListener('abort', done))
  return signal.reason.message
})
`

let harness: AttemptHarness
afterEach(() => harness.stop())

const returned = ({ result }: EndedAttempt) => (result?.kind === 'success' ? result.value : result)
const run = async (taskId: string) => returned(await harness.run(taskId))
/** Two at once, each in a process of its own. */
async function runBoth(): Promise<void> {
  const both = [harness.run('yields'), harness.run('yields')]
  await eventually('two processes', () => harness.pool.size === 2)
  for (const { attempt } of both) harness.pool.abort(attempt, 'test')
  await Promise.all(both)
}

const isThere = (pid: unknown) => listProcesses().some((process) => process.pid === pid)

describe('an attempt', () => {
  it('gets the process that was used last', async () => {
    harness = await startAttempts(CODE)
    await runBoth()
    expect(harness.pool.size).toBe(2)
    const last = await run('pid')
    for (let n = 0; n < 5; n++) expect(await run('pid')).toBe(last)
  })

  it('gets a process that was started ahead of need', async () => {
    harness = await startAttempts(CODE)
    harness.pool.warm(1)
    const pids = [...harness.pool.pids]
    expect(pids).toEqual([await run('pid')])
  })

  it('that isolates itself has a fresh process to itself, which nobody uses again', async () => {
    harness = await startAttempts(CODE)
    const warm = await run('pid')
    const alone = returned(await harness.run('pid', [], undefined, true))
    expect(alone).not.toBe(warm)
    expect(await run('pid')).toBe(warm)
    await eventually('the end of its process', () => !isThere(alone))
  })

  it('never meets what another one changed: its process is replaced', async () => {
    harness = await startAttempts(CODE)
    const changed = await run('moves')
    expect(await run('pid')).not.toBe(changed)
    await eventually('the end of the changed process', () => !isThere(changed))
  })

  it('never gets a process that has grown too large', async () => {
    harness = await startAttempts(CODE, { recycleMb: 1 })
    const first = await run('pid')
    expect(await run('pid')).not.toBe(first)
  })

  it('whose process dies is told how, once, and the next one has a process', async () => {
    harness = await startAttempts(CODE)
    const { result, exit } = await harness.run('dies')
    expect([result, exit]).toEqual([null, { code: 7, signal: null }])
    expect(await run('pid')).toEqual(expect.any(Number))
  })

  it('that is asked to stop may still end well', async () => {
    harness = await startAttempts(CODE)
    harness.pool.warm(1)
    const running = harness.run('yields')
    harness.pool.abort(running.attempt, 'worker shutdown')
    expect(returned(await running)).toBe('Task aborted by worker shutdown')
  })

  it('that is killed takes no other along', async () => {
    harness = await startAttempts(CODE)
    harness.pool.warm(2)
    const [hanging, other] = [harness.run('hangs'), harness.run('yields')]
    harness.pool.kill(hanging.attempt)
    expect((await hanging).exit?.signal).toBe('SIGKILL')
    harness.pool.abort(other.attempt, 'test')
    expect(returned(await other)).toBe('Task aborted by test')
  })
})

/** The end of an attempt that begins in the turn in which another ends: its process is still being drained. */
async function runBehind(taskId: string, then: (attempt: number) => void): Promise<EndedAttempt> {
  harness = await startAttempts(CODE)
  return await new Promise((resolve) => {
    const begin = () => {
      const waiting = harness.run(taskId)
      then(waiting.attempt)
      void waiting.then(resolve)
    }
    void harness.run('pid', [], () => queueMicrotask(begin))
  })
}

describe('an attempt that waits for a process which is drained', () => {
  it('gets it, and is told then that it was asked to stop meanwhile', async () => {
    const ended = await runBehind('yields', (attempt) => harness.pool.abort(attempt, 'its run'))
    expect(returned(ended)).toBe('Task aborted by its run')
    expect(harness.pool.size).toBe(1)
  })

  it('and is killed meanwhile never begins', async () => {
    const ended = await runBehind('hangs', (attempt) => harness.pool.kill(attempt))
    expect([ended.result, ended.exit, ended.lines]).toEqual([null, null, []])
    expect(await run('pid')).toEqual(expect.any(Number))
  })

  it('ends when the pool is closed meanwhile', async () => {
    const ended = await runBehind('hangs', () => void harness.pool.close())
    expect([ended.result, ended.exit]).toEqual([null, null])
  })
})

describe('attempts that wait for a process', () => {
  it('get one each, although there are more of them than cores', async () => {
    harness = await startAttempts(CODE)
    const all = Array.from({ length: availableParallelism() + 2 }, () => harness.run('yields'))
    await eventually('a process each', () => harness.pool.size === all.length)
    for (const { attempt } of all) harness.pool.abort(attempt, 'test')
    expect((await Promise.all(all)).map(returned)).toEqual(all.map(() => 'Task aborted by test'))
  })

  it('share a process a core while they are short', async () => {
    harness = await startAttempts(CODE)
    await runBoth()
    const pids = await Promise.all(Array.from({ length: 16 }, () => run('pid')))
    expect(new Set(pids).size).toBeLessThanOrEqual(2)
  })

  it('and whose process does not begin in time are told so, instead of holding up all others', async () => {
    harness = await startAttempts(CODE, { beginMs: 0 })
    const { result, exit } = await harness.run('pid')
    expect([result, exit?.signal]).toEqual([null, 'SIGKILL'])
  })

  it('and whose process cannot begin are told how it ended', async () => {
    harness = await startAttempts(CODE, { memoryMb: 0.5 })
    const { result, exit } = await harness.run('pid')
    expect([result, exit?.code === 0]).toEqual([null, false])
  })
})

describe('a pool', () => {
  it('lets go of processes that idle too long, but for one', async () => {
    harness = await startAttempts(CODE, { idleMs: 20 })
    await runBoth()
    await eventually('the end of one', () => harness.pool.size < 2)
    const [left] = harness.pool.pids
    expect(await run('pid')).toBe(left)
  })

  it('keeps one a core while they may idle, and lets go of the others soon', async () => {
    harness = await startAttempts(CODE, { idleMs: 3_600_000 })
    const cores = availableParallelism()
    const all = Array.from({ length: cores + 2 }, () => harness.run('yields'))
    await eventually('a process each', () => harness.pool.size === all.length)
    for (const { attempt } of all) harness.pool.abort(attempt, 'test')
    await Promise.all(all)
    await eventually('the end of two', () => harness.pool.size === cores)
  })

  it('that is closed has ended every process and its attempt, and begins none', async () => {
    harness = await startAttempts(CODE)
    await run('pid')
    const hanging = harness.run('hangs')
    const pids = [...harness.pool.pids]
    await harness.pool.close()
    expect((await hanging).exit?.signal).toBe('SIGKILL')
    expect(pids.filter(isThere)).toEqual([])
    const late = await harness.run('pid')
    expect([late.result, late.exit, harness.pool.size]).toEqual([null, null, 0])
  })
})
