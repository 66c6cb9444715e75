// What the embedded Postgres makes of an end it did not choose: killed, adopted, with stale locks, half made.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chown, readdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isAlive, sendSignal, waitUntil } from '../../runtime/processes.ts'
import { findBinaries } from '../../services/postgres/binaries.ts'
import { chooseRunAs } from '../../services/postgres/run-as.ts'
import { runSql } from '../support/launch-postgres.ts'
import { firstWords, leaveByKill, MAJOR, useEmbeddedPostgres } from './embedded-postgres.ts'

const world = useEmbeddedPostgres()
const { children, newHome, start, startProcess } = world

test('a Ctrl-C to the whole group reaches Baram but not its database', async () => {
  const home = await newHome()
  const { child, pid, url } = await startProcess(home, { detached: true })
  const heard = firstWords(child)
  process.kill(-(child.pid ?? 0), 'SIGINT')
  expect(await heard).toContain('interrupted')
  expect(await runSql(url, 'select 1 as one')).toEqual([{ one: 1 }])
  expect(isAlive(pid)).toBe(true)
  child.kill('SIGKILL')
  await (await start(home)).stop()
  expect(isAlive(pid)).toBe(false)
})

test('the server of a killed Baram is adopted, not started a second time', async () => {
  const home = await newHome()
  const { child, pid, url } = await startProcess(home)
  await runSql(url, 'create table kept as select 7 as seven')
  child.kill('SIGKILL')
  await once(child, 'exit')
  const adopted = await start(home)
  expect(adopted).toMatchObject({ adopted: true, pid, url })
  expect(await runSql(adopted.url, 'select seven from kept')).toEqual([{ seven: 7 }])
  await adopted.stop()
  expect(isAlive(pid)).toBe(false)
})

test('an adopted server whose socket was deleted is restarted', async () => {
  const home = await newHome()
  const first = await start(home)
  await unlink(join(first.socketDir, '.s.PGSQL.5432'))
  const second = await start(home)
  expect(second.adopted).toBe(false)
  expect(await runSql(second.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('a server killed while it worked recovers what was committed, also with a busy helper left behind', async () => {
  const home = await newHome()
  const first = await start(home)
  await runSql(first.url, 'create table kept as select 1 as one')
  const busy = runSql(first.url, 'select count(*) from generate_series(1, 2000000000)').catch(() => 'lost')
  await waitUntil(
    async () =>
      (
        await runSql(
          first.url,
          "select 1 from pg_stat_activity where query like '%2000000000%' and pid <> pg_backend_pid()",
        )
      ).length > 0,
    5_000,
  )
  sendSignal(first.pid, 'SIGKILL')
  const second = await start(home)
  expect(second.adopted).toBe(false)
  expect(await runSql(second.url, 'select one from kept')).toEqual([{ one: 1 }])
  expect(await busy).toBe('lost')
})

test('after kill -9 of everything the server recovers, even when the noted pid belongs to another process now', async () => {
  const home = await newHome()
  const first = await start(home)
  await runSql(first.url, 'create table kept as select 1 as one')
  await leaveByKill(first)
  const pidFile = join(first.dataDir, 'postmaster.pid')
  expect(existsSync(pidFile)).toBe(true)
  const bystander = spawn('sleep', ['60'], { stdio: 'ignore', ...(chooseRunAs(first.dataDir) ?? {}) })
  children.push(bystander)
  await writeFile(pidFile, (await readFile(pidFile, 'utf8')).replace(/^\d+/, String(bystander.pid)))
  const second = await start(home)
  expect(second.adopted).toBe(false)
  expect(await runSql(second.url, 'select one from kept')).toEqual([{ one: 1 }])
  expect(isAlive(bystander.pid ?? 0)).toBe(true)
})

test('a socket lock of an earlier server that names a living process of the same user does not stop the start', async () => {
  const home = await newHome()
  const first = await start(home)
  await first.stop()
  const bystander = spawn('sleep', ['60'], { stdio: 'ignore', ...(chooseRunAs(first.dataDir) ?? {}) })
  children.push(bystander)
  const lock = join(first.socketDir, '.s.PGSQL.5432.lock')
  await writeFile(lock, `${bystander.pid}\n${first.dataDir}\n1700000000\n5432\n${first.socketDir}\n`, { mode: 0o600 })
  const owner = chooseRunAs(first.dataDir)
  if (owner !== null) await chown(lock, owner.uid, owner.gid)
  const second = await start(home)
  expect(second.adopted).toBe(false)
  expect(await runSql(second.url, 'select 1 as one')).toEqual([{ one: 1 }])
  expect(isAlive(bystander.pid ?? 0)).toBe(true)
})

test('a start that was killed while making the data folder is made anew', async () => {
  const home = await newHome()
  const child = spawn(process.execPath, [world.program, home, findBinaries().native, world.shared], {
    stdio: 'ignore',
    detached: true,
  })
  children.push(child)
  const folder = join(home, 'postgres', String(MAJOR))
  const hasBegun = async () =>
    (await readdir(folder).catch(() => [])).some((name) => existsSync(join(folder, name, 'PG_VERSION')))
  expect(await waitUntil(hasBegun, 10_000, 1)).toBe(true)
  process.kill(-(child.pid ?? 0), 'SIGKILL')
  expect(existsSync(join(folder, 'data'))).toBe(false)
  const server = await start(home)
  expect(await runSql(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
  expect((await readdir(folder)).filter((name) => name.startsWith('partial-'))).toEqual([])
})
