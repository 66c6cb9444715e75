// One command in a process group of its own, and what makes sure that the whole group ends with the attempt.
//
// The worker kills a task by killing the process group of the Node process it runs in. A command with a group of its
// own is not part of that, and needs one so that an abort reaches everything it started and nothing else. So a guard
// stands beside it: a shell that reads from a pipe this process holds. However this process dies, the pipe ends, and
// the guard kills the command's group.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, constants } from 'node:fs/promises'
import { constants as system } from 'node:os'
import { delimiter, isAbsolute, join } from 'node:path'

/** How a command ended, as Python numbers it: below 0 it was a signal. */
export interface Ended {
  readonly exitCode: number
  readonly signal: NodeJS.Signals | null
}

export interface Command {
  /** Path of the bash to run it with. */
  readonly bash: string
  readonly command: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** Milliseconds between asking the group to stop and killing it. */
  readonly graceMs: number
  /** Output as it comes, stdout and stderr in the order they were written. */
  output(chunk: Uint8Array): void
}

/** The environment of this process: handed on as it is, never read for settings. */
export function inheritedEnvironment(): Record<string, string> {
  const inherited = process['env']
  return Object.fromEntries(
    Object.entries(inherited).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

/** A program of the PATH, looked up by this process: the command's own PATH may be another, or none. */
export async function findProgram(name: string, path: string): Promise<string | null> {
  const folders = path.split(delimiter).filter((folder) => isAbsolute(folder))
  for (const folder of folders) {
    const file = join(folder, name)
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (isThere) return file
  }
  return null
}

/** No process of the group may be left: that is what ESRCH says. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** Kills the group when this process is gone; `dismiss` ends the guard without. */
function guardGroup(bash: string, pid: number): { dismiss(): void } {
  const script = 'read -r _ || kill -KILL -- "-$1"'
  const guard = spawn(bash, ['-c', script, 'guard', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {},
  })
  // Without a guard the command still runs, and still ends with an abort.
  guard.on('error', () => undefined)
  guard.stdin.on('error', () => undefined)
  return { dismiss: () => void guard.stdin.end('dismissed\n') }
}

/**
 * Asks the group to stop when the signal aborts; what has not within the grace is killed, and no longer listened to.
 */
function stopOnAbort(child: ChildProcess, pid: number, { signal, graceMs }: Command): () => void {
  let timer: NodeJS.Timeout | undefined
  const kill = () => {
    signalGroup(pid, 'SIGKILL')
    // A process that left the group may hold the output for ever.
    child.stdout?.destroy()
  }
  const stop = () => {
    signalGroup(pid, 'SIGTERM')
    timer = setTimeout(kill, graceMs)
  }
  signal.addEventListener('abort', stop, { once: true })
  return () => {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}

/**
 * Runs it to its end: until its output is closed, as Airflow waits, so a process in the background that holds the
 * output is waited for. What it left in its group is killed then.
 * @throws the signal's reason when it aborted, else what kept the command from starting
 */
export async function runCommand(command: Command): Promise<Ended> {
  const { bash, signal } = command
  signal.throwIfAborted()
  // The inner bash takes the outer one's place; one pipe for both outputs keeps their order.
  const child = spawn(bash, ['-c', 'exec "$0" -c "$1" 2>&1', bash, command.command], {
    cwd: command.cwd,
    env: command.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  child.stdout.on('data', (chunk: Buffer) => command.output(chunk))
  const closing = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const { pid } = child
  // It did not start: `close` rejects with the reason.
  if (pid === undefined) await closing
  const guard = guardGroup(bash, pid!)
  const release = stopOnAbort(child, pid!, command)
  try {
    const [code, by] = await closing
    signal.throwIfAborted()
    return { exitCode: code ?? -(by === null ? 0 : system.signals[by]), signal: by }
  } finally {
    release()
    signalGroup(pid!, 'SIGKILL')
    guard.dismiss()
  }
}
