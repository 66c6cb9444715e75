// Where a home's database lives. Normally inside the home; when root runs Baram from a folder the server's user cannot
// reach (/root, every `mktemp -d`), in a reachable folder noted in `<home>/postgres/location.json`. The socket has a
// place of its own when the path in the data folder is longer than a socket address may be.

import { randomBytes } from 'node:crypto'
import { chmod, chown, lstat, mkdir, mkdtemp, readFile, realpath, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { BaramError } from '../../core/errors.ts'
import { canReach, chooseRunAs, type RunAs } from './run-as.ts'

/** Folders for what must be reachable, in order of preference: the first is where a package would keep its state. */
export const SHARED_FOLDERS: readonly string[] = ['/var/lib/baram', '/var/tmp/baram']

/** Longest path of a socket, in bytes: `sun_path` without its closing NUL. */
const SOCKET_PATH_BYTES = process.platform === 'darwin' ? 103 : 107
/** The port only names the socket file: nothing listens on TCP. */
export const PORT = 5432

export interface ClusterLocation {
  /** Holds a folder for each major version. */
  root: string
  /** Belongs to the server's user and is closed to others: data, socket and temporary files of one major version. */
  folder: string
  dataDir: string
  socketDir: string
  logFile: string
}

interface Note {
  home: string
  root: string
  socketDir: string
}

function isNote(value: unknown): value is Partial<Note> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

async function readNote(file: string): Promise<Partial<Note>> {
  const text = await readFile(file, 'utf8').catch(() => null)
  if (text === null) return {}
  try {
    const value: unknown = JSON.parse(text)
    if (isNote(value)) return value
  } catch {
    // Told below, with what to do.
  }
  throw new BaramError(
    'POSTGRES_START',
    `${file} is not readable as JSON, so the place of the database is unknown; restore the file from a backup ` +
      '(it holds {"root": "<folder of the database>"})',
  )
}

/** Makes a folder others may pass through but not list, whatever the umask. */
async function makePassage(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await chmod(folder, 0o711)
}

/** A folder of root's that the server's user can reach; never one that somebody else prepared for us in /var/tmp. */
export async function makeSharedFolder(candidates: readonly string[], runAs: RunAs | null): Promise<string> {
  const tried: string[] = []
  for (const folder of candidates) {
    try {
      await makePassage(folder)
      const stats = await lstat(folder)
      if (stats.isDirectory() && stats.uid === process.getuid?.() && canReach(folder, runAs, 1)) return folder
      tried.push(`${folder} (not reachable)`)
    } catch (error) {
      tried.push(`${folder} (${error instanceof Error ? error.message : 'unusable'})`)
    }
  }
  throw new BaramError(
    'POSTGRES_START',
    `Postgres does not run as root, and user ${runAs?.uid} can reach neither the home nor any of ${tried.join(', ')}; ` +
      'put BARAM_HOME in a folder open to that user, or run Baram as an ordinary user',
  )
}

async function chooseRoot(home: string, note: Partial<Note>, shared: readonly string[]): Promise<string> {
  if (note.root !== undefined) {
    await refuseCopiedHome(home, note)
    return note.root
  }
  const inside = join(home, 'postgres')
  await makePassage(inside)
  const runAs = chooseRunAs(inside)
  if (canReach(inside, runAs, 1)) return inside
  // A name of its own each time: whoever deletes a home and makes it anew wants a new database, not the old one back
  // under keys that cannot read it.
  const root = join(
    await makeSharedFolder(shared, runAs),
    `${basename(home).replaceAll(/[^A-Za-z0-9._-]/g, '_')}-${randomBytes(8).toString('hex')}`,
  )
  await makePassage(root)
  return root
}

/** A moved home takes its database along; a copied one must not share it with the original. */
async function refuseCopiedHome(home: string, note: Partial<Note>): Promise<void> {
  if (note.home === undefined || note.home === home) return
  const original = await readNote(join(note.home, 'postgres', 'location.json'))
  if (original.root !== note.root) return
  throw new BaramError(
    'POSTGRES_START',
    `${home} is a copy of ${note.home} and both name the database in ${note.root}; ` +
      `delete ${join(home, 'postgres', 'location.json')} to give the copy a new, empty database`,
  )
}

function fits(folder: string): boolean {
  return Buffer.byteLength(join(folder, `.s.PGSQL.${PORT}`)) <= SOCKET_PATH_BYTES
}

async function isOurs(folder: string, runAs: RunAs | null): Promise<boolean> {
  const stats = await lstat(folder).catch(() => null)
  return stats?.isDirectory() === true && stats.uid === (runAs?.uid ?? process.getuid?.()) && (stats.mode & 0o077) === 0
}

/** A folder of the server's user, closed to all others (root apart). */
export async function makeOwnFolder(folder: string, runAs: RunAs | null): Promise<void> {
  await mkdir(folder, { recursive: true })
  await chmod(folder, 0o700)
  if (runAs !== null) await chown(folder, runAs.uid, runAs.gid)
}

async function chooseSocketDir(folder: string, noted: string | undefined, runAs: RunAs | null): Promise<string> {
  const inside = join(folder, 'socket')
  if (fits(inside)) {
    await makeOwnFolder(inside, runAs)
    return inside
  }
  if (noted !== undefined && fits(noted) && (await isOurs(noted, runAs))) return noted
  const base = [tmpdir(), '/tmp'].find((path) => fits(join(path, 'baram-XXXXXX')) && canReach(path, runAs, 1)) ?? '/tmp'
  const made = await mkdtemp(join(base, 'baram-'))
  await makeOwnFolder(made, runAs)
  return made
}

async function writeNote(file: string, note: Note): Promise<void> {
  const partial = `${file}.${process.pid}`
  await writeFile(partial, `${JSON.stringify(note, null, 2)}\n`, { mode: 0o644 })
  await rename(partial, file)
}

/**
 * The folders of a home's database, made where missing, and the user they belong to.
 * @param home an absolute path; made when missing
 */
export async function chooseLocation(
  home: string,
  majorVersion: number,
  shared: readonly string[] = SHARED_FOLDERS,
): Promise<{ location: ClusterLocation; runAs: RunAs | null }> {
  await mkdir(home, { recursive: true })
  const real = await realpath(home)
  const noteFile = join(real, 'postgres', 'location.json')
  const note = await readNote(noteFile)
  const root = await chooseRoot(real, note, shared)
  const folder = join(root, String(majorVersion))
  const runAs = chooseRunAs(folder)
  await refuseForeignFolder(folder)
  await makeOwnFolder(folder, runAs)
  const socketDir = await chooseSocketDir(folder, note.socketDir, runAs)
  const isUsual = root === join(real, 'postgres') && dirname(socketDir) === folder
  if (!isUsual) await writeNote(noteFile, { home: real, root, socketDir })
  await mkdir(join(real, 'logs'), { recursive: true })
  const location = {
    root,
    folder,
    dataDir: join(folder, 'data'),
    socketDir,
    logFile: join(real, 'logs', 'postgres.log'),
  }
  return { location, runAs }
}

async function refuseForeignFolder(folder: string): Promise<void> {
  const stats = await lstat(folder).catch(() => null)
  const uid = process.getuid?.()
  if (stats === null || uid === 0 || stats.uid === uid) return
  throw new BaramError(
    'POSTGRES_START',
    `the database in ${folder} belongs to user ${stats.uid} (Baram was run as another user, or as root, before) and ` +
      `this process is user ${uid}; run Baram as that user again, or choose another BARAM_HOME`,
  )
}
