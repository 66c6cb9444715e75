// Elasticsearch, or the embedded index in Postgres.

import type { ConnectionContext } from '../connection.ts'
import { type ElasticClient, openElasticClient } from '../document-index/elastic-client.ts'
import { type Check, clockCheck, type DoctorOptions, failed, ok, skipped, tried, warning } from './check.ts'
import { reachableCheck } from './network.ts'
import { postgresChecks } from './postgres.ts'

const PROBE_INDEX = 'baram-doctor'

const CANNOT_OPEN = {
  en: 'Correct host, port and schema (http or https) of the connection, its login, or the CA in extra.ca_certs.',
  ko: '연결의 호스트, 포트, 스키마(http 또는 https), 로그인, extra.ca_certs의 인증서를 확인하세요.',
}

type Answer = Readonly<Record<string, unknown>>
const answerOf = async (client: ElasticClient, path: string): Promise<Answer> =>
  (await client.request({ method: 'GET', path })).body as Answer

async function healthCheck(client: ElasticClient): Promise<Check> {
  const health = await answerOf(client, '/_cluster/health')
  const told = `${String(health['status'])}, ${String(health['number_of_nodes'])} nodes, ${String(health['unassigned_shards'])} shards unassigned`
  if (health['status'] === 'green') return ok('health', told)
  if (health['status'] === 'yellow')
    return warning('health', told, {
      en: 'Copies of shards have no node: add nodes, or set number_of_replicas to 0 where there is one node.',
      ko: '복제 샤드를 둘 노드가 없습니다. 노드를 추가하거나, 노드가 하나이면 number_of_replicas를 0으로 하세요.',
    })
  return failed('health', told, {
    en: 'Shards are lost or not loaded yet: see GET /_cluster/allocation/explain, and start the node that holds them.',
    ko: '샤드가 없거나 아직 올라오지 않았습니다. GET /_cluster/allocation/explain을 보고 그 샤드를 가진 노드를 시작하세요.',
  })
}

async function writableCheck(client: ElasticClient): Promise<Check> {
  const { status, body } = await client.request({ method: 'PUT', path: `/${PROBE_INDEX}`, body: {} })
  if (status === 200) {
    await client.request({ method: 'DELETE', path: `/${PROBE_INDEX}` })
    return ok('writable', `the index ${PROBE_INDEX} was made and removed`)
  }
  return failed('writable', `the index ${PROBE_INDEX} is refused (${status}): ${JSON.stringify(body).slice(0, 200)}`, {
    en: 'Let the login make indices. Where it says read-only or flood stage, free the disk, then unset index.blocks.read_only_allow_delete.',
    ko: '로그인에 인덱스 생성 권한을 주세요. read-only나 flood stage라고 하면 먼저 디스크를 비우고 index.blocks.read_only_allow_delete를 해제하세요.',
  })
}

async function clockOf(client: ElasticClient): Promise<Check> {
  const before = Date.now()
  const stats = await answerOf(client, '/_nodes/_local/stats/jvm')
  const node = Object.values((stats['nodes'] ?? {}) as Readonly<Record<string, Answer>>)[0]
  const theirs = Number(node?.['timestamp'])
  return Number.isFinite(theirs)
    ? clockCheck('Elasticsearch', theirs, before, Date.now())
    : skipped('clock', 'not told')
}

/** Elasticsearch by its connection; without one the embedded index, in Postgres. */
export async function* elasticsearchDoctor(op: ConnectionContext, options: DoctorOptions): AsyncGenerator<Check> {
  const connection = await op.client.getConnection(options.connId)
  if (connection === null) {
    yield ok('connection', `there is no ${options.connId}: the embedded index, in Postgres of this host`)
    yield* postgresChecks(op, 'embedded_postgres', options.isReadOnly)
    return
  }
  if (connection.type !== 'elasticsearch') {
    yield* postgresChecks(op, options.connId, options.isReadOnly)
    return
  }
  const host = (connection.host ?? '').replace(/^https?:\/\//, '')
  const reached = await reachableCheck('reachable', { host, port: connection.port ?? 9200 }, op.signal)
  yield reached
  if (reached.state !== 'ok') return
  let client: ElasticClient | undefined
  yield await tried('version', CANNOT_OPEN, async () => {
    client = await openElasticClient(connection, op.signal)
    const { version } = (await answerOf(client, '/')) as { readonly version?: { readonly number?: string } }
    return ok('version', `Elasticsearch ${version?.number ?? client.major}`)
  })
  if (client === undefined) return
  const opened: ElasticClient = client
  try {
    yield await tried('health', CANNOT_OPEN, () => healthCheck(opened))
    yield await tried('clock', CANNOT_OPEN, () => clockOf(opened))
    if (options.isReadOnly === true) yield skipped('writable', 'nothing is written')
    else yield await tried('writable', CANNOT_OPEN, () => writableCheck(opened))
  } finally {
    await opened.close()
  }
}
