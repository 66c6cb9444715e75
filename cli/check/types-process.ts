// Checks types for the dag-processor: in a process of its own, which has the lowest priority and a memory limit, knows no
// secret (the compiler is the user's own package), and is killed when nobody waits for it any more.

import { type ChildProcess, fork } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import { untilCalm } from '../../runtime/idle-share.ts'
import { packageRoot } from '../../runtime/paths.ts'
import type { CheckTypes, TypeCheckAnswer } from '../../scheduler/type-checks.ts'
import type { TypesAnswer, TypesRequest } from './types-program.ts'

/** The built program: a plain `node` process reads no TypeScript. */
const program = join(packageRoot, 'dist', 'cli', 'check', 'types-program.js')

/** Heap limit, MB: a thousand DAG files take 300 in all. */
const MEMORY_MB = 1_024
/** Characters of what the compiler says as it dies: the beginning names the reason. */
const LAST_WORDS = 500

/** A process that cannot be slowed down has ended already, or belongs to a system without priorities. */
function slowDown({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW)
  } catch {
    // It checks at the usual priority.
  }
}

function ask(request: TypesRequest, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<TypesAnswer> {
  return new Promise((resolve, reject) => {
    const child = fork(program, [], {
      env,
      execArgv: [`--max-old-space-size=${MEMORY_MB}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      signal,
      killSignal: 'SIGKILL',
    })
    slowDown(child)
    let words = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(0, LAST_WORDS)
    })
    // Our own program's only message.
    child.once('message', (answer) => resolve(answer as TypesAnswer))
    child.once('error', reject)
    child.once('close', (code, killed) =>
      reject(new Error(`the compiler ended with ${killed ?? code}: ${words.trim().replace(/\s+/g, ' ')}`)),
    )
    child.send(request, (error) => {
      // It ended before it was asked; its end tells why.
      if (error !== null) child.kill('SIGKILL')
    })
  })
}

/** What the compiler itself finds. Our own rules (promises, branches) concern runs: they are no type errors. */
function answerOf({ faults, compiler }: TypesAnswer): TypeCheckAnswer {
  const found = faults.filter(({ code }) => code.startsWith('TS'))
  return {
    faults: found.flatMap(({ file, ...fault }) => (file === null ? [] : [{ file, ...fault }])),
    folderFaults: found.flatMap(({ file, message }) => (file === null ? [message] : [])),
    compiler,
  }
}

/**
 * @param env of the process: what DAG files get as well
 * @param firstWaitsMs the first check waits so long at most for calm processors: at a start everything else is more urgent. Default 0.
 */
export function typesChecker(env: Readonly<Record<string, string>>, firstWaitsMs = 0): CheckTypes {
  let waitsMs = firstWaitsMs
  return async ({ folder, files, signal }) => {
    await untilCalm(waitsMs, signal)
    waitsMs = 0
    return answerOf(await ask({ folder, files }, env, signal))
  }
}
