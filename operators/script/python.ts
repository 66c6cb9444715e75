// Python scripts as tasks.

import type { JsonValue, Operator } from '../../sdk/index.ts'
import { type Language, type ScriptOptions, type ScriptSettings, scriptOperator } from './script.ts'

const PYTHON: Language = {
  name: 'python',
  operator: 'PythonScriptOperator',
  interpreter: 'python3',
  codeArguments: (code) => ['-c', code],
  // Into a pipe Python writes 8 KiB at a time, and in the locale's encoding: the log could not follow, nor read it.
  env: { PYTHONUNBUFFERED: '1', PYTHONIOENCODING: 'utf-8' },
}

/** As `python`, with what a test may set. */
export function pythonWith<TArgs extends object, TValue extends JsonValue>(
  settings: ScriptSettings,
  options: ScriptOptions,
): Operator<TArgs, TValue | undefined> {
  return scriptOperator(PYTHON, settings, options)
}

/**
 * Runs a Python program in a process of its own, by `interpreter` (default `python3`); packages it imports must be
 * installed for that one. It reads the task's inputs as one JSON object from its standard input, finds what the attempt
 * is in the JSON of `BARAM_CONTEXT`, and what it writes as JSON to the file named by `BARAM_RESULT` becomes the XCom
 * (at most 1 MiB; nothing written: none). Its output goes to the task's log line by line.
 *
 * When the attempt must stop, it and everything it started get SIGTERM, and SIGKILL three seconds later.
 * `TArgs`: the task's inputs, `TValue`: what it hands on: `python<{ rows: Row[] }, number>({ … })`.
 * @throws Error while the DAG is read, for options that cannot be
 */
export function python<TArgs extends object = Record<never, never>, TValue extends JsonValue = JsonValue>(
  options: ScriptOptions,
): Operator<TArgs, TValue | undefined> {
  return pythonWith({}, options)
}
