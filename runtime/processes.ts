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

/** This process, as others can recognise it. */
export function thisProcess(): ProcessIdentity {
  return {
    pid: process.pid,
    startTime: startTimeOf(process.pid) ?? '',
    bootId: onLinux
      ? readOr(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'))
      : ask('sysctl', ['-n', 'kern.bootsessionuuid']),
    pidNamespace: onLinux ? readOr(() => readlinkSync('/proc/self/ns/pid')) : '',
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
