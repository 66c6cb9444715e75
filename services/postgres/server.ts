// The server process: started in a process group of its own, recognised and adopted when it outlived its Baram,
// stopped gently first.
//
// Postgres' own `postmaster.pid` tells its pid, socket folder and state; the command line of that pid tells whether it
// is still the server of this data folder. After a kill -9 of the server its helpers may linger with the shared
// memory; Postgres would refuse to start beside them, so they are waited for and, past a limit, ended.

import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { basename, join } from 'node:path'
import { BaramError, messageOf } from '../../core/errors.ts'
import { isAlive, listProcesses, sendSignal, waitUntil } from '../../runtime/processes.ts'
import { type ClusterLocation, PORT } from './location.ts'
import { cannotRun, ENVIRONMENT, lastLines } from './programs.ts'
import type { RunAs } from './run-as.ts'

/** What the launcher tells while it works; a pino logger fits. */
export interface ServerLog {
  info(fields: Record<string, unknown>, message: string): void
  warn(fields: Record<string, unknown>, message: string): void
}

/** A log that would grow past this is put aside at the next start (one older file is kept). */
const LOG_BYTES = 10 * 1024 * 1024
/** Recovery after a crash replays the log since the last checkpoint: seconds, minutes on a slow disk. */
const START_LIMIT_MS = 10 * 60_000
/** Helpers of a killed server notice its death at once unless they are in the middle of a long statement. */
const ORPHAN_LIMIT_MS = 3_000
/** A fast shutdown writes one checkpoint. */
const FAST_STOP_LIMIT_MS = 60_000
const QUIT_LIMIT_MS = 5_000

/** One host, one scheduler: few connections and little memory. Children never touch this server's metadata. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '',
  port: String(PORT),
  unix_socket_permissions: '0700',
  max_connections: '60',
  shared_buffers: '64MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] ',
  log_checkpoints: 'off',
  lc_messages: 'C',
}

interface PidFile {
  pid: number
  socketDir: string
  status: string
}

/** Marks the helpers' command lines (`postgres: <name>: checkpointer`), where the data folder does not stand. */
function clusterName(dataDir: string): string {
  return `baram-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`
}

function readPidFile(dataDir: string): PidFile | null {
  try {
    const lines = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')
    const pid = Number.parseInt(lines[0] ?? '', 10)
    return pid > 0 ? { pid, socketDir: lines[4] ?? '', status: (lines[7] ?? '').trim() } : null
  } catch {
    return null
  }
}

/** Strict, for what it finds may be killed: a shell whose arguments mention the folder is not a server. */
function isServerOf(dataDir: string, command: string): boolean {
  if (command.startsWith(`postgres: ${clusterName(dataDir)}: `)) return true
  const [program, rest] = command.split(` -D ${dataDir} `, 2)
  return program !== undefined && rest !== undefined && basename(program) === 'postgres' && existsSync(program)
}

/** Every process of the data folder's server, helpers included. */
export function serverProcesses(dataDir: string): number[] {
  return listProcesses()
    .filter(({ command }) => isServerOf(dataDir, command))
    .map(({ pid }) => pid)
}

/** The living server of a data folder, or null. */
function findServer(dataDir: string): PidFile | null {
  const noted = readPidFile(dataDir)
  return noted !== null && serverProcesses(dataDir).includes(noted.pid) ? noted : null
}

/** Asks the socket whether it takes encryption: the one question a server answers without a password or a log line. */
async function answers(socketDir: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(join(socketDir, `.s.PGSQL.${PORT}`))
    const end = (result: boolean): void => {
      socket.destroy()
      resolve(result)
    }
    socket.setTimeout(1_000, () => end(false))
    socket.on('error', () => end(false))
    socket.on('close', () => end(false))
    socket.on('data', () => end(true))
    socket.on('connect', () => socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])))
  })
}

async function isReady(dataDir: string, pid: number): Promise<boolean> {
  const noted = readPidFile(dataDir)
  return noted !== null && noted.pid === pid && noted.status === 'ready' && (await answers(noted.socketDir))
}

function openLog(file: string): { descriptor: number; begin: number } {
  try {
    if (statSync(file).size > LOG_BYTES) renameSync(file, `${file}.1`)
  } catch {
    // No log yet.
  }
  const descriptor = openSync(file, 'a', 0o600)
  return { descriptor, begin: statSync(file).size }
}

function readLogSince(file: string, begin: number): string {
  try {
    return readFileSync(file).subarray(begin).toString('utf8')
  } catch {
    return ''
  }
}

/** A list of folders is what the setting takes, so a comma or quote in ours must not split it. */
function quoteFolder(folder: string): string {
  return `"${folder.replaceAll('"', '""')}"`
}

function spawnServer(
  native: string,
  location: ClusterLocation,
  runAs: RunAs | null,
  settings: Readonly<Record<string, string>>,
  descriptor: number,
): ChildProcess {
  const all = {
    ...SETTINGS,
    ...settings,
    unix_socket_directories: quoteFolder(location.socketDir),
    cluster_name: clusterName(location.dataDir),
  }
  const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  // Detached: a Ctrl-C in the terminal reaches Baram's group only, so the database outlives the drain.
  return spawn(join(native, 'bin', 'postgres'), ['-D', location.dataDir, ...options], {
    cwd: '/',
    env: ENVIRONMENT,
    detached: true,
    stdio: ['ignore', descriptor, descriptor],
    ...(runAs ?? {}),
  })
}

