// HDFS by WebHDFS, or the folder of the embedded lake: which NameNode serves, how the file system stands, and a file there and back.

import { Readable } from 'node:stream'
import { request } from 'undici'
import type { ConnectionResult } from '../../sdk/index.ts'
import { type ConnectionContext, folderOf } from '../connection.ts'
import { embeddedLakeRoot, openLake } from '../lake/open.ts'
import { type WebHdfsTarget, webHdfsTarget } from '../lake/webhdfs/connection.ts'
import { type Check, clockCheck, type DoctorOptions, failed, ok, skipped, tried, warning } from './check.ts'
import { folderChecks } from './folder.ts'
import { addressesOf, endpointOf, reachableCheck, resolvableCheck } from './network.ts'

const LOOK_MS = 10_000

interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

async function ask(url: string, signal: AbortSignal, method: 'GET' | 'PUT' = 'GET'): Promise<Answer> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)])
  const { statusCode, headers, body } = await request(url, { method, signal: limit })
  return { status: statusCode, text: await body.text(), headers }
}

type Bean = Readonly<Record<string, unknown>>

/** One bean of the NameNode's own page of numbers. @returns null where it may not be asked */
async function beanOf(target: WebHdfsTarget, node: string, name: string, signal: AbortSignal): Promise<Bean | null> {
  try {
    const { text } = await ask(`${target.protocol}://${node}/jmx?qry=Hadoop:service=NameNode,name=${name}`, signal)
    const { beans } = JSON.parse(text) as { readonly beans?: readonly Bean[] }
    return beans?.[0] ?? null
  } catch {
    signal.throwIfAborted()
    return null
  }
}

function safemodeCheck(node: string, info: Bean): Check {
  const said = String(info['Safemode'] ?? '')
  if (said === '') return ok('safe mode', `off at ${node}`)
  return failed('safe mode', `on at ${node}: ${said.slice(0, 200)}`, {
    en: 'Nothing can be written. It ends by itself once enough DataNodes have reported; `hdfs dfsadmin -safemode leave` ends it by hand.',
    ko: '쓰기가 되지 않습니다. DataNode가 충분히 보고하면 저절로 풀리고, `hdfs dfsadmin -safemode leave`로 직접 풀 수도 있습니다.',
  })
}

function dataNodesCheck(state: Bean): Check {
  const live = Number(state['NumLiveDataNodes'] ?? 0)
  const dead = Number(state['NumDeadDataNodes'] ?? 0)
  const free = (Number(state['CapacityRemaining'] ?? 0) / 1_073_741_824).toFixed(1)
  const told = `${live} live, ${dead} dead, ${free} GiB free`
  if (live > 0 && dead === 0) return ok('DataNodes', told)
  const look = live === 0 ? failed : warning
  return look('DataNodes', told, {
    en: 'Start the DataNodes that are missing, and read their logs: "Incompatible clusterIDs" means that the NameNode was formatted again.',
    ko: '빠진 DataNode를 시작하고 로그를 보세요. "Incompatible clusterIDs"는 NameNode를 다시 포맷했다는 뜻입니다.',
  })
}

async function* nameNodeChecks(op: ConnectionContext, target: WebHdfsTarget, node: string): AsyncGenerator<Check> {
  const endpoint = endpointOf(node)
  if (endpoint === null) return
  const reached = await reachableCheck('NameNode', endpoint, op.signal)
  yield reached
  if (reached.state !== 'ok') return
  const status = await beanOf(target, node, 'NameNodeStatus', op.signal)
  const info = await beanOf(target, node, 'NameNodeInfo', op.signal)
  if (status === null || info === null) {
    yield skipped('version', `${node} does not show /jmx`)
    return
  }
  yield ok('version', `${node}: Hadoop ${String(info['SoftwareVersion'])}, ${String(status['State'])}`)
  if (status['State'] !== 'active') return
  yield safemodeCheck(node, info)
  const state = await beanOf(target, node, 'FSNamesystemState', op.signal)
  if (state !== null) yield dataNodesCheck(state)
}

