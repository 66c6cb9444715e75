// Node.js scripts as tasks: for what a function of the DAG file cannot be, such as another version or other packages.

import type { JsonValue, Operator } from '../../sdk/index.ts'
import { type Language, type ScriptOptions, type ScriptSettings, scriptOperator } from './script.ts'

const NODE: Language = {
  name: 'node',
  operator: 'NodeScriptOperator',
  // The one that runs the worker is there, whatever the PATH.
  interpreter: process.execPath,
  // Behind `--` an argument is never taken for an option of Node's.
  codeArguments: (code) => ['--input-type=module', `--eval=${code}`, '--'],
  env: {},
}

/** As `node`, with what a test may set. */
export function nodeWith<TArgs extends object, TValue extends JsonValue>(
  settings: ScriptSettings,
  options: ScriptOptions,
): Operator<TArgs, TValue | undefined> {
  return scriptOperator(NODE, settings, options)
}

/**
 * Runs a Node.js program in a process of its own, by `interpreter` (default: the Node.js that runs the worker). `code`
 * is an ES module that imports packages as a file in `cwd` would. Inputs, `BARAM_CONTEXT`, `BARAM_RESULT`, output and
 * stopping are as in `python`.
 *
 * `TArgs`: the task's inputs, `TValue`: what it hands on.
 * @throws Error while the DAG is read, for options that cannot be
 */
export function node<TArgs extends object = Record<never, never>, TValue extends JsonValue = JsonValue>(
  options: ScriptOptions,
): Operator<TArgs, TValue | undefined> {
  return nodeWith({}, options)
}