/**
 * Takes away what an earlier server left in the folder of its socket, which nobody else uses: the number in the lock may by
 * now be another process's, which Postgres would take for a running server. The caller has made sure that none runs.
 */
function clearSocketDir(socketDir: string): void {
  for (const name of [`.s.PGSQL.${PORT}`, `.s.PGSQL.${PORT}.lock`]) rmSync(join(socketDir, name), { force: true })
}

/** Starts the server and waits until it answers. Returns its pid. */
export async function startServer(
  native: string,
  location: ClusterLocation,
  runAs: RunAs | null,
  settings: Readonly<Record<string, string>>,
  log: ServerLog,
): Promise<number> {
  const { descriptor, begin } = openLog(location.logFile)
  let end: string | null = null
  clearSocketDir(location.socketDir)
  const child = spawnServer(native, location, runAs, settings, descriptor)
  child.on('error', (error) => {
    end = messageOf(error)
  })
  child.on('exit', (code, signal) => {
    end ??= signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`
  })
  child.unref()
  closeSync(descriptor)
  const pid = child.pid
  const told = setTimeout(
    () => log.warn({ dataDir: location.dataDir }, 'the embedded Postgres is still recovering'),
    10_000,
  )
  try {
    await waitUntil(
      async () => end !== null || (pid !== undefined && (await isReady(location.dataDir, pid))),
      START_LIMIT_MS,
    )
  } finally {
    clearTimeout(told)
  }
  if (pid === undefined) throw cannotRun('postgres', end)
  if (end === null && (await isReady(location.dataDir, pid))) return pid
  await stopServer(location.dataDir, pid)
  const said = lastLines(readLogSince(location.logFile, begin))
  throw new BaramError(
    'POSTGRES_START',
    `the embedded Postgres on ${location.dataDir} did not start: ${end ?? 'it did not become ready in ten minutes'}. ` +
      `The end of ${location.logFile}:\n${said}`,
    { details: { dataDir: location.dataDir, logFile: location.logFile } },
  )
}

async function endOrphans(dataDir: string, log: ServerLog): Promise<void> {
  const isQuiet = (): boolean => serverProcesses(dataDir).length === 0
  if (isQuiet()) return
  log.warn(
    { dataDir, pids: serverProcesses(dataDir) },
    'processes of a killed Postgres are still there: waiting for them',
  )
  if (await waitUntil(isQuiet, ORPHAN_LIMIT_MS, 50)) return
  for (const signal of ['SIGQUIT', 'SIGKILL'] as const) {
    for (const pid of serverProcesses(dataDir)) sendSignal(pid, signal)
    if (await waitUntil(isQuiet, QUIT_LIMIT_MS, 50)) return
  }
  throw new BaramError(
    'POSTGRES_START',
    `processes ${serverProcesses(dataDir).join(', ')} of an earlier Postgres hold ${dataDir} and do not end; end them first`,
  )
}

/**
 * The server of this data folder that outlived its Baram, ready to use, or null with nothing left of an earlier one.
 * A server that runs but does not answer (its socket was deleted, it is stopping) is stopped.
 */
export async function adoptServer(dataDir: string, log: ServerLog): Promise<{ pid: number; socketDir: string } | null> {
  const found = findServer(dataDir)
  if (found !== null) {
    const isSettled = async (): Promise<boolean> =>
      !isAlive(found.pid) || readPidFile(dataDir)?.status !== 'starting' || isReady(dataDir, found.pid)
    await waitUntil(isSettled, START_LIMIT_MS)
    if (await waitUntil(() => isReady(dataDir, found.pid), isAlive(found.pid) ? 2_000 : 0)) {
      return { pid: found.pid, socketDir: found.socketDir }
    }
    log.warn({ dataDir, pid: found.pid }, 'the Postgres of an earlier run does not answer: stopping it')
    await stopServer(dataDir, found.pid)
  }
  await endOrphans(dataDir, log)
  // The number in it may by now be another process's, which Postgres would take for a running server. Nothing of
  // ours runs, so the file says nothing any more.
  rmSync(join(dataDir, 'postmaster.pid'), { force: true })
  return null
}

/** Stops a server: fast shutdown, then immediate, then by force; returns when no process of it is left. */
export async function stopServer(dataDir: string, pid: number): Promise<void> {
  const steps = [
    ['SIGINT', FAST_STOP_LIMIT_MS],
    ['SIGQUIT', QUIT_LIMIT_MS],
    ['SIGKILL', QUIT_LIMIT_MS],
  ] as const
  for (const [signal, limit] of steps) {
    if (!isAlive(pid) || !sendSignal(pid, signal)) break
    if (await waitUntil(() => !isAlive(pid), limit)) break
  }
  if (await waitUntil(() => serverProcesses(dataDir).length === 0, QUIT_LIMIT_MS)) return
  for (const left of serverProcesses(dataDir)) sendSignal(left, 'SIGKILL')
  await waitUntil(() => serverProcesses(dataDir).length === 0, QUIT_LIMIT_MS)
}
