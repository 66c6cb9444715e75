// Kafka, or the embedded event log: brokers and the names they announce, their ids and folders, a record there and back, a group's lag.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Admin, DescribeConfigResponse } from 'kafkajs'
import type { ConnectionResult } from '../../sdk/index.ts'
import { type ConnectionContext, folderOf } from '../connection.ts'
import type { EventLog } from '../event-log/index.ts'
import { makeKafka } from '../event-log/kafka-client.ts'
import { kafkaConfigOf } from '../event-log/kafka-connection.ts'
import { openEventLog } from '../event-log/open.ts'
import { type Check, clockCheck, type DoctorOptions, failed, ok, skipped, tried, warning } from './check.ts'
import { folderChecks, volatileFolder } from './folder.ts'
import { addressesOf, endpointOf, reachableCheck, resolvableCheck } from './network.ts'

/** Of the log's own clock, and kept for an hour: what the doctor writes is nobody's. */
const PROBE_TOPIC = 'baram_doctor'

export interface Broker {
  readonly id: number
  readonly host: string
  readonly port: number
}

async function* bootstrapChecks(brokers: readonly string[], signal: AbortSignal): AsyncGenerator<Check> {
  for (const server of brokers) {
    const endpoint = endpointOf(server)
    if (endpoint === null)
      yield failed('bootstrap servers', `${server} is no host:port`, {
        en: 'Write bootstrap.servers as host:port, with commas between: kafka-1:9092,kafka-2:9092.',
        ko: 'bootstrap.servers는 쉼표로 나눈 호스트:포트로 적으세요. 예: kafka-1:9092,kafka-2:9092',
      })
    else yield await reachableCheck('bootstrap servers', endpoint, signal)
  }
}

const isLoopback = (address: string) => /^(127\.|::1$)/.test(address)

/** All but the first request go to the names that brokers announce. */
export async function advertisedCheck(broker: Broker, bootstrapIsLocal: boolean, signal: AbortSignal): Promise<Check> {
  const name = `broker ${broker.id}`
  const addresses = await addressesOf(broker.host)
  if (addresses === null) return resolvableCheck(`${name} advertised`, broker.host, addresses)
  if (!bootstrapIsLocal && addresses.every(isLoopback))
    return failed(`${name} advertised`, `it calls itself ${broker.host}:${broker.port}, which is this host here`, {
      en: "Set the broker's advertised.listeners to an address that its clients can reach, and restart it.",
      ko: '브로커의 advertised.listeners를 클라이언트가 접근할 수 있는 주소로 바꾸고 재시작하세요.',
    })
  return reachableCheck(`${name} advertised`, broker, signal)
}

type Configs = ReadonlyMap<string, string>

async function configsOf(admin: Admin, broker: Broker): Promise<Configs> {
  const resource = { type: 4, name: String(broker.id) }
  const described: DescribeConfigResponse = await admin.describeConfigs({
    resources: [resource],
    includeSynonyms: false,
  })
  const entries = described.resources[0]?.configEntries ?? []
  return new Map(entries.map(({ configName, configValue }) => [configName, configValue]))
}

const MISMATCHED = (folder: string, told: string, found: string) =>
  failed('broker id', `${join(folder, 'meta.properties')} says ${found}, the broker ${told}`, {
    en: 'Put the id of meta.properties back into server.properties (node.id or broker.id), or start the broker with an empty log folder of its own.',
    ko: 'server.properties의 node.id(또는 broker.id)를 meta.properties의 값으로 되돌리거나, 브로커를 비어 있는 별도의 로그 폴더로 시작하세요.',
  })

/** `meta.properties` is of the folder's first broker: another id refuses to start. Read where the folder is of this host. */
export async function idCheck(folder: string, broker: Broker): Promise<Check> {
  const text = await readFile(join(folder, 'meta.properties'), 'utf8').catch(() => null)
  const id = text === null ? null : (/^(?:node|broker)\.id=(\d+)$/m.exec(text)?.[1] ?? null)
  if (id === null) return skipped('broker id', `${folder} of broker ${broker.id} cannot be read from this host`)
  if (Number(id) !== broker.id) return MISMATCHED(folder, String(broker.id), id)
  return ok('broker id', `${id}, as meta.properties in ${folder} says`)
}

export function folderCheck(folder: string, broker: Broker): Check {
  const cleared = volatileFolder(folder)
  const name = `broker ${broker.id} folder`
  if (cleared === null) return ok(name, folder)
  return warning(name, `${folder} is below ${cleared}: its records are gone after a restart of the host`, {
    en: 'Set log.dirs of the broker to a folder that is kept, such as /var/lib/kafka, and move the data while it is stopped.',
    ko: '브로커의 log.dirs를 /var/lib/kafka처럼 지워지지 않는 폴더로 바꾸고, 브로커를 멈춘 상태에서 데이터를 옮기세요.',
  })
}

async function* brokerChecks(admin: Admin, broker: Broker): AsyncGenerator<Check> {
  const configs = await configsOf(admin, broker).catch(() => null)
  if (configs === null) {
    yield skipped(`broker ${broker.id} folder`, 'its configuration may not be read with this login')
    return
  }
  const version = configs.get('inter.broker.protocol.version') ?? configs.get('metadata.version')
  if (version !== undefined) yield ok(`broker ${broker.id} version`, `speaks ${version}`)
  for (const folder of (configs.get('log.dirs') ?? configs.get('log.dir') ?? '')
    .split(',')
    .filter((dir) => dir !== '')) {
    yield folderCheck(folder, broker)
    yield await idCheck(folder, broker)
  }
}

