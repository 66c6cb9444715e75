// What a program started by a task finds in its environment.

import { FailTask, type OperatorContext } from '../../sdk/index.ts'

/** The environment of this process: handed on as it is, never read for settings. */
export function inheritedEnvironment(): Record<string, string> {
  const inherited = process['env']
  return Object.fromEntries(
    Object.entries(inherited).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

/** An instant as Airflow writes it, and as Python's `fromisoformat` reads it. */
export const instantText = (at: Date): string => at.toISOString().replace(/(?:\.000)?Z$/, '+00:00')

/** The names under which Airflow tells a command which task it is. */
export function contextVariables(op: OperatorContext): Record<string, string> {
  const { logicalDate } = op.run
  return {
    AIRFLOW_CTX_DAG_ID: op.dagId,
    AIRFLOW_CTX_TASK_ID: op.taskId,
    AIRFLOW_CTX_DAG_RUN_ID: op.runId,
    AIRFLOW_CTX_TRY_NUMBER: String(op.tryNumber),
    ...(logicalDate !== null && { AIRFLOW_CTX_LOGICAL_DATE: instantText(logicalDate) }),
  }
}

/**
 * Rendered values may be any JSON where the DAG renders native objects. @throws FailTask for a NUL, which no variable
 * and no argument can hold
 */
export function textOf(name: string, value: unknown, place = 'an environment variable'): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  if (text.includes('\0')) throw new FailTask(`${name} holds a NUL character, which ${place} cannot`)
  return text
}

/** Variables as an author gave them. @throws FailTask for a NUL */
export const givenVariables = (env: Readonly<Record<string, unknown>> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(env).map(([name, value]) => [name, textOf(`env.${name}`, value)]))
