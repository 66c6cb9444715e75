// Real Kafka brokers, each its own controller too (KRaft): one, or three that keep each other's records.

import { join } from 'node:path'
import { javaCommand, runJava, writeConfiguration } from '../launcher/java.ts'
import type { MemberSpec } from '../launcher/member.ts'
import { namedPorts } from '../launcher/ports.ts'
import { isReady } from '../launcher/ready.ts'
import type { Endpoints, Launch } from '../launcher/server.ts'

/** Any 16 bytes as base64: the brokers of one cluster share it, and no two clusters of ours share a folder. */
const CLUSTER_ID = 'QmFyYW0gdGVzdHMgS2Fma2E'

interface Broker {
  readonly id: number
  readonly client: number
  readonly controller: number
}

const LOGGING = `rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1}: %m%n
`

function settingsOf(broker: Broker, brokers: readonly Broker[], folder: string): string {
  const copies = Math.min(brokers.length, 3)
  const address = (port: number) => `127.0.0.1:${port}`
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': broker.id,
    'controller.quorum.voters': brokers.map(({ id, controller }) => `${id}@${address(controller)}`).join(','),
    listeners: `PLAINTEXT://${address(broker.client)},CONTROLLER://${address(broker.controller)}`,
    'advertised.listeners': `PLAINTEXT://${address(broker.client)}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': join(folder, 'data', `broker-${broker.id}`),
    'num.partitions': 3,
    'default.replication.factor': copies,
    'min.insync.replicas': Math.max(1, copies - 1),
    // 50 of each by default: two cores take long to open them.
    'offsets.topic.num.partitions': 3,
    'offsets.topic.replication.factor': copies,
    'transaction.state.log.num.partitions': 3,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': Math.max(1, copies - 1),
    'group.initial.rebalance.delay.ms': 0,
    // A broker that is killed is missed sooner than by default (9 s): tests wait for the others to take over.
    'broker.session.timeout.ms': 3000,
    'broker.heartbeat.interval.ms': 500,
    // A topic that is made by a typing error hides it.
    'auto.create.topics.enable': false,
  }
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

async function prepare(
  broker: Broker,
  brokers: readonly Broker[],
  { folder, jars }: { readonly folder: string; readonly jars: readonly string[] },
): Promise<MemberSpec> {
  const conf = await writeConfiguration(join(folder, 'conf', `broker-${broker.id}`), {
    'server.properties': settingsOf(broker, brokers, folder),
    'log4j2.properties': LOGGING,
  })
  const settings = join(conf, 'server.properties')
  const classpath = [conf, ...jars]
  const flags = [`-Dlog4j2.configurationFile=${join(conf, 'log4j2.properties')}`]
  await runJava({
    classpath,
    flags,
    main: 'kafka.tools.StorageTool',
    args: ['format', '-t', CLUSTER_ID, '-c', settings],
    heap: 128,
  })
  return {
    name: `broker-${broker.id}`,
    command: javaCommand({ classpath, flags, main: 'kafka.Kafka', args: [settings], heap: 256 }),
    // Opened at once; the clients' listener opens once the controllers have elected one, for which most of them must run.
    ready: { kind: 'tcp', port: brokers.length === 1 ? broker.client : broker.controller },
  }
}

/** Starts so many brokers and returns when all of them serve clients. */
export async function startBrokers(launch: Launch, count: number): Promise<Endpoints> {
  const names = Array.from({ length: count }, (_, i) => i + 1)
  const ports = await namedPorts(...names.flatMap((id) => [`client-${id}`, `controller-${id}`]))
  const brokers = names.map((id) => ({
    id,
    client: ports[`client-${id}`] ?? 0,
    controller: ports[`controller-${id}`] ?? 0,
  }))
  const jars = await launch.jars('kafka')
  const members = await Promise.all(brokers.map((broker) => prepare(broker, brokers, { folder: launch.folder, jars })))
  for (const member of members) await launch.start(member)
  await launch.until('every broker serves clients', async () => {
    const served = brokers.map(({ client }) => isReady({ kind: 'tcp', port: client }, '', 0))
    return (await Promise.all(served)).every(Boolean)
  })
  return { kafka: brokers.map(({ client }) => `127.0.0.1:${client}`).join(',') }
}
