// A bash command as a task, as Airflow's BashOperator runs it.

import { defineOperator, type Operator, type OperatorContext, SkipTask } from '../../sdk/index.ts'
import {
  checkSkipping,
  endingText,
  isSkipped,
  SKIPPING,
  type SkipOnExitCode,
  startError,
} from '../subprocess/ending.ts'
import { contextVariables, givenVariables, inheritedEnvironment } from '../subprocess/environment.ts'
import { inFolder } from '../subprocess/folder.ts'
import { OutputLines } from '../subprocess/lines.ts'
import { type Ended, findProgram, GRACE_MS, runCommand } from '../subprocess/process.ts'

export interface BashOptions {
  /**
   * Run by `bash -c` (template). It ends as its last command does: begin it with `set -e;` (or `set -eo pipefail;`) to
   * fail at the first one that fails. Never put data into its text: a value such as `$(rm -rf ~)` would be run. Give
   * data by `env`.
   */
  readonly bashCommand: string
  /**
   * Environment variables of the command (template, each value). This is the safe way to give it data, since bash never
   * runs what a variable holds: `env: { DAY: '{{ds}}', ROWS: '{{args.rows}}' }` and `"$DAY"`, in double quotes, in the
   * command. Default: the worker's own environment. Given, it replaces that one, unless `appendEnv`.
   */
  readonly env?: Readonly<Record<string, string>>
  /** Add `env` to the worker's environment instead of replacing it. Default false. */
  readonly appendEnv?: boolean
  /** Folder to run in (template); it must exist. Default: a new temporary folder, removed afterwards. */
  readonly cwd?: string
  /** An exit code, or several, that skip the task. Default 99; `null` for none. */
  readonly skipOnExitCode?: SkipOnExitCode
  /** Charset of the output (`utf-8`, `euc-kr` or `cp949`, …). Default `utf-8`; what cannot be read becomes �. */
  readonly outputEncoding?: string
}

export interface BashSettings {
  /** PATH to find bash in. Default: this process's. */
  readonly path?: string
  /** Milliseconds between SIGTERM and SIGKILL when the attempt must stop. Default 3000. */
  readonly graceMs?: number
}

/** The command did not succeed. Retries apply. */
export class BashFailedError extends Error {
  override readonly name = 'BashFailedError'
  /** Below 0: the number of the signal that ended it. */
  readonly exitCode: number
  constructor(ended: Ended, tail: string) {
    super(`the bash command ${endingText(ended, tail)}`)
    this.exitCode = ended.exitCode
  }
}

function environmentOf(op: OperatorContext, { env, appendEnv = false }: BashOptions): Record<string, string> {
  const isInherited = env === undefined || appendEnv
  return { ...(isInherited ? inheritedEnvironment() : {}), ...givenVariables(env), ...contextVariables(op) }
}

async function findBash(path: string): Promise<string> {
  const bash = await findProgram('bash', path)
  if (bash !== null) return bash
  throw new Error(
    `bash was not found on this worker (PATH is ${path || 'empty'}): ` +
      'install it, or give the task a queue of workers that have it',
  )
}

/** A skip is told apart before it is a failure. */
function judge(ended: Ended, skipOnExitCode: SkipOnExitCode, tail: string): void {
  if (isSkipped(ended, skipOnExitCode)) throw new SkipTask(`the bash command returned exit code ${ended.exitCode}`)
  if (ended.exitCode !== 0) throw new BashFailedError(ended, tail)
}

/** As `bash`, with what a test may set. */
export function bashWith<TArgs extends object>(settings: BashSettings, options: BashOptions): Operator<TArgs, string> {
  const { skipOnExitCode = SKIPPING, outputEncoding = 'utf-8' } = options
  checkSkipping('bash', skipOnExitCode)
  // An unknown encoding is told while the DAG is read.
  new OutputLines(outputEncoding, () => undefined)
  return defineOperator<TArgs, string, BashOptions>({
    name: 'BashOperator',
    options: { ...options, skipOnExitCode, outputEncoding },
    templateFields: ['bashCommand', 'env', 'cwd'],
    async execute(op, _args, rendered) {
      const bash = await findBash(settings.path ?? inheritedEnvironment()['PATH'] ?? '')
      const lines = new OutputLines(outputEncoding, (line) => op.log.info(line))
      const ended = await inFolder(rendered.cwd, 'bash', (cwd) => {
        op.log.info({ command: rendered.bashCommand, cwd }, 'running the command')
        return runCommand({
          shell: bash,
          program: bash,
          args: ['-c', rendered.bashCommand],
          cwd,
          env: environmentOf(op, rendered),
          signal: op.signal,
          graceMs: settings.graceMs ?? GRACE_MS,
          output: (chunk) => lines.add(chunk),
        }).catch((error: unknown) => {
          throw startError(error, 'bashCommand, env or cwd', 'put it into a file')
        })
      })
      lines.end()
      op.log.info({ exitCode: ended.exitCode }, 'the command has ended')
      judge(ended, skipOnExitCode, lines.tail)
      return lines.last
    },
  })
}

/**
 * Runs a bash command. Its output, stdout and stderr in one, goes to the task's log line by line, and the last line is
 * the XCom, as in Airflow. It fails with any exit code but 0 and those that skip.
 *
 * When the attempt must stop (`executionTimeout`, a clear, the worker's end) the command and everything it started get
 * SIGTERM, and SIGKILL three seconds later. What it left running in the background is killed when it has ended; start
 * that with `setsid`.
 *
 * The command sees which task it is in `AIRFLOW_CTX_DAG_ID`, `_TASK_ID`, `_DAG_RUN_ID`, `_TRY_NUMBER`, `_LOGICAL_DATE`.
 * `TArgs`: the task's inputs, for templates: `bash<{ rows: number }>({ …, env: { ROWS: '{{args.rows}}' } })`.
 * @throws Error while the DAG is read, for an exit code or an encoding that is none
 */
export function bash<TArgs extends object = Record<never, never>>(options: BashOptions): Operator<TArgs, string> {
  return bashWith({}, options)
}
