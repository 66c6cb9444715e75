// A Postgres that pipelines write to.

import type { ConnectionContext } from '../connection.ts'
import { openPostgres, type PostgresHook } from '../postgres/hook.ts'
import { type Check, clockCheck, type DoctorOptions, failed, ok, skipped, tried, warning } from './check.ts'

const CANNOT_OPEN = {
  en: 'Correct host, port, login, password and database of the connection; pg_hba.conf of the server must let this host in.',
  ko: '연결의 호스트, 포트, 로그인, 비밀번호, 데이터베이스를 확인하세요. 서버의 pg_hba.conf가 이 호스트를 허용해야 합니다.',
}
const CANNOT_WRITE = {
  en: 'Grant the login the right to create tables (`grant create on schema public to …`), or name a schema of its own.',
  ko: '로그인에 테이블 생성 권한을 주거나(`grant create on schema public to …`) 자신의 스키마를 쓰세요.',
}

interface About {
  readonly version: string
  readonly encoding: string
  readonly now: number
  readonly recovering: boolean
  readonly used: number
  readonly most: number
}

const ABOUT = `select current_setting('server_version') as version, current_setting('server_encoding') as encoding,
  (extract(epoch from clock_timestamp()) * 1000)::bigint as now, pg_is_in_recovery() as recovering,
  (select count(*) from pg_stat_activity where backend_type = 'client backend')::int as used,
  current_setting('max_connections')::int as most`

function stateChecks({ version, encoding, recovering, used, most }: About): readonly Check[] {
  const checks = [ok('version', `PostgreSQL ${version}`)]
  if (encoding !== 'UTF8')
    checks.push(
      failed('encoding', `the database is ${encoding}`, {
        en: 'Make a database with encoding UTF8 (`createdb -E UTF8 -T template0 …`): others refuse most of the world’s texts.',
        ko: '인코딩이 UTF8인 데이터베이스를 만드세요(`createdb -E UTF8 -T template0 …`). 다른 인코딩은 대부분의 문자를 거부합니다.',
      }),
    )
  if (recovering)
    checks.push(
      failed('writable', 'the server is a standby: it can only be read', {
        en: 'Name the primary in the connection, or several hosts with target_session_attrs=read-write.',
        ko: '연결에 주 서버를 적거나, 여러 호스트와 target_session_attrs=read-write를 적으세요.',
      }),
    )
  const told = `${used} of ${most} are used`
  checks.push(
    used < most * 0.8
      ? ok('connections', told)
      : warning('connections', told, {
          en: 'Close what is idle, put a connection pooler in front, or raise max_connections.',
          ko: '쉬고 있는 연결을 닫거나, 커넥션 풀러를 두거나, max_connections를 늘리세요.',
        }),
  )
  return checks
}

const writableCheck = (postgres: PostgresHook) =>
  tried('writable', CANNOT_WRITE, async () => {
    await postgres.transaction(async () => {
      await postgres.run('create table baram_doctor (n int)')
      await postgres.run('drop table baram_doctor')
    })
    return ok('writable', 'a table was made and dropped, in one transaction')
  })

/** Of any connection of type postgres. */
export async function* postgresChecks(
  op: ConnectionContext,
  connId: string,
  isReadOnly = false,
): AsyncGenerator<Check> {
  let postgres: PostgresHook | undefined
  yield await tried('reachable', CANNOT_OPEN, async () => {
    const startedAt = performance.now()
    postgres = await openPostgres(op, connId)
    return ok('reachable', `a session is open in ${Math.max(1, Math.round(performance.now() - startedAt))} ms`)
  })
  if (postgres === undefined) return
  const opened: PostgresHook = postgres
  try {
    const before = Date.now()
    const [about] = await opened.query<About>(ABOUT)
    const after = Date.now()
    if (about === undefined) return
    yield* stateChecks(about)
    yield clockCheck('Postgres', about.now, before, after)
    if (isReadOnly || about.recovering) yield skipped('writable', 'nothing is written')
    else yield await writableCheck(opened)
  } finally {
    await opened.close()
  }
}

/** Postgres by its connection; without `postgres_default` the embedded one. */
export async function* postgresDoctor(op: ConnectionContext, options: DoctorOptions): AsyncGenerator<Check> {
  const connection = await op.client.getConnection(options.connId)
  if (connection === null && options.connId === 'postgres_default')
    yield ok('connection', `there is no ${options.connId}: the embedded Postgres of this host`)
  yield* postgresChecks(op, options.connId, options.isReadOnly)
}
