// Who is declared dead, and by what: this process' own clock and what it can see of the other's process, never a wall clock.

import { type ChildProcess, spawn } from 'node:child_process'
import { hostname } from 'node:os'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { hasEnded, startTimeOf, thisProcess } from '../../runtime/processes.ts'
import { isGoneFromHere, LeaseWatch } from '../../scheduler/lease-watch.ts'
import { type Database, openDatabase } from '../../store/database.ts'
import { insertJob, type NewJob } from '../../store/postgres/jobs.ts'
import { eventually } from '../support/baram.ts'
import { quietLog, type TestEngine } from '../support/engine.ts'
import { useEngines } from '../support/use-engine.ts'

const LEASE_MS = 10_000
const me = thisProcess()

describe('a process can be seen to have ended', () => {
  const gone = { hostname: hostname(), pid: process.pid, bootId: me.bootId, pidNamespace: me.pidNamespace }
  const another = { ...gone, pidStarted: 'another time' }

  it('when its pid is another process by now', () => {
    expect(isGoneFromHere(another, me)).toBe(true)
    expect(isGoneFromHere({ ...another, pidStarted: me.startTime }, me)).toBe(false)
  })

  it.each([
    ['on another host', { hostname: 'elsewhere' }],
    ['of an earlier boot, or of another machine', { bootId: 'another boot' }],
    ['of another container', { pidNamespace: 'pid:[1]' }],
    ['that did not say when it began', { pidStarted: null }],
    ['that could not tell when it began', { pidStarted: '' }],
  ])('but not when it is one %s', (_, job) => {
    expect(isGoneFromHere({ ...another, ...job }, me)).toBe(false)
  })
})

const makeEngine = useEngines()
let watch: LeaseWatch
const children: ChildProcess[] = []
/** An observer of the engine's jobs. `beforeReap`: between its judgement and what it says to the database. */
function observe(engine: TestEngine, beforeReap?: () => Promise<unknown>) {
  let looks = 0
  let deaths = 0
  let isAway = false
  const database: Database = {
    ...engine.database,
    query: async (text, values, name) => {
      if (text.startsWith('update job')) await beforeReap?.()
      if (name !== 'list_running_jobs') return engine.database.query(text, values, name)
      looks++
      if (isAway) throw new Error('the database is away')
      return engine.database.query(text, values, name)
    },
  }
  watch = new LeaseWatch({
    database,
    log: quietLog,
    leaseMs: LEASE_MS,
    heartbeatMs: 5,
    onDead: () => {
      deaths++
    },
  })
  watch.start()
  return {
    deaths: () => deaths,
    /** One look from its beginning to its end has seen what is there now. */
    async look() {
      const from = looks
      await eventually('a look', () => looks >= from + 2)
    },
    /** Time passes for the observer, which looks all along. */
    async pass(ms: number) {
      for (let passed = 0; passed < ms; passed += LEASE_MS / 4) {
        vi.advanceTimersByTime(Math.min(LEASE_MS / 4, ms - passed))
        await this.look()
      }
    },
    /** Time passes and nobody looks, as for a process that is frozen: its next look comes after. */
    freeze: (ms: number) => vi.advanceTimersByTime(ms),
    async away(body: () => Promise<void>) {
      isAway = true
      await this.look()
      await body()
      isAway = false
      await this.look()
    },
  }
}

const REMOTE: NewJob = {
  jobType: 'WorkerJob',
  hostname: 'elsewhere',
  pid: 1,
  bootId: 'boot',
  pidStarted: '1',
  info: {},
}
const beat = (engine: TestEngine, id: number) => engine.query('update job set hb_seq = hb_seq + 1 where id = $1', [id])
const stateOf = async (engine: TestEngine, id: number) =>
  (await engine.query<{ state: string }>('select state from job where id = $1', [id]))[0]?.state

