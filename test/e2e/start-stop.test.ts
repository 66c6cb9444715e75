// One contract for all services (runtime/service.ts), held for each of them: whenever a stop comes, nothing is left.

import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { eventually } from '../support/baram.ts'
import type { TestEngine } from '../support/engine.ts'
import { type LateProxy, startLateProxy } from '../support/late-proxy.ts'
import {
  countResources,
  makeService,
  makeServiceConfig,
  type OwnService,
  SERVICES,
  type ServiceName,
} from '../support/services.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
const { config, remove } = makeServiceConfig()
afterAll(remove)

let proxy: LateProxy | null = null
afterEach(async () => {
  await proxy?.close()
  proxy = null
})

const NAMES = Object.keys(SERVICES) as ServiceName[]
/** Many enough that a stop falls between any two steps of a start. */
const ROUNDS = 20
/** What nobody waits for is no longer there: these keep a process alive. */
const OWN = ['Timeout', 'ProcessWrap', 'MessagePort', 'FSEventWrap', 'TCPServerWrap', 'StatWatcher']

const turn = () => new Promise<void>((done) => setImmediate(done))

type Counts = ReturnType<typeof countResources>

const grown = (before: Counts, kinds: readonly string[] = Object.keys(countResources())) =>
  Object.fromEntries(
    Object.entries(countResources()).filter(([kind, n]) => kinds.includes(kind) && n > (before[kind] ?? 0)),
  )

/** After its stop: no timer, child or thread at once; sockets and sessions as soon as both sides have closed them. */
async function expectNothingLeft(engine: TestEngine, before: Counts, { session, closePool }: OwnService) {
  await closePool()
  // The loop lets go of a closed handle at the end of a turn.
  for (let n = 0; n < 3; n++) await turn()
  expect(grown(before, OWN)).toEqual({})
  await eventually(`the end of ${JSON.stringify(grown(before))}`, () => Object.keys(grown(before)).length === 0)
  await eventually('the end of its sessions', async () => {
    const open = await engine.query('select 1 from pg_stat_activity where application_name = $1', [session])
    return open.length === 0
  })
}

const states = async (engine: TestEngine) =>
  (await engine.query<{ state: string }>('select state from job order by id')).map(({ state }) => state)

describe.each(NAMES)('the %s', (name) => {
  /** A database that has been used once: its own pool stays as it is. */
  const begin = async () => {
    const engine = await makeEngine()
    await states(engine)
    return { engine, make: (url = engine.url) => makeService(name, config, url) }
  }

  it('leaves nothing when it is stopped, at whatever moment of its start', { timeout: 180_000 }, async () => {
    const { engine, make } = await begin()
    for (let round = 0; round < ROUNDS; round++) {
      const before = countResources()
      const own = make()
      const started = own.service.start()
      if (round % 2 === 0) await started
      else for (let n = 0; n < round; n++) await turn()
      await own.service.stop()
      await started
      await expectNothingLeft(engine, before, own)
      expect(await states(engine)).not.toContain('running')
    }
    expect(await states(engine)).not.toContain('failed')
  })

  it('that is stopped twice, one after the other or at once, ends its job once', async () => {
    const { engine, make } = await begin()
    const before = countResources()
    const own = make()
    await own.service.start()
    expect(await states(engine)).toEqual(['running'])
    await Promise.all([own.service.stop(), own.service.stop()])
    const ended = await engine.query('select state, end_date from job')
    expect(ended).toEqual([{ state: 'success', end_date: expect.anything() as unknown }])
    await own.service.stop()
    expect(await engine.query('select state, end_date from job')).toEqual(ended)
    await expectNothingLeft(engine, before, own)
  })

  it('that was stopped before it was started does not start', async () => {
    const { engine, make } = await begin()
    const before = countResources()
    const own = make()
    await own.service.stop()
    await own.service.start()
    expect(await states(engine)).toEqual([])
    await expectNothingLeft(engine, before, own)
  })

  it.each([
    ['first', [0, 1]],
    ['last', [1, 0]],
  ])('beside another one: the one that was started first stops %s, the other serves on', async (_, order) => {
    const { engine, make } = await begin()
    const before = countResources()
    const pair = [make(), make()]
    for (const own of pair) await own.service.start()
    const [sooner, later] = order.map((index) => pair[index] as OwnService)
    const beats = async () =>
      await engine.query<{ hb_seq: number }>(
        `select hb_seq from job where info ->> 'session' = $1 and state = 'running'`,
        [later?.session],
      )
    await sooner?.service.stop()
    await sooner?.closePool()
    const [then] = await beats()
    await eventually('a heartbeat of the other', async () => {
      const [now] = await beats()
      return now !== undefined && then !== undefined && now.hb_seq > then.hb_seq
    })
    await later?.service.stop()
    await expectNothingLeft(engine, before, later as OwnService)
    expect(await states(engine)).toEqual(['success', 'success'])
  })

  it('without a database says so and leaves nothing', async () => {
    const { engine, make } = await begin()
    const before = countResources()
    const own = make('postgresql://nobody@/none?host=/nowhere')
    await expect(own.service.start()).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    await expectNothingLeft(engine, before, own)
    await own.service.stop()
    expect(grown(before, OWN)).toEqual({})
  })

  it.each(['pg_backend_pid', 'insert into job', 'hb_seq + 1'])(
    'whose connection breaks at "%s" while it starts says so and leaves nothing',
    async (statement) => {
      const { engine, make } = await begin()
      proxy = await startLateProxy(engine.url)
      const before = countResources()
      const own = make(proxy.url)
      const cut = proxy.holdBack(statement)
      await expect(own.service.start()).rejects.toThrow(/connection|Connection|database/)
      await (await cut).letThrough()
      await expectNothingLeft(engine, before, own)
    },
  )

  it('whose database is away when it is stopped stops all the same and leaves nothing', async () => {
    const { engine, make } = await begin()
    proxy = await startLateProxy(engine.url)
    const before = countResources()
    const own = make(proxy.url)
    await own.service.start()
    await proxy.refuse(true)
    await own.service.stop()
    await proxy.refuse(false)
    await expectNothingLeft(engine, before, own)
  })
})

describe('a worker with attempts', () => {
  it('that is stopped at whatever moment of their start leaves none running, and takes no try from them', {
    timeout: 180_000,
  }, async () => {
    const engine = await makeEngine()
    const reader = makeService('dag-processor', config, engine.url)
    await reader.service.start()
    await reader.service.stop()
    await reader.closePool()
    const dagRunId = await engine.trigger('endless')
    const scheduler = engine.makeScheduler()
    for (let round = 0; round < ROUNDS; round++) {
      await engine.passDelays()
      await scheduler.sweep()
      expect(await engine.states(dagRunId)).toEqual({ a: 'queued', b: 'queued' })
      const before = countResources()
      const own = makeService('worker', config, engine.url)
      await own.service.start()
      for (let n = 0; n < round; n++) await turn()
      await own.service.stop()
      await expectNothingLeft(engine, before, own)
      // Without a retry, whatever counts as a try would have failed them.
      const left = Object.values(await engine.states(dagRunId))
      expect(left.filter((state) => state !== 'queued' && state !== 'up_for_retry')).toEqual([])
    }
  })
})
