// The embedded Postgres as it is when all is well: durable, closed to others, with roles of its own.

import { readFileSync, statSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findBinaries } from '../../services/postgres/binaries.ts'
import { serverProcesses } from '../../services/postgres/server.ts'
import { runSql } from '../support/launch-postgres.ts'
import { startTestPostgres } from '../support/postgres.ts'
import { asRoot, MAJOR, useEmbeddedPostgres } from './embedded-postgres.ts'

const { newHome, start } = useEmbeddedPostgres()

test('a first start makes a durable UTF-8 cluster with scram passwords, listening on its socket only', async () => {
  const home = await newHome()
  const server = await start(home)
  expect(server).toMatchObject({ adopted: false, dataDir: join(home, 'postgres', String(MAJOR), 'data') })
  const [row] = await runSql(
    server.url,
    `select current_setting('server_encoding') as encoding, current_setting('fsync') as fsync,
      current_setting('listen_addresses') as addresses, current_setting('password_encryption') as passwords,
      current_setting('unix_socket_permissions') as permissions, current_setting('max_connections') as connections,
      (select datcollate from pg_database where datname = 'baram') as locale, current_database() as name`,
  )
  expect(row).toEqual({
    encoding: 'UTF8',
    fsync: 'on',
    addresses: '',
    passwords: 'scram-sha-256',
    permissions: '0700',
    connections: '60',
    locale: 'C.UTF-8',
    name: 'baram',
  })
  const hba = await readFile(join(server.dataDir, 'pg_hba.conf'), 'utf8')
  const methods = hba
    .split('\n')
    .flatMap((line) => (line === '' || line.startsWith('#') ? [] : [line.trim().split(/\s+/).at(-1)]))
  expect(new Set(methods)).toEqual(new Set(['scram-sha-256']))
  const file = join(home, 'keys', 'postgres.password')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readFileSync(file, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/)
  await expect(runSql(server.url.replace(/:[0-9a-f]{64}@/, ':wrong@'), 'select 1')).rejects.toThrow(/password/)
})

test('data survives a stop and a start, and a stop leaves no process', async () => {
  const home = await newHome()
  const first = await start(home)
  await runSql(first.url, 'create table kept as select 42 as answer')
  const began = performance.now()
  await first.stop()
  expect(performance.now() - began).toBeLessThan(5_000)
  expect(serverProcesses(first.dataDir)).toEqual([])
  const second = await start(home)
  expect(second.adopted).toBe(false)
  expect(await runSql(second.url, 'select answer from kept')).toEqual([{ answer: 42 }])
})

test('the lake role has a database of its own and cannot connect to the metadata', async () => {
  const server = await start(await newHome())
  await runSql(server.lakeUrl, 'create table documents (id int)')
  const password = /lake:([0-9a-f]+)@/.exec(server.lakeUrl)?.[1] ?? ''
  const intoMetadata = server.url.replace(/baram:[0-9a-f]+@/, `lake:${password}@`)
  for (const database of ['baram', 'postgres', 'template1']) {
    await expect(runSql(intoMetadata.replace('@/baram', `@/${database}`), 'select 1')).rejects.toThrow(
      /permission denied/,
    )
  }
  const [row] = await runSql(
    server.lakeUrl,
    'select rolsuper, rolcreatedb, rolcreaterole from pg_roles where rolname = current_user',
  )
  expect(row).toEqual({ rolsuper: false, rolcreatedb: false, rolcreaterole: false })
})

test.skipIf(!asRoot)('root runs the server as an unprivileged user', async () => {
  const server = await start(await newHome())
  expect(statSync(`/proc/${server.pid}`).uid).not.toBe(0)
  expect(statSync(server.dataDir).mode & 0o777).toBe(0o700)
  expect(statSync(server.socketDir).mode & 0o777).toBe(0o700)
})

test('a lost password file is replaced, and the roles learn the new password', async () => {
  const home = await newHome()
  const first = await start(home)
  await rm(join(home, 'keys'), { recursive: true })
  const second = await start(home)
  expect(second.url).not.toBe(first.url)
  expect(await runSql(second.url, 'select 1 as one')).toEqual([{ one: 1 }])
  expect(await runSql(second.lakeUrl, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('a platform without binaries is told to bring its own database', () => {
  for (const at of [
    { platform: 'win32', arch: 'x64', musl: false },
    { platform: 'linux', arch: 'x64', musl: true },
    { platform: 'linux', arch: 's390x', musl: false },
  ]) {
    expect(() => findBinaries(at)).toThrow(/set BARAM__DATABASE__SQL_ALCHEMY_CONN/)
  }
})

test('tests get fresh databases on the server of the run', async () => {
  const postgres = await startTestPostgres()
  const [a, b] = [await postgres.createDatabase(), await postgres.createDatabase()]
  await runSql(a, 'create table only_in_a (id int)')
  expect(await runSql(b, "select to_regclass('only_in_a') as found")).toEqual([{ found: null }])
  await postgres.stop()
  await expect(runSql(a, 'select 1')).rejects.toThrow(/does not exist/)
})
