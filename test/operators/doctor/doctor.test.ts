// What the doctor finds on this host, and what it says to do.

import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { type Check, clockCheck, type Doctor } from '../../../operators/doctor/check.ts'
import { lastingCheck, volatileFolder } from '../../../operators/doctor/folder.ts'
import { DOCTORS } from '../../../operators/doctor/index.ts'
import { advertisedCheck, type Broker, folderCheck, idCheck } from '../../../operators/doctor/kafka.ts'
import { endpointOf, reachableCheck } from '../../../operators/doctor/network.ts'
import type { ConnectionResult } from '../../../sdk/index.ts'
import { madeUpContext, removeTemporaryFoldersAfterwards, temporaryFolder } from '../../support/operator-context.ts'

removeTemporaryFoldersAfterwards()
const { signal } = new AbortController()
const NOWHERE = 'no-such-host.invalid'
const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** Something that listens; `close` it to have a port at which nobody does. */
async function listen(): Promise<{ readonly port: number; readonly close: () => Promise<void> }> {
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()))
  closing.push(() => void server.close())
  return { port: typeof address === 'object' && address !== null ? address.port : 0, close }
}

async function closedPort(): Promise<number> {
  const { port, close } = await listen()
  await close()
  return port
}

async function examine(
  doctor: Doctor,
  connections: readonly ConnectionResult[],
  connId: string,
): Promise<readonly Check[]> {
  const op = madeUpContext({ embeddedRoot: await temporaryFolder(), connections })
  const checks: Check[] = []
  for await (const check of doctor(op, { connId })) checks.push(check)
  return checks
}

const states = (checks: readonly Check[]) => Object.fromEntries(checks.map(({ name, state }) => [name, state]))

describe('a host and its port', () => {
  test.each([
    ['kafka-1:9092', { host: 'kafka-1', port: 9092 }],
    [' 127.0.0.1:80 ', { host: '127.0.0.1', port: 80 }],
    ['[::1]:9092', { host: '::1', port: 9092 }],
    ['kafka-1', null],
    ['kafka-1:99999', null],
    ['http://kafka-1:9092', null],
    ['', null],
  ])('%j is read as %j', (text, expected) => {
    expect(endpointOf(text)).toEqual(expected)
  })

  test('that answers is reachable', async () => {
    const { port } = await listen()
    expect(await reachableCheck('x', { host: '127.0.0.1', port }, signal)).toMatchObject({ state: 'ok' })
  })

  test('at which nothing listens is to be started, or corrected', async () => {
    const port = await closedPort()
    const check = await reachableCheck('x', { host: '127.0.0.1', port }, signal)
    expect(check).toMatchObject({ state: 'failed', found: `127.0.0.1:${port} cannot be reached (ECONNREFUSED)` })
    expect(check.fix?.en).toContain('Start the server')
    expect(check.fix?.ko).toContain('서버를 시작')
  })

  test('whose name is not known is to be written into /etc/hosts', async () => {
    const check = await reachableCheck('x', { host: NOWHERE, port: 9092 }, signal)
    expect(check).toMatchObject({ state: 'failed', found: `the name ${NOWHERE} is not known on this host` })
    expect(check.fix?.en).toContain('/etc/hosts')
    expect(check.fix?.ko).toContain('/etc/hosts')
  })
})

describe('a folder of data', () => {
  test.each([
    ['/tmp/kafka-logs', '/tmp'],
    ['/tmp', '/tmp'],
    ['/var/tmp/x', '/var/tmp'],
    ['/dev/shm/x', '/dev/shm'],
    ['/tmpfiles/kafka', null],
    ['/var/lib/kafka', null],
  ])('%s: cleared with %j', (path, expected) => {
    expect(volatileFolder(path)).toBe(expected)
    expect(lastingCheck('x', path).state).toBe(expected === null ? 'ok' : 'warning')
  })

  test('in memory is not lasting, whatever its name', () => {
    expect(lastingCheck('x', '/var/lib/kafka', true)).toMatchObject({ state: 'warning' })
  })
})

