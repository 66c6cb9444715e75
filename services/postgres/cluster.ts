// The data folder: made whole or not at all, and recognised when another major version made it.
//
// initdb works in a folder of another name, where roles and databases are made too (single-user mode: no server, no
// socket, no password yet), and only the finished folder gets its name. So a start that was killed leaves nothing that
// looks like a database, and a data folder that exists is complete.

import { randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, open, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BaramError } from '../../core/errors.ts'
import type { ClusterLocation } from './location.ts'
import { lastLines, runProgram } from './programs.ts'
import type { RunAs } from './run-as.ts'

export interface Passwords {
  /** Of the role `baram`, which owns the metadata. */
  metadata: string
  /** Of the role `lake`, which children and embedded backends use. */
  lake: string
  /** True when one was made just now: an existing cluster knows others. */
  areNew: boolean
}

/**
 * C.UTF-8 sorts by code point on every system; where the C library has no such locale (old glibc, macOS) Postgres'
 * own does. Encoding and locale are always given, else a missing LANG makes a SQL_ASCII cluster.
 */
const LOCALES = [['--locale=C.UTF-8'], ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']]

async function keepSecret(file: string): Promise<{ secret: string; isNew: boolean }> {
  const known = await readFile(file, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw new BaramError('SECRET_KEY', `the password file ${file} cannot be read; Baram must run as its owner`, {
      cause: error,
    })
  })
  if (known !== null && known.trim() !== '') {
    await chmod(file, 0o600)
    return { secret: known.trim(), isNew: false }
  }
  const secret = randomBytes(32).toString('hex')
  await writeFile(file, `${secret}\n`, { mode: 0o600 })
  await chmod(file, 0o600)
  return { secret, isNew: true }
}

/** The passwords in `<home>/keys/`, made when missing: 32 random bytes each, files 0600. */
export async function keepPasswords(home: string): Promise<Passwords> {
  const folder = join(home, 'keys')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const metadata = await keepSecret(join(folder, 'postgres.password'))
  const lake = await keepSecret(join(folder, 'postgres-lake.password'))
  return { metadata: metadata.secret, lake: lake.secret, areNew: metadata.isNew || lake.isNew }
}

async function readVersion(dataDir: string): Promise<string | null> {
  return readFile(join(dataDir, 'PG_VERSION'), 'utf8').then(
    (text) => text.trim(),
    () => null,
  )
}

function refuseVersion(dataDir: string, found: string, expected: number): never {
  throw new BaramError(
    'POSTGRES_VERSION',
    `the database in ${dataDir} was made by Postgres ${found}, and this Baram brings Postgres ${expected}. Nothing was ` +
      `changed. To move it: 1. start the Baram version that made it; 2. save it with "pg_dump" of Postgres ${found} or ` +
      `newer (its URL stands in keys/database.url of the home while it runs); 3. stop it and move ${dirname(dataDir)} ` +
      'away; 4. start this version once and load the dump with "psql"',
    { details: { dataDir, found, expected } },
  )
}

/** Refuses data that this version of Postgres cannot read. */
async function checkVersion(location: ClusterLocation, majorVersion: number): Promise<boolean> {
  const own = await readVersion(location.dataDir)
  if (own !== null) {
    if (own !== String(majorVersion)) refuseVersion(location.dataDir, own, majorVersion)
    return true
  }
  const others = await readdir(location.root).catch(() => [])
  for (const name of others.filter((entry) => /^\d+$/.test(entry))) {
    const dataDir = join(location.root, name, 'data')
    const found = await readVersion(dataDir)
    if (found !== null) refuseVersion(dataDir, found, majorVersion)
  }
  return false
}

/** An empty folder may be a mount point or a remnant: it goes. One with something in it is not ours to delete. */
async function clearEmptyFolder(dataDir: string): Promise<void> {
  await rmdir(dataDir).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return
    throw new BaramError(
      'POSTGRES_START',
      `${dataDir} is in the way: it is not a Postgres data folder (it has no PG_VERSION) and not empty; ` +
        'restore it from a backup, or move it away to begin with a new database',
      { cause: error },
    )
  })
}

