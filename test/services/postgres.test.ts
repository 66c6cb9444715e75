import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isAlive, sendSignal, waitUntil } from '../../runtime/processes.ts'
import { describeBinaries, findBinaries, prepareBinaries } from '../../services/postgres/binaries.ts'
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../../services/postgres/index.ts'
import { chooseRunAs } from '../../services/postgres/run-as.ts'
import { serverProcesses } from '../../services/postgres/server.ts'
import { makeHome, quiet, runSql } from '../support/launch-postgres.ts'
import { startTestPostgres } from '../support/postgres.ts'

/** An asymmetric matcher, typed as what it stands for instead of `any`. */
const textLike = (pattern: RegExp): unknown => expect.stringMatching(pattern)

const MAJOR = findBinaries().majorVersion
const asRoot = process.getuid?.() === 0
const folders: string[] = []
const servers: EmbeddedPostgres[] = []
const children: ChildProcess[] = []

async function newHome(): Promise<string> {
  const home = await makeHome()
  folders.push(home)
  return home
}

/** Where root puts binaries that Postgres' user cannot reach: below a closed folder, those of this very checkout. */
let shared = ''

async function start(home: string, options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ home, log: quiet, sharedFolders: [shared], ...options })
  servers.push(server)
  return server
}

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await Promise.all(servers.map((server) => server.stop()))
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

let program = ''

beforeAll(async () => {
  const folder = await newHome()
  program = join(folder, 'start.mjs')
  shared = join(folder, 'shared')
  const entry = fileURLToPath(new URL('./start-postgres.ts', import.meta.url))
  await build({
    entryPoints: [entry],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
  })
})

async function firstWords(child: ChildProcess): Promise<string> {
  const words: unknown[] = child.stdout === null ? [] : await once(child.stdout, 'data')
  return String(words[0])
}

/** A Baram in a process of its own. */
async function startProcess(
  home: string,
  options: { detached?: boolean } = {},
): Promise<{ child: ChildProcess; pid: number; url: string }> {
  const child = spawn(process.execPath, [program, home, findBinaries().native, shared], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
  })
  children.push(child)
  const { pid, url } = JSON.parse(await firstWords(child)) as { pid: number; url: string } // what start-postgres.ts writes
  return { child, pid, url }
}

async function leaveByKill(server: EmbeddedPostgres): Promise<void> {
  for (const pid of serverProcesses(server.dataDir)) sendSignal(pid, 'SIGKILL')
  await waitUntil(() => !isAlive(server.pid), 5_000)
}

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

test.skipIf(!asRoot)(
  'below a closed folder the data goes to a reachable one, which later starts find by the note',
  async () => {
    const closed = await mkdtemp(join(tmpdir(), 'baram-closed-'))
    const shared = join(await newHome(), 'shared')
    folders.push(closed)
    const home = join(closed, 's')
    const first = await start(home, { sharedFolders: [shared] })
    expect(first.dataDir.startsWith(shared)).toBe(true)
    const note: unknown = JSON.parse(await readFile(join(home, 'postgres', 'location.json'), 'utf8'))
    expect(note).toMatchObject({ home, root: dirname(dirname(first.dataDir)) })
    await runSql(first.url, 'create table kept as select 1 as one')
    await first.stop()
    const second = await start(home, { sharedFolders: [join(await newHome(), 'another')] })
    expect(second.dataDir).toBe(first.dataDir)
    expect(await runSql(second.url, 'select one from kept')).toEqual([{ one: 1 }])
    await second.stop()

    const copy = join(closed, 'copy')
    await cp(home, copy, { recursive: true })
    await expect(start(copy)).rejects.toMatchObject({
      code: 'POSTGRES_START',
      message: textLike(/is a copy of/),
    })
    const moved = join(closed, 'moved')
    await rm(copy, { recursive: true })
    await rename(home, moved)
    const third = await start(moved)
    expect(third.dataDir).toBe(first.dataDir)
  },
)

