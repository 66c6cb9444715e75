// Where the embedded Postgres can live: closed folders, installations without links, long and odd names.

import { execFileSync, spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { describeBinaries, findBinaries, prepareBinaries } from '../../services/postgres/binaries.ts'
import { chooseRunAs } from '../../services/postgres/run-as.ts'
import { serverProcesses } from '../../services/postgres/server.ts'
import { runSql } from '../support/launch-postgres.ts'
import { asRoot, firstWords, MAJOR, textLike, useEmbeddedPostgres } from './embedded-postgres.ts'

const world = useEmbeddedPostgres()
const { children, folders, newHome, start } = world

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
  const child = spawn(
    '/bin/sh',
    ['-c', script, process.execPath, world.program, inner, findBinaries().native, shared],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
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
