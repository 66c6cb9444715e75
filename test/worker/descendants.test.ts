// Nothing that an attempt has started outlives it, however far it went: real processes, found by an argument of their own.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listProcesses } from '../../runtime/processes.ts'
import { type AttemptHarness, startAttempts } from '../support/attempts.ts'
import { eventually } from '../support/baram.ts'

/** Seconds of a `sleep` that belongs to this test alone. */
const own = `9${process.pid}`
const WAYS = {
  detached: `spawn('sleep', [T], { detached: true, stdio: 'ignore' }).unref()`,
  nohup: `execSync('nohup sleep ' + T + ' >/dev/null 2>&1 &')`,
  setsid: `execSync('setsid sleep ' + T + ' >/dev/null 2>&1 &')`,
  double_fork: `execSync('(setsid sh -c "sleep ' + T + ' & sleep ' + T + ' &" >/dev/null 2>&1 &)')`,
  bare_in_session: `execSync('env -i nohup sleep ' + T + ' >/dev/null 2>&1 &')`,
  bare_with_parent: `spawn('env', ['-i', 'setsid', 'sleep', T], { stdio: 'ignore' }).unref()`,
  holds_output: `execSync('setsid sleep ' + T + ' &', { stdio: 'inherit' })`,
  by_thread:
    `await new Promise((done) => new Worker("require('child_process').spawn('setsid', ['sleep', '" + T + "'], { ` +
    `stdio: 'ignore' }).on('spawn', () => process.exit())", { eval: true }).on('exit', done))`,
}
const CODE = `import { exec, execSync, spawn } from 'node:child_process'
import { Worker } from 'node:worker_threads'
import { Dag } from 'baram'
export const dag = new Dag('d')
const task = (id, body) => dag.task(id, body)()
const T = '${own}'
const never = () => new Promise(() => {})
task('nothing', () => process.pid)
task('waits', () => { execSync('true'); return process.pid })
task('prints_later', () => { execSync('setsid sh -c "sleep 0.3; echo too late; sleep ' + T + '" &', { stdio: 'inherit' }); return 1 })
${Object.entries(WAYS)
  .map(
    ([name, code]) => `task('${name}', async () => { ${code}; return process.pid })
task('${name}_fails', async () => { ${code}; throw new Error('no') })
task('${name}_dies', async () => { ${code}; process.kill(process.pid, 'SIGKILL'); await never() })
task('${name}_hangs', async () => { ${code}; console.log('hanging'); await never() })`,
  )
  .join('\n')}
`
const sleepers = () => listProcesses().filter(({ command }) => command.includes(own) && command.includes('sleep'))

describe('what an attempt has started', () => {
  let harness: AttemptHarness
  beforeAll(async () => {
    harness = await startAttempts(CODE)
  })
  afterAll(() => harness.stop())

  it.each(Object.keys(WAYS))('is gone when the attempt has ended well (%s)', async (way) => {
    const { result, survivors } = await harness.run(way)
    expect(result?.kind).toBe('success')
    expect(survivors).toBeGreaterThan(0)
    expect(sleepers()).toEqual([])
  })

  it.each(Object.keys(WAYS))('is gone when it has failed (%s)', async (way) => {
    expect((await harness.run(`${way}_fails`)).result?.kind).toBe('failure')
    expect(sleepers()).toEqual([])
  })

  it.each(Object.keys(WAYS))('is gone when it was killed, before that is told (%s)', async (way) => {
    const running = harness.run(`${way}_hangs`)
    await eventually('the process to be there', () => sleepers().length > 0, 10_000)
    harness.pool.kill(running.attempt)
    const { result } = await running
    expect(result).toBeNull()
    expect(sleepers()).toEqual([])
  })

  // A process without mark and session is known by its parent alone: when that dies by itself, nothing leads to it.
  it.each(Object.keys(WAYS).filter((way) => way !== 'bare_with_parent'))(
    'is gone when its process died (%s)',
    async (way) => {
      const { exit } = await harness.run(`${way}_dies`)
      expect(exit?.signal).toBe('SIGKILL')
      expect(sleepers()).toEqual([])
    },
  )

  it('prints nothing into the next attempt', async () => {
    await harness.run('prints_later')
    const next = await harness.run('nothing')
    expect(next.lines).toEqual([])
  })

  it('is not looked for when there is nothing: the first attempt of a process is as fast as the next', async () => {
    harness.pool.killAll()
    await eventually('no process', () => harness.pool.size === 0)
    // The look itself waits 25 ms for what is about to end.
    expect((await harness.run('nothing')).drainMs).toBeLessThan(20)
  })

  it('costs its process nothing when nothing is left of it', async () => {
    const { result } = await harness.run('nothing')
    const pid = result?.kind === 'success' ? result.value : null
    for (let n = 0; n < 3; n++) expect((await harness.run('waits')).result).toMatchObject({ value: pid })
    expect((await harness.run('nothing')).drainMs).toBeLessThan(20)
  })

  it('is gone when its supervisor closes', async () => {
    void harness.run('setsid_hangs')
    void harness.run('double_fork_hangs')
    await eventually('the processes to be there', () => sleepers().length >= 3, 10_000)
    await harness.pool.close()
    expect(sleepers()).toEqual([])
  })
})
