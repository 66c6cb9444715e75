// The embedded Postgres: a real server on a home's own data folder, for whoever has configured no other.

import { realpath } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { BaramError, messageOf } from '../../core/errors.ts'
import { describeBinaries, findBinaries, prepareBinaries } from './binaries.ts'
import { ensureCluster, keepPasswords, type Passwords, resetPasswords } from './cluster.ts'
import { chooseLocation, makeSharedFolder, PORT, SHARED_FOLDERS } from './location.ts'
import { adoptServer, type ServerLog, startServer, stopServer } from './server.ts'

export type { ServerLog } from './server.ts'

export interface EmbeddedPostgresOptions {
  /** BARAM_HOME, an absolute path. The caller holds its lock (`acquireHomeLock`). */
  home: string
  log: ServerLog
  /** Major version the data must have; default: that of the binaries. */
  majorVersion?: number
  /** Settings given with `-c`, over ours (tests turn `fsync` off). Default none: everything is durable. */
  settings?: Readonly<Record<string, string>>
  /** Where root puts what the server's user must reach; default /var/lib/baram, then /var/tmp/baram. */
  sharedFolders?: readonly string[]
  /** A `native` folder to run instead of the installed package's. */
  nativeDir?: string
}

/** How to reach the database of the embedded backends. */
export interface DataLogin {
  /** Folder of the server's socket. */
  host: string
  port: number
  role: string
  database: string
  password: string
}

export interface EmbeddedPostgres {
  /** Of the metadata: role and database `baram`. For the `pg` package, which takes a socket folder as `host`. */
  url: string
  /** Of the embedded backends: role and database `lake`, which may not even connect to the metadata. */
  lakeUrl: string
  /** The same, by its parts. */
  lake: DataLogin
  socketDir: string
  dataDir: string
  pid: number
  /** True when the server of an earlier Baram was still running and was taken over. */
  adopted: boolean
  /** Fast shutdown; resolves when no process is left. Close the pools first. Safe to call twice. */
  stop(): Promise<void>
}

function urlOf(role: string, password: string, socketDir: string): string {
  return `postgresql://${role}:${password}@/${role}?host=${encodeURIComponent(socketDir)}&port=${PORT}`
}

function describe(
  passwords: Passwords,
  server: { pid: number; socketDir: string; dataDir: string; adopted: boolean },
): EmbeddedPostgres {
  let stopping: Promise<void> | null = null
  return {
    ...server,
    url: urlOf('baram', passwords.metadata, server.socketDir),
    lakeUrl: urlOf('lake', passwords.lake, server.socketDir),
    lake: { host: server.socketDir, port: PORT, role: 'lake', database: 'lake', password: passwords.lake },
    stop() {
      stopping ??= stopServer(server.dataDir, server.pid)
      return stopping
    },
  }
}

async function launch(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { home, log, settings = {}, sharedFolders = SHARED_FOLDERS } = options
  const packaged = options.nativeDir === undefined ? findBinaries() : describeBinaries(options.nativeDir)
  const majorVersion = options.majorVersion ?? packaged.majorVersion
  const { location, runAs } = await chooseLocation(home, majorVersion, sharedFolders)
  const native = await prepareBinaries(packaged, runAs, () => makeSharedFolder(sharedFolders, runAs))
  const passwords = await keepPasswords(await realpath(home))
  const { dataDir } = location
  const isNew = await ensureCluster(native, location, majorVersion, runAs, passwords)
  if (isNew) log.info({ dataDir }, 'embedded Postgres: data folder made')

  const running = isNew ? null : await adoptServer(dataDir, log)
  if (running !== null && !passwords.areNew) {
    log.warn({ dataDir, pid: running.pid }, 'embedded Postgres: the server of an earlier run was adopted')
    return describe(passwords, { ...running, dataDir, adopted: true })
  }
  if (running !== null) await stopServer(dataDir, running.pid)
  if (!isNew && passwords.areNew) {
    log.warn({ dataDir }, 'embedded Postgres: the password file was missing; the roles get new passwords')
    await resetPasswords(native, dataDir, runAs, passwords)
  }
  const pid = await startServer(native, location, runAs, settings, log)
  log.info({ dataDir, pid }, 'embedded Postgres: started')
  return describe(passwords, { pid, socketDir: location.socketDir, dataDir, adopted: false })
}

/**
 * Starts the home's Postgres, making its data folder first where there is none, or adopts the one that still runs.
 * @throws BaramError POSTGRES_BINARIES (no binaries here), POSTGRES_VERSION (data of another major version),
 *   POSTGRES_START (with the last lines of the server's log)
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { home } = options
  if (!isAbsolute(home)) throw new BaramError('CONFIG_INVALID', `BARAM_HOME must be an absolute path, got ${home}`)
  try {
    return await launch(options)
  } catch (error) {
    if (error instanceof BaramError) throw error
    throw new BaramError('POSTGRES_START', `the embedded Postgres of ${home} did not start: ${messageOf(error)}`, {
      cause: error,
    })
  }
}
