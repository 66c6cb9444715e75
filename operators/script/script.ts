// Scripts as tasks: what `python` and `node` have in common.

import { access, constants, stat } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import {
  defineOperator,
  FailTask,
  type JsonValue,
  type Operator,
  type OperatorContext,
  SkipTask,
} from '../../sdk/index.ts'
import {
  checkSkipping,
  endingText,
  isSkipped,
  SKIPPING,
  type SkipOnExitCode,
  startError,
} from '../subprocess/ending.ts'
import { contextVariables, givenVariables, inheritedEnvironment, textOf } from '../subprocess/environment.ts'
import { inFolder, inTemporaryFolder } from '../subprocess/folder.ts'
import { OutputLines } from '../subprocess/lines.ts'
import { type Ended, findProgram, GRACE_MS, runCommand } from '../subprocess/process.ts'
import { scriptContext } from './context.ts'
import { readResult } from './result.ts'

/** Joins the outputs and guards the group; POSIX has it on every host. */
const SHELL = '/bin/sh'

interface ScriptBase {
  /** What the script finds behind its name in `sys.argv` or `process.argv` (template). Default: none. */
  readonly args?: readonly string[]
  /** Environment variables (template, each value), added to the worker's. */
  readonly env?: Readonly<Record<string, string>>
  /** Hand the worker's own environment on. Default true. */
  readonly inheritEnv?: boolean
  /** Folder to run in (template); it must exist. Default: a new temporary folder, removed afterwards. */
  readonly cwd?: string
  /** An exit code, or several, that skip the task. Default 99; `null` for none. */
  readonly skipOnExitCode?: SkipOnExitCode
}

/** A file of this host (template): absolute, or below `cwd`. */
interface ScriptFile extends ScriptBase {
  /** A file of the worker's host (template): absolute, or below `cwd` when that is given. */
  readonly script: string
  readonly code?: never
}

interface ScriptCode extends ScriptBase {
  /**
   * The program's text, at most 128 KiB. It is never a template: data comes by `args`, by `env` or by the task's
   * inputs, where it cannot become code.
   */
  readonly code: string
  readonly script?: never
}

export type ScriptOptions = (ScriptFile | ScriptCode) & {
  /** Name of a program on the worker's PATH, or its absolute path (template). */
  readonly interpreter?: string
}

/** What a test may set. */
export interface ScriptSettings {
  /** PATH to find the interpreter in. Default: this process's. */
  readonly path?: string
  /** Milliseconds between SIGTERM and SIGKILL when the attempt must stop. Default 3000. */
  readonly graceMs?: number
}

/** One language. */
export interface Language {
  /** Of the function authors call. */
  readonly name: 'python' | 'node'
  /** Shown in lists. */
  readonly operator: string
  readonly interpreter: string
  /** Arguments of the interpreter that run a text. */
  codeArguments(code: string): readonly string[]
  /** Set unless the author sets them. */
  readonly env: Readonly<Record<string, string>>
}

/** The script did not succeed. Retries apply. */
export class ScriptFailedError extends Error {
  override readonly name = 'ScriptFailedError'
  /** Below 0: the number of the signal that ended it. */
  readonly exitCode: number
  constructor(language: string, ended: Ended, tail: string) {
    super(`the ${language} script ${endingText(ended, tail)}`)
    this.exitCode = ended.exitCode
  }
}

/** @throws Error when it is not there, FailTask for a path that is not absolute */
async function findInterpreter({ name }: Language, interpreter: string, path: string): Promise<string> {
  const advice = 'install it, give its path as interpreter, or give the task a queue of workers that have it'
  if (!interpreter.includes('/')) {
    const found = await findProgram(interpreter, path)
    if (found !== null) return found
    throw new Error(`${name}: ${interpreter} was not found on this worker (PATH is ${path || 'empty'}): ${advice}`)
  }
  if (!isAbsolute(interpreter))
    throw new FailTask(`${name}: interpreter must be a name or an absolute path, found ${interpreter}`)
  return access(interpreter, constants.X_OK).then(
    () => interpreter,
    (cause: unknown) => {
      throw new Error(`${name}: ${interpreter} cannot be run on this worker: ${advice}`, { cause })
    },
  )
}