function failed(what: string, output: string, secrets: Passwords): never {
  const shown = lastLines(output).replaceAll(secrets.metadata, '***').replaceAll(secrets.lake, '***')
  throw new BaramError('POSTGRES_START', `${what}; Postgres said:\n${shown}`)
}

/** Runs statements, one a line, without a server. The caller has made sure that none runs on the folder. */
async function runSingleUser(
  native: string,
  dataDir: string,
  database: string,
  statements: readonly string[],
  runAs: RunAs | null,
  passwords: Passwords,
): Promise<void> {
  const input = statements.map((statement) => `${statement}\n`).join('')
  const args = ['--single', '-D', dataDir, '-c', 'exit_on_error=true', '-c', 'log_checkpoints=off', database]
  const { code, output } = await runProgram(native, 'postgres', args, runAs, input)
  if (code !== 0) failed(`the database in ${dataDir} could not be prepared`, output, passwords)
}

/** Both databases. Whoever may not connect to a database sees nothing of it: that is the wall between the roles. */
function bootstrapStatements(passwords: Passwords): string[] {
  return [
    `create role lake login nosuperuser nocreatedb nocreaterole noreplication password '${passwords.lake}'`,
    'create database baram owner baram',
    'create database lake owner lake',
    'revoke connect, temporary on database baram from public',
    'revoke connect, temporary on database postgres from public',
    'revoke connect, temporary on database template1 from public',
    'revoke connect, temporary on database lake from public',
  ]
}

async function initialise(
  native: string,
  dataDir: string,
  folder: string,
  runAs: RunAs | null,
  passwords: Passwords,
): Promise<void> {
  const passwordFile = join(folder, `password-${process.pid}`)
  await writeFile(passwordFile, `${passwords.metadata}\n`, { mode: 0o600 })
  if (runAs !== null) await chown(passwordFile, runAs.uid, runAs.gid)
  const args = ['-D', dataDir, '-U', 'baram', '--auth-local=scram-sha-256', '--auth-host=scram-sha-256', '-E', 'UTF8']
  try {
    let output = ''
    for (const locale of LOCALES) {
      await rm(dataDir, { recursive: true, force: true })
      const done = await runProgram(native, 'initdb', [...args, `--pwfile=${passwordFile}`, ...locale], runAs)
      if (done.code === 0) return
      output = done.output
      if (!output.includes('locale')) break
    }
    failed(`the database in ${folder} could not be made`, output, passwords)
  } finally {
    await rm(passwordFile, { force: true })
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder)
  await handle.sync().finally(() => handle.close())
}

async function removeRemnants(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (/^(partial|password)-/.test(name)) await rm(join(folder, name), { recursive: true, force: true })
  }
}

/**
 * Makes the data folder when there is none; refuses one of another major version.
 * @returns whether it was made now
 */
export async function ensureCluster(
  native: string,
  location: ClusterLocation,
  majorVersion: number,
  runAs: RunAs | null,
  passwords: Passwords,
): Promise<boolean> {
  if (await checkVersion(location, majorVersion)) return false
  await clearEmptyFolder(location.dataDir)
  await removeRemnants(location.folder)
  // A name of its own: the remains of a killed start may still be written to by its last program.
  const partial = join(location.folder, `partial-${randomBytes(4).toString('hex')}`)
  await initialise(native, partial, location.folder, runAs, passwords)
  await runSingleUser(native, partial, 'postgres', bootstrapStatements(passwords), runAs, passwords)
  await rename(partial, location.dataDir)
  await syncFolder(location.folder)
  return true
}

/** Gives the roles the passwords of the files, for a home whose `keys/` was lost. No server may run on the folder. */
export async function resetPasswords(
  native: string,
  dataDir: string,
  runAs: RunAs | null,
  passwords: Passwords,
): Promise<void> {
  const statements = [
    `alter role baram password '${passwords.metadata}'`,
    `alter role lake password '${passwords.lake}'`,
  ]
  await runSingleUser(native, dataDir, 'postgres', statements, runAs, passwords)
}