const CANNOT_WRITE = {
  en: 'Give the login the right to create and write topics (kafka-acls), and look whether enough replicas are in sync (min.insync.replicas).',
  ko: '로그인에 토픽 생성과 쓰기 권한을 주고(kafka-acls), 동기화된 복제본이 충분한지(min.insync.replicas) 확인하세요.',
}

/** A record there and back; its timestamp is the log's own clock. */
async function* recordChecks(log: EventLog): AsyncGenerator<Check> {
  const before = Date.now()
  let theirs: number | undefined
  yield await tried('writable', CANNOT_WRITE, async () => {
    await log.ensureTopic(PROBE_TOPIC, { partitions: 1, timestampType: 'append', retentionMs: 3_600_000 })
    const producer = await log.producer()
    const [sent] = await producer.send(PROBE_TOPIC, [{ value: 'baram doctor' }])
    await producer.close()
    for await (const [message] of log.readRange(PROBE_TOPIC, 0, sent?.first ?? 0, (sent?.first ?? 0) + 1))
      theirs = message?.timestamp
    return ok('writable', `a record in topic ${PROBE_TOPIC} came back`)
  })
  if (theirs !== undefined) yield clockCheck('the log', theirs, before, Date.now())
}

const UNKNOWN_TOPIC = {
  en: 'Correct the name, or make the topic: a producer of ours makes it at its first record.',
  ko: '토픽 이름을 고치거나 토픽을 만드세요. Baram의 프로듀서는 첫 레코드를 보낼 때 토픽을 만듭니다.',
}

async function* topicChecks(log: EventLog, topic: string, group: string | undefined): AsyncGenerator<Check> {
  yield await tried('topic', UNKNOWN_TOPIC, async () => {
    const offsets = await log.offsets(topic)
    const told = offsets.map(({ partition, earliest, end }) => `${partition}: ${earliest}–${end}`).join(', ')
    return ok('topic', `${topic} has ${offsets.length} partitions, offsets ${told}`)
  })
  if (group === undefined) return
  yield await tried('group', UNKNOWN_TOPIC, async () => {
    const lag = await log.lag(group, topic)
    const sum = lag.reduce((total, partition) => total + partition.lag, 0)
    if (lag.every(({ stored }) => stored === null))
      return warning('group', `${group} has stored no offset of ${topic}; ${sum} records are there`, {
        en: 'Nobody has read the topic in this group yet: unpause its DAG, or correct the name of the group.',
        ko: '이 그룹으로 토픽을 읽은 적이 없습니다. DAG의 일시 정지를 풀거나 그룹 이름을 고치세요.',
      })
    return ok('group', `${group} has ${sum} records of ${topic} still to read`)
  })
}

const CANNOT_OPEN = {
  en: 'Correct the connection as the sentence says; security.protocol and login must be those of the listener.',
  ko: '위 문장대로 연결을 고치세요. security.protocol과 로그인은 리스너의 설정과 같아야 합니다.',
}

async function* logChecks(op: ConnectionContext, options: DoctorOptions): AsyncGenerator<Check> {
  let log: EventLog | undefined
  const opened = await tried('open', CANNOT_OPEN, async () => {
    log = await openEventLog(op, options.connId)
    return ok('open', log.name)
  })
  yield opened
  if (log === undefined) return
  try {
    if (options.isReadOnly === true) yield skipped('writable', 'nothing is written')
    else yield* recordChecks(log)
    if (options.topic !== undefined) yield* topicChecks(log, options.topic, options.group)
  } finally {
    await log.close()
  }
}

async function* clusterChecks(op: ConnectionContext, connection: ConnectionResult): AsyncGenerator<Check> {
  const config = await kafkaConfigOf(connection)
  const found: Check[] = []
  for await (const check of bootstrapChecks(config.brokers, op.signal)) {
    found.push(check)
    yield check
  }
  if (!found.some(({ state }) => state === 'ok')) return
  const hosts = await Promise.all(config.brokers.map((server) => addressesOf(endpointOf(server)?.host ?? '')))
  const isLocal = hosts.some((addresses) => addresses?.some(isLoopback) === true)
  const clientId = `baram ${op.dagId}`
  const admin = makeKafka(
    { connId: connection.id, config, clientId, log: op.log, signal: op.signal },
    { few: true },
  ).admin()
  try {
    await admin.connect()
    const { brokers, controller, clusterId } = await admin.describeCluster()
    yield ok('cluster', `${clusterId}: ${brokers.length} brokers, controller ${controller ?? 'unknown'}`)
    for (const { nodeId: id, host, port } of brokers) {
      yield await advertisedCheck({ id, host, port }, isLocal, op.signal)
      yield* brokerChecks(admin, { id, host, port })
    }
  } catch (error) {
    yield failed('cluster', error instanceof Error ? error.message : String(error), CANNOT_OPEN)
  } finally {
    await admin.disconnect().catch(() => undefined)
  }
}

/** Kafka by its connection; without one the folder of the embedded event log. */
export async function* kafkaDoctor(op: ConnectionContext, options: DoctorOptions): AsyncGenerator<Check> {
  const connection = await op.client.getConnection(options.connId)
  if (connection === null) {
    yield ok('connection', `there is no ${options.connId}: the embedded event log, files of this host`)
    yield* folderChecks(join(op.embeddedRoot, 'event-log'), options.isReadOnly)
  } else if (connection.type === 'kafka') yield* clusterChecks(op, connection)
  else yield* folderChecks(folderOf(connection), options.isReadOnly)
  yield* logChecks(op, options)
}
