// One program in a process group of its own, and what makes sure that the whole group ends with the attempt.
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

/** Milliseconds; shorter than the five seconds the worker gives an attempt that has to stop. */
export const GRACE_MS = 3_000

/** How a program ended, as Python numbers it: below 0 it was a signal. */
export interface Ended {
  readonly exitCode: number
  readonly signal: NodeJS.Signals | null
}

export interface Command {
  /** Path of a POSIX shell: it joins both outputs, and guards the group. */
  readonly shell: string
  /** Path of the program. */
  readonly program: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** Milliseconds between asking the group to stop and killing it. */
  readonly graceMs: number
  /** What it reads from its standard input. Default: nothing. */
  readonly input?: string
  /** Output as it comes, stdout and stderr in the order they were written. */
  output(chunk: Uint8Array): void
}

/** Set in every child by its supervisor (core/protocol.ts; this file stands alone so that a test can run it by itself). */
const CHILD_MARK = 'BARAM_CHILD'

/** What this process was started with to know its descendants by: a command with an environment of its own is one too. */
function marked(): Record<string, string> {
  const mark = process['env'][CHILD_MARK]
  return mark === undefined ? {} : { [CHILD_MARK]: mark }
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
function guardGroup(shell: string, pid: number): { dismiss(): void } {
  // Without a `--`, which not every shell's kill knows.
  const script = 'read -r _ || kill -KILL "-$1"'
  const guard = spawn(shell, ['-c', script, 'guard', String(pid)], {
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
  const { shell, program, signal, input } = command
  signal.throwIfAborted()
  // The program takes the shell's place; one pipe for both outputs keeps their order.
  const child = spawn(shell, ['-c', 'exec "$0" "$@" 2>&1', program, ...command.args], {
    cwd: command.cwd,
    env: { ...marked(), ...command.env },
    detached: true,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'ignore'],
  })
  child.stdout?.on('data', (chunk: Buffer) => command.output(chunk))
  // A program that does not read what it is given is none the worse for it.
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(input)
  const closing = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const { pid } = child
  // It did not start: `close` rejects with the reason.
  if (pid === undefined) await closing
  const guard = guardGroup(shell, pid!)
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
