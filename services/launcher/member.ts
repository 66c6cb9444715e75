// One process of a server: started in a group of its own, recognised by its start time, ended only while it is still the one we started.

import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { sendSignal, startTimeOf, thisProcess, waitUntil } from '../../runtime/processes.ts'
import { ServiceError } from './errors.ts'
import { isReady, type Ready, readLogSince } from './ready.ts'

/** Plain JSON: it is kept in the server's state, for whoever restarts the member. */
export interface Command {
  readonly program: string
  readonly args: readonly string[]
  /** Default: the server's folder. */
  readonly cwd?: string
  /** Over the environment of the caller. */
  readonly environment?: Readonly<Record<string, string>>
  /** Default: the caller's user. */
  readonly runAs?: { readonly uid: number; readonly gid: number } | undefined
}

export interface MemberSpec {
  /** Names its log file: `<folder>/logs/<name>.log`. */
  readonly name: string
  readonly command: Command
  readonly ready: Ready
  /** Default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals
  /** Default 90 s: a JVM on a busy machine of two cores. */
  readonly readyWithinMs?: number
}

/** A member that was started. The pid alone may be another process's by now. */
export interface MemberState extends MemberSpec {
  readonly pid: number
  readonly startTime: string
  readonly bootId: string
  /** Where this start began in the log. */
  readonly logBegin: number
}

const READY_MS = 90_000
const STOP_MS = 20_000
const KILL_MS = 10_000
const TAIL_LINES = 25

function logFileOf(folder: string, name: string): string {
  return join(folder, 'logs', `${name}.log`)
}

/** Whether the very process that was started still runs. */
export function isRunning({ pid, startTime, bootId }: MemberState): boolean {
  return bootId === thisProcess().bootId && startTimeOf(pid) === startTime
}

/** Resident memory in bytes; 0 when it does not run. */
export function memoryOf(member: MemberState): number {
  if (!isRunning(member)) return 0
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${member.pid}/status`, 'utf8'))?.[1]
    return Number(kilobytes ?? 0) * 1024
  } catch {
    return 0
  }
}

/** `env NAME=value program …`: gives variables on top of the caller's without this file reading them. It keeps the pid. */
export function withEnvironment({ program, args, environment = {} }: Command): readonly [string, readonly string[]] {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  return variables.length === 0 ? [program, args] : ['env', [...variables, program, ...args]]
}

/** Spawns it into the background; it outlives this process. */
function spawnMember(folder: string, spec: MemberSpec): Promise<MemberState> {
  const logFile = logFileOf(folder, spec.name)
  mkdirSync(join(folder, 'logs'), { recursive: true })
  const log = openSync(logFile, 'a')
  const logBegin = statSync(logFile).size
  const [program, args] = withEnvironment(spec.command)
  try {
    const child = spawn(program, args, {
      cwd: spec.command.cwd ?? folder,
      // A group of its own: a Ctrl-C in the terminal must not reach the servers, and its children can be killed with it.
      detached: true,
      stdio: ['ignore', log, log],
      ...spec.command.runAs,
    })
    child.unref()
    return new Promise((resolve, reject) => {
      child.once('error', (cause) =>
        reject(
          new ServiceError('unavailable', `${spec.command.program} could not be run: ${cause.message}`, { cause }),
        ),
      )
      child.once('spawn', () => {
        const pid = child.pid ?? 0
        const startTime = startTimeOf(pid) ?? 'ended at once'
        resolve({ ...spec, pid, startTime, bootId: thisProcess().bootId, logBegin })
      })
    })
  } finally {
    closeSync(log)
  }
}

function lastLines(text: string): string {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-TAIL_LINES)
    .join('\n')
}

async function waitReady(folder: string, member: MemberState): Promise<void> {
  const logFile = logFileOf(folder, member.name)
  const limit = member.readyWithinMs ?? READY_MS
  let ready = false
  await waitUntil(
    async () => {
      ready = await isReady(member.ready, logFile, member.logBegin)
      return ready || !isRunning(member)
    },
    limit,
    100,
  )
  if (ready && isRunning(member)) return
  const why = isRunning(member) ? `is not ready after ${limit / 1000} s` : 'ended instead of getting ready'
  await stopMember(member)
  throw new ServiceError(
    'failed',
    `${member.name} ${why}. The end of ${logFile}:\n${lastLines(await readLogSince(logFile, member.logBegin))}`,
  )
}

/**
 * Starts a member and waits until it serves. `onSpawn` hears of the process before that, so that it can be found and
 * stopped if the starter dies meanwhile.
 * @throws ServiceError with the end of its log
 */
export async function startMember(
  folder: string,
  spec: MemberSpec,
  onSpawn: (member: MemberState) => Promise<void>,
): Promise<void> {
  const member = await spawnMember(folder, spec)
  await onSpawn(member)
  await waitReady(folder, member)
}

/** Its whole group, at once, as a crash of the machine would. Returns when it is gone. */
export async function killMember(member: MemberState): Promise<void> {
  if (!isRunning(member)) return
  sendSignal(-member.pid, 'SIGKILL')
  if (await waitUntil(() => !isRunning(member), KILL_MS)) return
  throw new ServiceError('failed', `${member.name} (process ${member.pid}) does not die; end it by hand`)
}

/** Asks it to stop, waits, and kills what stays. */
export async function stopMember(member: MemberState): Promise<void> {
  if (!isRunning(member)) return
  sendSignal(member.pid, member.stopSignal ?? 'SIGTERM')
  if (!(await waitUntil(() => !isRunning(member), STOP_MS))) await killMember(member)
}
