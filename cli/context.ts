// The frame of every short command: open what it needs, run it, close everything whatever happens.

import type { Command } from 'commander'
import { BaramError } from '../core/errors.ts'
import { parseExactJson } from '../core/exact-json.ts'
import type { JsonObject } from '../core/json.ts'
import { type Context, openContext } from './wire.ts'

/** Who did it, in the audit log. */
export const CLI_USER = 'dagctl'
/** Whoever types a command, as the engine's verbs know them. */
export const CLI_ACTOR = { name: CLI_USER, via: 'cli' } as const

export async function withContext<T>(body: (context: Context) => Promise<T>): Promise<T> {
  const context = await openContext({ name: 'dagctl', level: 'warn' })
  try {
    return await body(context)
  } finally {
    await context.close()
  }
}

/** Airflow's `-o`. */
export const withOutput = (command: Command): Command =>
  command.option('-o, --output <format>', 'table, json, yaml or plain', 'table')

/** Rows of one page of a list for people. */
export const everything = { limit: 10_000, offset: 0, order: [] } as const

/** @throws BaramError INPUT_INVALID naming what was expected */
export function readJsonObject(text: string | undefined, what: string): JsonObject {
  if (text === undefined || text.trim() === '') return {}
  let value: unknown
  try {
    value = parseExactJson(text)
  } catch (cause) {
    throw new BaramError('INPUT_INVALID', `${what} must be a JSON object such as {"key": "value"}: ${String(cause)}`, {
      cause,
    })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BaramError('INPUT_INVALID', `${what} must be a JSON object, found ${JSON.stringify(value)?.slice(0, 60)}`)
  // What was parsed is plain JSON.
  return value as JsonObject
}
