// HiveServer2, or the embedded warehouse.

import { join } from 'node:path'
import type { ConnectionContext } from '../connection.ts'
import { hiveTarget } from '../warehouse/hive/connection.ts'
import { type HiveSession, openHiveSession } from '../warehouse/hive/session.ts'
import { type Check, clockCheck, type DoctorOptions, ok, skipped, tried } from './check.ts'
import { folderChecks } from './folder.ts'
import { reachableCheck } from './network.ts'

const CONNECT_MS = 10_000

const NO_SESSION = {
  en: "Set extra.auth to the server's hive.server2.authentication (NOSASL, NONE, LDAP), and look into the log of HiveServer2.",
  ko: 'extra.auth를 서버의 hive.server2.authentication(NOSASL, NONE, LDAP)과 같게 하고 HiveServer2의 로그를 보세요.',
}
const NO_STATEMENT = {
  en: 'The session is open, but no statement runs: look at the metastore and the execution engine in the log of HiveServer2.',
  ko: '세션은 열리지만 명령이 실행되지 않습니다. HiveServer2 로그에서 메타스토어와 실행 엔진을 확인하세요.',
}

const firstValue = async (session: HiveSession, sql: string): Promise<string> => {
  const { rows } = await session.run(sql)
  return String(Object.values(rows[0] ?? {})[0] ?? '')
}

async function* sessionChecks(session: HiveSession): AsyncGenerator<Check> {
  yield await tried('version', NO_STATEMENT, async () => ok('version', await firstValue(session, 'select version()')))
  yield await tried('clock', NO_STATEMENT, async () => {
    const before = Date.now()
    const theirs = Number(await firstValue(session, 'select unix_timestamp()')) * 1_000
    // Whole seconds.
    return clockCheck('Hive', theirs + 500, before - 500, Date.now() + 500)
  })
  yield await tried('databases', NO_STATEMENT, async () => {
    const { rows } = await session.run('show databases')
    return ok('databases', `${rows.length} databases can be seen`)
  })
  yield skipped('writable', 'a table is not made to try: the task that loads one says what is missing')
}

/** HiveServer2 by its connection; without one the folder of the embedded warehouse. */
export async function* hiveDoctor(op: ConnectionContext, options: DoctorOptions): AsyncGenerator<Check> {
  const connection = await op.client.getConnection(options.connId)
  if (connection === null) {
    yield ok('connection', `there is no ${options.connId}: the embedded warehouse (DuckDB), a folder of this host`)
    yield* folderChecks(join(op.embeddedRoot, 'warehouse'), options.isReadOnly)
    return
  }
  const target = await hiveTarget(op, connection)
  const reached = await reachableCheck('reachable', target, op.signal)
  yield reached
  if (reached.state !== 'ok') return
  let session: HiveSession | undefined
  yield await tried('session', NO_SESSION, async () => {
    session = await openHiveSession(target, op.log, CONNECT_MS)
    return ok('session', `${target.auth}, ${target.transport} transport`)
  })
  if (session === undefined) return
  try {
    yield* sessionChecks(session)
  } finally {
    await session.close()
  }
}