/** @throws FailTask when it is not there */
async function findScript(script: string, cwd: string | undefined): Promise<string> {
  if (!isAbsolute(script) && cwd === undefined)
    throw new FailTask(`script must be absolute, or below a cwd that is given, found ${script}`)
  const path = isAbsolute(script) ? script : join(cwd ?? '/', script)
  const found = await stat(path).catch(() => null)
  if (found?.isFile() !== true) throw new FailTask(`script ${path} is not a file of this host`)
  return path
}

async function argumentsOf(language: Language, { script, code, args = [], cwd }: ScriptOptions): Promise<string[]> {
  const given = args.map((value, i) => textOf(`args[${i}]`, value, 'an argument'))
  if (code !== undefined) return [...language.codeArguments(code), ...given]
  return [await findScript(script, cwd), ...given]
}

function environmentOf(op: OperatorContext, language: Language, options: ScriptOptions, result: string) {
  const { env, inheritEnv = true } = options
  return {
    ...(inheritEnv ? inheritedEnvironment() : {}),
    ...language.env,
    ...givenVariables(env),
    ...contextVariables(op),
    BARAM_CONTEXT: JSON.stringify(scriptContext(op)),
    BARAM_RESULT: result,
  }
}

interface Job {
  readonly language: Language
  readonly settings: ScriptSettings
  readonly options: ScriptOptions
  /** The task's inputs: what the script reads as JSON. */
  readonly inputs: object
}

/** Where it may write its result is the same folder for nobody else, and gone afterwards. */
async function runScript(op: OperatorContext, { language, settings, options, inputs }: Job) {
  const { name } = language
  const path = settings.path ?? inheritedEnvironment()['PATH'] ?? ''
  const program = await findInterpreter(language, options.interpreter ?? language.interpreter, path)
  const args = await argumentsOf(language, options)
  const lines = new OutputLines('utf-8', (line) => op.log.info(line))
  return inTemporaryFolder('result', async (folder) => {
    const result = join(folder, 'result.json')
    const ended = await inFolder(options.cwd, name, (cwd) => {
      op.log.info({ interpreter: program, script: options.script ?? 'code', args: options.args ?? [], cwd }, 'running')
      return runCommand({
        shell: SHELL,
        program,
        args,
        cwd,
        env: environmentOf(op, language, options, result),
        signal: op.signal,
        graceMs: settings.graceMs ?? GRACE_MS,
        input: JSON.stringify(inputs),
        output: (chunk) => lines.add(chunk),
      }).catch((error: unknown) => {
        const advice = 'put code into a file and data into the task’s inputs'
        throw startError(error, 'code, args, env, cwd or BARAM_CONTEXT (the run’s conf and params)', advice)
      })
    })
    lines.end()
    op.log.info({ exitCode: ended.exitCode }, 'the script has ended')
    if (isSkipped(ended, options.skipOnExitCode ?? null))
      throw new SkipTask(`the ${name} script returned exit code ${ended.exitCode}`)
    if (ended.exitCode !== 0) throw new ScriptFailedError(name, ended, lines.tail)
    return readResult(result)
  })
}

/** @throws Error while the DAG is read */
function checkOptions({ name }: Language, { script, code, args = [] }: ScriptOptions): void {
  if ((script === undefined) === (code === undefined)) throw new Error(`${name}: give either script or code`)
  if ((script ?? code ?? '').trim() === '')
    throw new Error(`${name}: ${script === undefined ? 'code' : 'script'} is empty`)
  if (code?.includes('\0') === true) throw new Error(`${name}: code holds a NUL character`)
  if (!Array.isArray(args)) throw new Error(`${name}: args must be a list, so that nothing in it is taken apart`)
}

/** @throws Error while the DAG is read, for options that cannot be */
export function scriptOperator<TArgs extends object, TValue extends JsonValue>(
  language: Language,
  settings: ScriptSettings,
  options: ScriptOptions,
): Operator<TArgs, TValue | undefined> {
  const { skipOnExitCode = SKIPPING, inheritEnv = true } = options
  checkOptions(language, options)
  checkSkipping(language.name, skipOnExitCode)
  return defineOperator<TArgs, TValue | undefined, ScriptOptions>({
    name: language.operator,
    options: { ...options, skipOnExitCode, inheritEnv },
    templateFields: ['script', 'args', 'env', 'cwd', 'interpreter'],
    // What a script writes is what its author says it is.
    execute: async (op, args, rendered) =>
      (await runScript(op, { language, settings, options: rendered, inputs: args })) as TValue | undefined,
  })
}