test.each([
  [0, 'ok', ''],
  [5_000, 'ok', ''],
  [-5_000, 'ok', ''],
  [5_100, 'warning', 'the clock of them is 5.1 s ahead of this host'],
  [-3_600_000, 'warning', 'the clock of them is 3600.0 s behind this host'],
])('a clock that differs by %i ms is %s', (skew, state, found) => {
  const check = clockCheck('them', 1_000_000_000 + skew, 1_000_000_000, 1_000_000_000)
  expect(check.state).toBe(state)
  expect(check.found).toContain(found)
})

describe('a broker', () => {
  const broker: Broker = { id: 2, host: NOWHERE, port: 9092 }

  test('that announces a name which is not known here fails with the name', async () => {
    expect(await advertisedCheck(broker, true, signal)).toMatchObject({
      name: 'broker 2 advertised',
      state: 'failed',
      found: `the name ${NOWHERE} is not known on this host`,
    })
  })

  test('that announces this host, though it is elsewhere, fails', async () => {
    const check = await advertisedCheck({ ...broker, host: 'localhost' }, false, signal)
    expect(check).toMatchObject({ state: 'failed', found: 'it calls itself localhost:9092, which is this host here' })
    expect(check.fix?.en).toContain('advertised.listeners')
  })

  test('has the id of its meta.properties, or is told which one is there', async () => {
    const folder = await temporaryFolder()
    expect(await idCheck(join(folder, 'none'), broker)).toMatchObject({ state: 'skipped' })
    await mkdir(join(folder, 'kraft'))
    await writeFile(join(folder, 'kraft', 'meta.properties'), 'version=1\nnode.id=2\ncluster.id=x\n')
    expect(await idCheck(join(folder, 'kraft'), broker)).toMatchObject({ state: 'ok' })
    await writeFile(join(folder, 'meta.properties'), 'version=0\nbroker.id=7\n')
    const check = await idCheck(folder, broker)
    expect(check).toMatchObject({ state: 'failed', found: `${join(folder, 'meta.properties')} says 7, the broker 2` })
    expect(check.fix?.ko).toContain('meta.properties')
  })

  test('with its records below /tmp is warned of', () => {
    expect(folderCheck('/tmp/kafka-logs', broker)).toMatchObject({ name: 'broker 2 folder', state: 'warning' })
    expect(folderCheck('/var/lib/kafka', broker)).toMatchObject({ state: 'ok' })
  })
})

describe('without connections the embedded backends are looked at:', () => {
  test('the event log takes a record and gives it back', async () => {
    const checks = await examine(DOCTORS.kafka.doctor, [], 'kafka_default')
    expect(checks.filter(({ state }) => state === 'failed')).toEqual([])
    expect(states(checks)).toMatchObject({ connection: 'ok', open: 'ok', writable: 'ok', clock: 'ok' })
  })

  test('lake and warehouse are folders that can be written', async () => {
    for (const name of ['hdfs', 'hive'] as const) {
      const checks = await examine(DOCTORS[name].doctor, [], DOCTORS[name].connId)
      expect(states(checks)).toMatchObject({ connection: 'ok', writable: 'ok', room: 'ok' })
    }
  })
})

describe('a server that is not there', () => {
  const nobody = async (id: string, type: string): Promise<ConnectionResult> => ({
    ...{ id, type, host: '127.0.0.1', port: await closedPort(), login: 'me', password: 'secret' },
    ...{ schema: null, extra: type === 'hiveserver2' ? '{"auth":"NOSASL"}' : null },
  })

  test.each([
    ['kafka', 'kafka', 'bootstrap servers'],
    ['hdfs', 'webhdfs', 'NameNode'],
    ['hive', 'hiveserver2', 'reachable'],
    ['elasticsearch', 'elasticsearch', 'reachable'],
    ['postgres', 'postgres', 'reachable'],
  ] as const)(
    '%s: fails with what to do, and says nothing of the password',
    async (name, type, check) => {
      const { doctor, connId } = DOCTORS[name]
      const checks = await examine(doctor, [await nobody(connId, type)], connId)
      const found = checks.find((one) => one.name === check)
      expect(found).toMatchObject({ state: 'failed' })
      expect(found?.fix?.en).toBeTruthy()
      expect(found?.fix?.ko).toMatch(/[가-힣]/)
      expect(JSON.stringify(checks)).not.toContain('secret')
    },
    60_000,
  )
})
