// Who may call a process dead by its pid: whoever shares the boot and the pid namespace with it, and nobody else.

import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { hostname } from 'node:os'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { type ProcessIdentity, thisProcess } from '../../runtime/processes.ts'
import { isGoneFromHere, LeaseWatch } from '../../scheduler/lease-watch.ts'
import { endJobsOfProcess, insertJob, listRunningJobs } from '../../store/postgres/jobs.ts'
import { eventually } from '../support/baram.ts'
import { quietLog, type TestEngine } from '../support/engine.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
const me = thisProcess()
/** Above every pid that a kernel gives. */
const NO_PID = 2 ** 22 + 1

const jobOf = (process: Partial<ProcessIdentity>, host = hostname()) => ({
  hostname: host,
  pid: process.pid ?? NO_PID,
  bootId: process.bootId ?? me.bootId,
  pidNamespace: process.pidNamespace ?? me.pidNamespace,
  pidStarted: process.startTime ?? '1',
})

describe('a process is judged by its pid', () => {
  test.each([
    ['gone: no such pid', {}, hostname(), true],
    ['gone: the pid is another process’ now', { pid: process.pid, startTime: '1' }, hostname(), true],
    ['alive: it is this very process', me, hostname(), false],
    ['unknown: a container with the same name on the same machine', { pidNamespace: 'pid:[1]' }, hostname(), false],
    [
      'unknown: the host, seen from a container with its name',
      { pidNamespace: 'pid:[4026531836]' },
      'elsewhere',
      false,
    ],
    ['unknown: another boot', { bootId: 'other' }, hostname(), false],
    ['unknown: no boot id', { bootId: '' }, hostname(), false],
    ['unknown: a row of an older Baram, without namespace', { pidNamespace: '' }, hostname(), false],
    ['unknown: it could not read its own start', { startTime: '' }, hostname(), false],
    ['unknown: a clone of this machine under another name', {}, 'clone-2', false],
  ])('%s', (_what, process, host, isGone) => {
    expect(isGoneFromHere(jobOf(process, host), me)).toBe(isGone)
  })

  test('never by one that does not know its own namespace', () => {
    const blind = { ...me, pidNamespace: '' }
    expect(isGoneFromHere(jobOf({ pidNamespace: '' }), blind)).toBe(false)
  })
})

describe('rows of processes', () => {
  const insert = (engine: TestEngine, pidNamespace: string, pid = NO_PID) =>
    insertJob(engine.database, {
      jobType: 'WorkerJob',
      hostname: hostname(),
      pid,
      bootId: me.bootId,
      pidStarted: '1',
      pidNamespace,
      info: {},
    })

  test('of another namespace are left to their lease, those of ours end at once', async () => {
    const engine = await makeEngine()
    const [foreign, own] = [await insert(engine, 'pid:[1]'), await insert(engine, me.pidNamespace)]
    let isFound = false
    const watch = new LeaseWatch({
      database: engine.database,
      log: quietLog,
      leaseMs: 60_000,
      heartbeatMs: 50,
      onDead: () => {
        isFound = true
      },
    })
    watch.start()
    await eventually('the dead process to be found', () => isFound)
    await watch.stop()
    expect((await listRunningJobs(engine.database)).map((job) => job.id)).toEqual([foreign])
    expect(own).toBeGreaterThan(0)
  })

  test('are ended by the launcher of their own namespace alone', async () => {
    const engine = await makeEngine()
    const scope = { hostname: hostname(), bootId: me.bootId, pidNamespace: me.pidNamespace }
    const foreign = await insert(engine, 'pid:[1]', 7)
    await insert(engine, me.pidNamespace, 7)
    expect(await endJobsOfProcess(engine.database, 7, scope)).toBe(1)
    expect((await listRunningJobs(engine.database)).map((job) => job.id)).toEqual([foreign])
  })
})

function canUnshare(): boolean {
  try {
    execFileSync('unshare', ['--pid', '--fork', '--mount-proc', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

describe.skipIf(!canUnshare())('a real pid namespace', () => {
  const children: ChildProcess[] = []
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL')
  })
  const program = `
    const fs = require('node:fs')
    const stat = fs.readFileSync('/proc/' + process.pid + '/stat', 'utf8')
    console.log(JSON.stringify({
      pid: process.pid,
      bootId: fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      pidNamespace: fs.readlinkSync('/proc/self/ns/pid'),
      startTime: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19],
    }))
    setInterval(() => {}, 1000)`

  test('of a living process does not make it dead for us, whose numbers are others', async () => {
    const child = spawn(
      'unshare',
      ['--pid', '--fork', '--mount-proc', '--kill-child', process.execPath, '-e', program],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    children.push(child)
    const line = await new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data))))
    // What the program above writes.
    const inside = JSON.parse(line) as ProcessIdentity
    expect(inside.bootId).toBe(me.bootId)
    expect(inside.pidNamespace).not.toBe(me.pidNamespace)
    expect(inside.pid).toBe(1)
    // Before, boot and host name alone were compared, and our pid 1 began at another time.
    expect(isGoneFromHere(jobOf(inside), me)).toBe(false)
  })

  test('whose /proc is that of another one gives its processes no namespace to be judged in', async () => {
    const script = "process.stdout.write(String(require('node:fs').readlinkSync('/proc/self') === String(process.pid)))"
    const { stdout } = await promisify(execFile)('unshare', ['--pid', '--fork', process.execPath, '-e', script])
    expect(stdout).toBe('false')
  })
})
