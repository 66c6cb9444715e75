// Silence fences, down does not (docs/reliability.md rule 8).

import { afterEach, describe, expect, test } from 'vitest'
import { Lease } from '../../engine/process/lease.ts'
import { type Database, openDatabase } from '../../store/database.ts'
import { Listener } from '../../store/listener.ts'
import { eventually } from '../support/baram.ts'
import { quietLog, type TestEngine } from '../support/engine.ts'
import { type LateProxy, startLateProxy } from '../support/late-proxy.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
/** Fences after 1.2 s. */
const LEASE_MS = 2_000
const FENCE_MS = 1_200

let proxy: LateProxy
let database: Database
let listener: Listener
let lease: Lease
afterEach(async () => {
  // First: nobody waits for what it was silent about.
  await proxy.close()
  await lease.end('success').catch(() => undefined)
  await listener.stop()
  await database.close()
})

async function beat(engine: TestEngine, outageMs = 600_000) {
  const lost: string[] = []
  proxy = await startLateProxy(engine.url)
  database = openDatabase({ url: proxy.url, poolSize: 1, log: quietLog, application: 'lease' })
  listener = new Listener({
    database,
    channels: [],
    log: quietLog,
    onNotify: () => undefined,
    onCatchUp: () => undefined,
  })
  await listener.start()
  lease = await Lease.take({
    ...{ jobType: 'WorkerJob', info: {}, heartbeatMs: 50, leaseMs: LEASE_MS, log: quietLog, outageMs },
    ...{ session: database.session, sql: () => listener.sql, lastDownAt: () => listener.lastDownAt },
    onLost: (reason) => lost.push(reason),
  })
  const beats = async () => (await engine.query<{ hb_seq: number }>('select hb_seq from job'))[0]?.hb_seq ?? 0
  return { lost, beats }
}

describe('a holder whose database', () => {
  test('is down keeps its lease for as long as it says so, and beats again when it is back', async () => {
    const engine = await makeEngine()
    const { lost, beats } = await beat(engine)
    await proxy.refuse(true)
    const began = performance.now()
    // Twice as long as silence would be borne: told to be down again and again.
    await eventually('word of an outage after the fence time', () => listener.lastDownAt > began + 2 * FENCE_MS)
    expect(lost).toEqual([])
    const before = await beats()
    await proxy.refuse(false)
    await eventually('a heartbeat', async () => (await beats()) > before)
    expect(lost).toEqual([])
  })

  test('is silent gives up before anybody may take over', async () => {
    const engine = await makeEngine()
    const { lost } = await beat(engine)
    const began = performance.now()
    proxy.silence(true)
    await eventually('the fence', () => lost.length > 0)
    expect(performance.now() - began).toBeLessThan(LEASE_MS)
    expect(lost[0]).toMatch(/silent/)
  })

  test('is down for longer than is tolerated gives up', async () => {
    const engine = await makeEngine()
    const { lost } = await beat(engine, 500)
    await proxy.refuse(true)
    await eventually('the end of patience', () => lost.length > 0)
    expect(lost[0]).toMatch(/has been down for .* \(database.outage_tolerance_sec\)/)
  })
})