/** Bytes go to the name by which a DataNode has registered: it must be known here. */
async function redirectCheck(op: ConnectionContext, target: WebHdfsTarget, node: string): Promise<Check | null> {
  const user = target.user === '' ? '' : `&user.name=${encodeURIComponent(target.user)}`
  const url = `${target.protocol}://${node}${target.root}/tmp/.baram-doctor?op=CREATE&noredirect=true&overwrite=true${user}`
  const answer = await ask(url, op.signal, 'PUT').catch(() => null)
  if (answer?.status !== 200) return null
  const [, location = ''] = /"Location"\s*:\s*"([^"]+)"/.exec(answer.text) ?? []
  const host = URL.canParse(location) ? new URL(location).hostname : ''
  const addresses = await addressesOf(host)
  if (addresses !== null) return ok('DataNode names', `${host} is known on this host`)
  return { ...resolvableCheck('DataNode names', host, addresses), ...DATA_NODE_NAME }
}

const DATA_NODE_NAME = {
  fix: {
    en: 'Add the name of the DataNode to /etc/hosts of this host, or set dfs.datanode.hostname to a name that is known here.',
    ko: '이 호스트의 /etc/hosts에 DataNode 이름을 추가하거나, dfs.datanode.hostname을 여기서 찾을 수 있는 이름으로 설정하세요.',
  },
}

async function clockOf(op: ConnectionContext, target: WebHdfsTarget, node: string): Promise<Check | null> {
  const before = Date.now()
  const answer = await ask(`${target.protocol}://${node}/`, op.signal).catch(() => null)
  const theirs = Date.parse(String(answer?.headers['date'] ?? ''))
  // The header has whole seconds.
  return Number.isNaN(theirs) ? null : clockCheck(node, theirs + 500, before - 500, Date.now() + 500)
}

const CANNOT_WRITE = {
  en: 'Give the login of the connection the right to write to /tmp and to its own folders (`hdfs dfs -chown`), or set another login.',
  ko: '연결의 로그인 사용자에게 /tmp와 작업 폴더의 쓰기 권한을 주거나(`hdfs dfs -chown`) 다른 로그인을 쓰세요.',
}

const roundTrip = (op: ConnectionContext, connId: string): Promise<Check> =>
  tried('writable', CANNOT_WRITE, async () => {
    const lake = await openLake(op, connId)
    const path = `/tmp/.baram-doctor-${process.pid}`
    await lake.write(path, Readable.from([Buffer.from('baram')]), { signal: op.signal })
    await lake.delete(path)
    return ok('writable', `a file in /tmp of ${lake.name} was written and removed`)
  })

async function* clusterChecks(
  op: ConnectionContext,
  connection: ConnectionResult,
  isReadOnly: boolean,
): AsyncGenerator<Check> {
  const target = await webHdfsTarget(op, connection)
  for (const node of target.nameNodes) yield* nameNodeChecks(op, target, node)
  for (const node of target.nameNodes) {
    const clock = await clockOf(op, target, node)
    if (clock !== null) yield clock
    const redirect = isReadOnly ? null : await redirectCheck(op, target, node)
    if (redirect !== null) yield redirect
  }
  if (isReadOnly) yield skipped('writable', 'nothing is written')
  else yield await roundTrip(op, connection.id)
}

/** HDFS by its connection; without one the folder of the embedded lake. */
export async function* hdfsDoctor(op: ConnectionContext, options: DoctorOptions): AsyncGenerator<Check> {
  const connection = await op.client.getConnection(options.connId)
  if (connection === null) {
    yield ok('connection', `there is no ${options.connId}: the embedded lake, a folder of this host`)
    yield* folderChecks(embeddedLakeRoot(op.embeddedRoot), options.isReadOnly)
  } else if (connection.type === 'webhdfs' || connection.type === 'hdfs')
    yield* clusterChecks(op, connection, options.isReadOnly === true)
  else yield* folderChecks(folderOf(connection), options.isReadOnly)
}
