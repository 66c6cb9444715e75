// What every service of the engine stands on: who acts when, and what is left when it has ended.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { EngineProcess, type EngineProcessOptions, type Serving } from '../../engine/process.ts'
import { loadConfig } from '../../runtime/config.ts'
import { type Database, openDatabase } from '../../store/database.ts'
import { eventually } from '../support/baram.ts'
import { quietLog, type TestEngine } from '../support/engine.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
const home = mkdtempSync(join(tmpdir(), 'baram-process-'))
const config = { ...loadConfig({ BARAM_HOME: home }), heartbeatMs: 50 }
let database: Database
let made: EngineProcess
afterEach(async () => {
  await made.stop()
  await database.close()
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

/** What happened, in order. */
type Events = string[]

function make(url: string, more: Partial<EngineProcessOptions> = {}) {
  const events: Events = []
  database = openDatabase({ url, poolSize: 2, log: quietLog, application: 'process' })
  made = new EngineProcess({
    config,
    database,
    log: quietLog,
    jobType: 'WorkerJob',
    channels: ['work'],
    endsLogs: true,
    info: (logFolder) => ({ logFolder }),
    onFatal: (reason) => events.push(`fatal: ${reason}`),
    begin: () => void events.push('begin'),
    interrupt: () => events.push('interrupt'),
    fence: () => events.push('fence'),
    end: async () => void events.push('end'),
    ...more,
  })
  return { events, service: made }
}

const jobStates = async (engine: TestEngine) =>
  (await engine.query<{ state: string }>('select state from job order by id')).map(({ state }) => state)

/** Ends when its pool is closed: what is left then was opened beside it and never closed. */
async function expectNoSession(engine: TestEngine, { session }: Database): Promise<void> {
  await database.close()
  database = openDatabase({ url: engine.url, poolSize: 1, log: quietLog, application: 'process' })
  await eventually('the end of its sessions', async () => {
    const rows = await engine.query('select 1 from pg_stat_activity where application_name = $1', [session])
    return rows.length === 0
  })
}

const lockNothing = ({ transactions }: Serving) => transactions.run({ runs: [], act: () => undefined })

describe('a service of the engine', () => {
  it('acts only while its lease holds: begin finds it taken, end finds it still there, with the writer', async () => {
    const engine = await makeEngine()
    const seen: (readonly string[])[] = []
    const act = async () => {
      if (service.serving === null) throw new Error('it does not serve')
      await lockNothing(service.serving)
      seen.push(await jobStates(engine))
    }
    const { service } = make(engine.url, { begin: act, end: act })
    await service.start()
    await service.stop()
    expect(seen).toEqual([['running'], ['running']])
    expect(await jobStates(engine)).toEqual(['success'])
    expect(service.serving).toBeNull()
    await expectNoSession(engine, database)
  })

  it('that fails to begin ends, leaves a failed job and nothing open, and says why', async () => {
    const engine = await makeEngine()
    const { events, service } = make(engine.url, {
      begin: async (serving) => {
        await lockNothing(serving)
        throw new Error('no room for modules')
      },
    })
    await expect(service.start()).rejects.toThrow('no room for modules')
    expect(events).toEqual(['end'])
    expect(await jobStates(engine)).toEqual(['failed'])
    await expectNoSession(engine, database)
  })

  it('without a database says so, and neither begins nor ends', async () => {
    const { events, service } = make('postgresql://nobody@/none?host=/nowhere')
    await expect(service.start()).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    expect(events).toEqual([])
  })

  it('that was declared dead ends what acts in its name before its process is told', async () => {
    const engine = await makeEngine()
    const { events, service } = make(engine.url)
    await service.start()
    await engine.query("update job set state = 'failed', end_date = now()")
    await eventually('the end of the process', () => events.length > 1 && events.length)
    expect(events).toEqual(['begin', 'fence', 'fatal: this process was declared dead'])
    expect(service.isStopping).toBe(true)
  })

  it('that gives up twice is given up once', async () => {
    const engine = await makeEngine()
    const { events, service } = make(engine.url)
    await service.start()
    service.giveUp('a pass hangs')
    service.giveUp('a pass hangs')
    expect(events).toEqual(['begin', 'fence', 'fatal: a pass hangs'])
  })

  it('does every step of a stop, also when its own fails', async () => {
    const engine = await makeEngine()
    const { service } = make(engine.url, { end: () => Promise.reject(new Error('a child does not end')) })
    await service.start()
    await service.stop()
    expect(await jobStates(engine)).toEqual(['success'])
    await expectNoSession(engine, database)
  })

  it('waits for the work beside it before the writer closes; a failure of such work is no failure of the service', async () => {
    const engine = await makeEngine()
    const { events, service } = make(engine.url)
    await service.start()
    const serving = service.serving as Serving
    service.runBeside('failed', () => Promise.reject(new Error('refused')))
    service.runBeside('failed', () => lockNothing(serving).then(() => events.push('beside')))
    await service.stop()
    expect(events.sort()).toEqual(['begin', 'beside', 'end', 'interrupt'])
    service.runBeside('failed', async () => events.push('too late'))
    await expect(lockNothing(serving)).rejects.toThrow('the writer of run transactions is closed')
    expect(events).not.toContain('too late')
    await expectNoSession(engine, database)
  })

  it('tells all about itself in its job: who, and the log folder that it sees', async () => {
    const engine = await makeEngine()
    const { service } = make(engine.url)
    await service.start()
    const [job] = await engine.query<{ job_type: string; info: { logFolder: string; session: string } }>(
      'select job_type, info from job',
    )
    expect(job?.job_type).toBe('WorkerJob')
    expect(job?.info.session).toBe(database.session)
    expect(job?.info.logFolder).toMatch(/\S/)
  })
})
