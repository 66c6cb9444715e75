// A worker that is killed leaves nothing behind: not its children, not what these have started, however far it went.

import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listProcesses } from '../../runtime/processes.ts'
import { eventually, startBaram, type TestBaram } from '../support/baram.ts'

/** Seconds of a `sleep` that belongs to this test alone. */
const own = `8${process.pid}`
const DAG = `import { execSync, spawn } from 'node:child_process'
import { Dag } from 'baram'
import { bash } from 'baram/operators'
export const dag = new Dag('daemons', { isPausedUponCreation: false })
const never = () => new Promise<never>(() => setInterval(() => undefined, 1000))
dag.task('setsid', async () => { execSync('setsid sleep ${own}1 >/dev/null 2>&1 &'); await never() })()
dag.task('double_fork', async () => { execSync('(setsid sh -c "sleep ${own}2 & sleep ${own}2 &" >/dev/null 2>&1 &)'); await never() })()
dag.task('detached', async () => { spawn('sleep', ['${own}3'], { detached: true, stdio: 'ignore' }).unref(); await never() })()
dag.task('blocks', async () => { execSync('setsid sleep ${own}4 >/dev/null 2>&1 &'); for (;;); })()
dag.task('shell', bash({ bashCommand: 'setsid sleep ${own}5 >/dev/null 2>&1 & sleep ${own}6', env: { A: 'b' } }))()
`
const sleepers = () => listProcesses().filter(({ command }) => command.startsWith(`sleep ${own}`))
const parentOf = (pid: number) => Number(/PPid:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
const childrenOf = (pid: number) =>
  listProcesses()
    .filter((process) => process.command.includes('dist/child/main.js'))
    .filter((child) => parentOf(child.pid) === pid)
    .map((child) => child.pid)

describe('a worker that is killed', () => {
  let baram: TestBaram
  beforeAll(async () => {
    baram = await startBaram()
    baram.writeDag('daemons.ts', DAG)
    await baram.start('scheduler')
    await eventually('the DAG', async () => (await baram.query('select 1 from dag')).length === 1)
  })
  afterAll(() => baram.stop())

  async function startWithDaemons(): Promise<ChildProcess> {
    const worker = await baram.start('worker')
    await baram.dagctl('dags', 'trigger', 'daemons')
    await eventually('every process to be there', () => sleepers().length >= 7)
    return worker
  }
  const isGone = (pid: number | undefined) => listProcesses().every((process) => process.pid !== pid)

  it('leaves nothing that its attempts have started, setsid and double forks included', async () => {
    const worker = await startWithDaemons()
    const children = childrenOf(Number(worker.pid))
    expect(children.length).toBeGreaterThanOrEqual(5)
    const began = performance.now()
    worker.kill('SIGKILL')
    await eventually('everything to be gone', () => sleepers().length === 0 && children.every(isGone), 5_000)
    console.log(`gone after ${(performance.now() - began).toFixed(0)} ms`)
  })

  it('with all its children at once leaves their daemons to the next worker of this host', async () => {
    const worker = await startWithDaemons()
    const children = childrenOf(Number(worker.pid))
    // Stopped first, so that no watchdog can do its part.
    for (const pid of children) process.kill(pid, 'SIGSTOP')
    worker.kill('SIGKILL')
    for (const pid of children) process.kill(pid, 'SIGKILL')
    await eventually('the children to be gone', () => children.every(isGone))
    expect(sleepers().length).toBeGreaterThan(0)
    const left = sleepers().map(({ pid }) => pid)
    await baram.start('worker')
    await eventually('their daemons to be gone', () => left.every(isGone), 5_000)
  })
})
