// The doctor on real servers: all is well, and what it tells of them.

import { expect, test } from 'vitest'
import type { Check } from '../../operators/doctor/check.ts'
import { DOCTORS } from '../../operators/doctor/index.ts'
import type { ConnectionResult } from '../../sdk/index.ts'
import { madeUpContext } from '../support/operator-context.ts'
import { onRealServers } from '../support/real-servers.ts'

type System = keyof typeof DOCTORS

async function examine(system: System, connection: Omit<ConnectionResult, 'id'>, more = {}): Promise<readonly Check[]> {
  const { doctor, connId } = DOCTORS[system]
  const op = madeUpContext({ embeddedRoot: '/nowhere', connections: [{ id: connId, ...connection }] })
  const checks: Check[] = []
  for await (const check of doctor(op, { connId, ...more })) checks.push(check)
  return checks
}

const failures = (checks: readonly Check[]) => checks.filter(({ state }) => state === 'failed')
const found = (checks: readonly Check[], name: string) => checks.find((check) => check.name === name)?.found
const hostOf = (endpoint: string | undefined) => {
  const [host = '', port] = (endpoint ?? '').replace(/^https?:\/\//, '').split(':')
  return { host, port: Number(port) }
}

await onRealServers(['kafka'], ({ kafka }) => {
  test('Kafka: brokers, ids, folders, a record there and back, a topic and a group', async () => {
    const extra = JSON.stringify({ 'bootstrap.servers': kafka.endpoints['kafka'] })
    const checks = await examine('kafka', { type: 'kafka', extra }, { topic: 'baram_doctor', group: 'nobody' })
    expect(failures(checks)).toEqual([])
    expect(found(checks, 'cluster')).toMatch(/1 brokers, controller 1/)
    expect(found(checks, 'broker id')).toMatch(/^1, as meta.properties in /)
    expect(found(checks, 'writable')).toBe('a record in topic baram_doctor came back')
    expect(found(checks, 'topic')).toMatch(/^baram_doctor has 1 partitions/)
    expect(checks.find(({ name }) => name === 'group')).toMatchObject({ state: 'warning' })
  })

  test('Kafka: a topic that is not there fails', async () => {
    const extra = JSON.stringify({ 'bootstrap.servers': kafka.endpoints['kafka'] })
    const checks = await examine('kafka', { type: 'kafka', extra }, { topic: 'not-there' })
    expect(failures(checks).map(({ name }) => name)).toEqual(['topic'])
  })
})

await onRealServers(['hdfs'], ({ hdfs }) => {
  test('HDFS: the active NameNode, its DataNodes and their names, a file there and back', async () => {
    const { host, port } = hostOf(hdfs.endpoints['webhdfs'])
    const checks = await examine('hdfs', { type: 'webhdfs', host, port, login: 'lake' })
    expect(failures(checks)).toEqual([])
    expect(found(checks, 'version')).toMatch(/Hadoop 3\.\d+\.\d+, active/)
    expect(found(checks, 'DataNodes')).toMatch(/^[1-9]\d* live, 0 dead/)
    expect(found(checks, 'DataNode names')).toMatch(/is known on this host/)
    expect(found(checks, 'writable')).toMatch(/was written and removed/)
  })
})

await onRealServers(['hive'], ({ hive }) => {
  test('Hive: a session, its version and its clock', async () => {
    const { host, port } = hostOf(hive.endpoints['hive'])
    const checks = await examine('hive', { type: 'hiveserver2', host, port, login: 'hive' })
    expect(failures(checks)).toEqual([])
    expect(found(checks, 'version')).toMatch(/^4\./)
    expect(found(checks, 'clock')).toMatch(/agree/)
  })
})

await onRealServers(['elasticsearch'], ({ elasticsearch }) => {
  test('Elasticsearch: version, health, clock, and an index that was made and removed', async () => {
    const { host, port } = hostOf(elasticsearch.endpoints['elasticsearch'])
    const checks = await examine('elasticsearch', { type: 'elasticsearch', host, port })
    expect(failures(checks)).toEqual([])
    expect(found(checks, 'version')).toBe('Elasticsearch 7.17.29')
    expect(found(checks, 'writable')).toBe('the index baram-doctor was made and removed')
  })
})
