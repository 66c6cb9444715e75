// What the operating system knows about processes: who is alive, since when, and with which command line.

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** A process as a lock file names it: a pid alone may be given to another process later. */
export interface ProcessIdentity {
  pid: number
  /** When the process began, in the system's own words; only compared for equality. */
  startTime: string
  /** Changes at every boot of the machine. */
  bootId: string
  /** Containers number their processes separately: a pid means something only inside its namespace. */
  pidNamespace: string
}

const onLinux = process.platform === 'linux'

function ask(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return ''
  }
}

/** When the process began, or null when there is none (a zombie is none: it holds nothing and does nothing). */
export function startTimeOf(pid: number): string | null {
  if (!onLinux) return ask('ps', ['-o', 'lstart=', '-p', String(pid)]) || null
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command in parentheses may hold spaces and parentheses itself, so count fields from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null)
  } catch {
    return null
  }
}

/**
 * Whether the process with this pid and start time has certainly ended. What cannot be told (another user's process under
 * `hidepid`) counts as running: a live process that is taken for dead would run twice.
 */
export function hasEnded(pid: number, startTime: string): boolean {
  const now = startTimeOf(pid)
  if (now !== null) return now !== startTime
  if (onLinux && readOr(() => readFileSync(`/proc/${pid}/stat`, 'utf8')) !== '') return true
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
}

/** Whether a process with this pid runs. */
export function isAlive(pid: number): boolean {
  return startTimeOf(pid) !== null
}

function readOr(read: () => string): string {
  try {
    return read().trim()
  } catch {
    return ''
  }
}

/** `''` where pids are not to be trusted: `/proc` was mounted in another namespace than this process lives in. */
function readPidNamespace(): string {
  if (readOr(() => readlinkSync('/proc/self')) !== String(process.pid)) return ''
  return readOr(() => readlinkSync('/proc/self/ns/pid'))
}

/**
 * Whether a pid that `other` noted means the same process here: only on the same boot of the same kernel, in the same pid
 * namespace. Containers on one machine share the boot id, and may share the host's name.
 */
export function sharesPids(
  me: Pick<ProcessIdentity, 'bootId' | 'pidNamespace'>,
  other: Pick<ProcessIdentity, 'bootId' | 'pidNamespace'>,
): boolean {
  if (me.bootId === '' || me.bootId !== other.bootId) return false
  return me.pidNamespace === other.pidNamespace && (me.pidNamespace !== '' || !onLinux)
}

/** This process, as others can recognise it. */
export function thisProcess(): ProcessIdentity {
  return {
    pid: process.pid,
    startTime: startTimeOf(process.pid) ?? '',
    bootId: onLinux
      ? readOr(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'))
      : ask('sysctl', ['-n', 'kern.bootsessionuuid']),
    pidNamespace: onLinux ? readPidNamespace() : '',
  }
}

/**
 * Every process with its command line, arguments joined by spaces. Only `cmdline` is read: it is open to all, while
 * `cwd` and `exe` of another user's process are closed even to root in a container without SYS_PTRACE.
 */
export function listProcesses(): { pid: number; command: string }[] {
  if (!onLinux) {
    return ask('ps', ['-axww', '-o', 'pid=,command='])
      .split('\n')
      .map((line) => ({ pid: Number.parseInt(line, 10), command: line.replace(/^\s*\d+\s+/, '') }))
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({
      pid: Number(name),
      command: readOr(() => readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')),
    }))
    .filter(({ pid, command }) => command !== '' && isAlive(pid))
}

/** Sends a signal; false when the process is already gone. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

/** Waits until the condition holds; false when it does not within the limit (milliseconds). */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  limitMs: number,
  stepMs = 20,
): Promise<boolean> {
  const deadline = performance.now() + limitMs
  while (!(await condition())) {
    if (performance.now() > deadline) return false
    await new Promise((resolve) => setTimeout(resolve, stepMs))
  }
  return true
}