describe('a lease', () => {
  // The observer's clock goes only when a test moves it.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
  afterEach(async () => {
    vi.useRealTimers()
    await watch.stop()
    for (const child of children.splice(0)) child.kill('SIGKILL')
  })

  it('that stands still for its time is dead, and not before', async () => {
    const engine = await makeEngine()
    const id = await insertJob(engine.database, REMOTE)
    const observer = observe(engine)
    await observer.look()
    await observer.pass(LEASE_MS - 1)
    expect(await stateOf(engine, id)).toBe('running')
    await observer.pass(1)
    expect(await stateOf(engine, id)).toBe('failed')
    expect(observer.deaths()).toBe(1)
    await observer.pass(LEASE_MS)
    expect(observer.deaths()).toBe(1)
  })

  it('that moves lives, whatever its heartbeats say of the time', async () => {
    const engine = await makeEngine()
    const id = await insertJob(engine.database, REMOTE)
    await engine.query("update job set latest_heartbeat = now() - interval '1 year'")
    const observer = observe(engine)
    for (let n = 0; n < 4; n++) {
      await observer.look()
      await observer.pass(LEASE_MS - 1)
      await beat(engine, id)
    }
    expect(await stateOf(engine, id)).toBe('running')
  })

  it('is counted anew after its observer was frozen: others may have beaten unseen', async () => {
    const engine = await makeEngine()
    const id = await insertJob(engine.database, REMOTE)
    const observer = observe(engine)
    await observer.look()
    observer.freeze(10 * LEASE_MS)
    await observer.look()
    await observer.pass(LEASE_MS - 1)
    expect(await stateOf(engine, id)).toBe('running')
    await observer.pass(1)
    expect(await stateOf(engine, id)).toBe('failed')
  })

  it('is counted anew after the database was away: nobody could have beaten', async () => {
    const engine = await makeEngine()
    const id = await insertJob(engine.database, REMOTE)
    const observer = observe(engine)
    await observer.look()
    await observer.pass(LEASE_MS - 1)
    await observer.away(() => observer.pass(LEASE_MS))
    await observer.pass(LEASE_MS - 1)
    expect(await stateOf(engine, id)).toBe('running')
  })

  it('of a process that this one sees ended is dead at once, with its sessions', async () => {
    const engine = await makeEngine()
    const child = spawn('sleep', ['600'])
    children.push(child)
    const pid = child.pid ?? 0
    const startTime = startTimeOf(pid) ?? ''
    const left = openDatabase({ url: engine.url, poolSize: 1, log: quietLog, application: 'dead' })
    await left.query('select 1')
    const { bootId, pidNamespace } = me
    const own = { hostname: hostname(), pid, bootId, pidNamespace, pidStarted: startTime }
    const id = await insertJob(engine.database, { ...REMOTE, ...own, info: { session: left.session } })
    const other = await insertJob(engine.database, { ...REMOTE, ...own, pidNamespace: 'pid:[1]' })
    const observer = observe(engine)
    await observer.look()
    expect(await stateOf(engine, id)).toBe('running')
    child.kill('SIGKILL')
    await eventually('the end of the process', () => hasEnded(pid, startTime))
    await observer.look()
    expect([await stateOf(engine, id), await stateOf(engine, other)]).toEqual(['failed', 'running'])
    await eventually('the end of its sessions', async () => {
      const open = await engine.query('select 1 from pg_stat_activity where application_name = $1', [left.session])
      return open.length === 0
    })
    await left.close()
  })

  it('that moves in the very moment it is judged is kept: the judgement names the number it has seen', async () => {
    const engine = await makeEngine()
    const id = await insertJob(engine.database, REMOTE)
    const judged: number[] = []
    const observer = observe(engine, () => {
      judged.push(id)
      return beat(engine, id)
    })
    await observer.look()
    await observer.pass(LEASE_MS - 1)
    expect(judged).toEqual([])
    await observer.pass(1)
    expect(judged).toEqual([id])
    expect([await stateOf(engine, id), observer.deaths()]).toEqual(['running', 0])
  })

  it('is judged by nobody who has stopped', async () => {
    const engine = await makeEngine()
    const id = await insertJob(engine.database, REMOTE)
    const observer = observe(engine)
    await observer.look()
    await watch.stop()
    observer.freeze(2 * LEASE_MS)
    expect(await stateOf(engine, id)).toBe('running')
    expect(observer.deaths()).toBe(0)
  })
})