test.skipIf(!asRoot)(
  'binaries in a closed folder, without their links, are brought where the server can run them',
  async () => {
    const closed = await mkdtemp(join(tmpdir(), 'baram-closed-'))
    folders.push(closed)
    const packaged = findBinaries()
    const native = join(closed, 'package', 'native')
    await mkdir(dirname(native))
    execFileSync('cp', ['-a', packaged.native, native])
    await cp(join(packaged.native, '..', 'package.json'), join(closed, 'package', 'package.json'))
    execFileSync('find', [native, '-type', 'l', '-delete'])
    execFileSync('chmod', ['-R', 'go-rwx', native])
    const home = await newHome()
    const server = await start(home, { nativeDir: native, sharedFolders: [join(home, 'shared')] })
    const [copy] = await readdir(join(home, 'shared'))
    expect(copy).toMatch(new RegExp(`^${packaged.version}-[0-9a-f]{12}$`))
    expect(await runSql(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
  },
)

test('links that an installation without scripts left out are made in place', async () => {
  const folder = await newHome()
  const native = join(folder, 'native')
  execFileSync('cp', ['-a', findBinaries().native, native])
  await cp(join(findBinaries().native, '..', 'package.json'), join(folder, 'package.json'))
  execFileSync('find', [native, '-type', 'l', '-delete'])
  const runAs = chooseRunAs(folder)
  const ready = await prepareBinaries(describeBinaries(native), runAs, () =>
    Promise.reject(new Error('no copy is needed')),
  )
  expect(ready).toBe(native)
  expect(execFileSync(join(native, 'bin', 'postgres'), ['--version'], { encoding: 'utf8' })).toContain(
    `PostgreSQL) ${MAJOR}`,
  )
})

test('a strict umask and a missing LANG change nothing', async () => {
  const home = await newHome()
  const script = 'umask 077; unset LANG LC_ALL LC_CTYPE; exec "$0" "$@"'
  const inner = join(home, 'made', 'later')
  const shared = join(home, 'shared')
  const child = spawn('/bin/sh', ['-c', script, process.execPath, program, inner, findBinaries().native, shared], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const { url } = JSON.parse(await firstWords(child)) as { url: string } // what start-postgres.ts writes
  expect(await runSql(url, "select current_setting('server_encoding') as encoding")).toEqual([{ encoding: 'UTF8' }])
  const adopted = await start(inner, { sharedFolders: [shared] })
  expect(adopted.adopted).toBe(true)
  expect(adopted.dataDir.startsWith(asRoot ? shared : inner)).toBe(true)
})

test('a home with a long path gets a short socket folder, closed to others and used again', async () => {
  const home = join(await newHome(), 'x'.repeat(60), 'y'.repeat(60))
  await mkdir(home, { recursive: true })
  const first = await start(home)
  folders.push(first.socketDir)
  expect(first.socketDir.startsWith(home)).toBe(false)
  expect(statSync(first.socketDir).mode & 0o777).toBe(0o700)
  expect(await runSql(first.url, 'select 1 as one')).toEqual([{ one: 1 }])
  await first.stop()
  const second = await start(home)
  expect(second.socketDir).toBe(first.socketDir)
})

test('a home whose name has spaces, quotes and commas works', async () => {
  const home = join(await newHome(), `o'brien, "the" home & 100%`)
  const server = await start(home)
  expect(await runSql(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
  await server.stop()
  expect(serverProcesses(server.dataDir)).toEqual([])
})

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
  const child = spawn(process.execPath, [program, home, findBinaries().native, shared], {
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

test('data of another major version is refused with the steps, and not touched', async () => {
  const home = await newHome()
  const older = join(home, 'postgres', String(MAJOR - 1), 'data')
  await mkdir(older, { recursive: true })
  await writeFile(join(older, 'PG_VERSION'), `${MAJOR - 1}\n`)
  const message = textLike(new RegExp(`made by Postgres ${MAJOR - 1}, .*brings Postgres ${MAJOR}.*pg_dump`))
  await expect(start(home)).rejects.toMatchObject({ code: 'POSTGRES_VERSION', message })
  expect(await readdir(older)).toEqual(['PG_VERSION'])

  const current = await newHome()
  await (await start(current)).stop()
  await expect(start(current, { majorVersion: MAJOR + 1 })).rejects.toMatchObject({ code: 'POSTGRES_VERSION' })
  await writeFile(join(current, 'postgres', String(MAJOR), 'data', 'PG_VERSION'), '12\n')
  await expect(start(current)).rejects.toMatchObject({
    code: 'POSTGRES_VERSION',
    details: { found: '12', expected: MAJOR },
  })
})

test('a server that cannot start says why with the end of its log', async () => {
  const home = await newHome()
  const first = await start(home)
  await first.stop()
  await rm(join(first.dataDir, 'global', 'pg_control'))
  await expect(start(home)).rejects.toMatchObject({
    code: 'POSTGRES_START',
    message: textLike(/did not start: it ended with code \d+[\s\S]*postgres\.log[\s\S]*could not (find|open)/),
  })
})

test('a data folder that cannot be made says why', async () => {
  const home = await newHome()
  await mkdir(join(home, 'postgres'))
  await writeFile(join(home, 'postgres', String(MAJOR)), 'in the way')
  await expect(start(home)).rejects.toMatchObject({
    code: 'POSTGRES_START',
    message: textLike(/EEXIST/),
  })

  const other = await newHome()
  await mkdir(join(other, 'postgres', String(MAJOR), 'data'), { recursive: true })
  await writeFile(join(other, 'postgres', String(MAJOR), 'data', 'notes.txt'), 'mine')
  await expect(start(other)).rejects.toMatchObject({
    code: 'POSTGRES_START',
    message: textLike(/in the way/),
  })
  await chmod(other, 0o755)
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
