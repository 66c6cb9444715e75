// The frame of every short command: open what it needs, run it, close everything whatever happens.

import type { Command } from 'commander'
import { BaramError } from '../core/errors.ts'
import type { JsonObject } from '../core/json.ts'
import { type Context, openContext } from './wire.ts'

/** Who did it, in the audit log. */
export const CLI_USER = 'dagctl'

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
    value = JSON.parse(text)
  } catch (cause) {
    throw new BaramError('INPUT_INVALID', `${what} must be a JSON object such as {"key": "value"}: ${String(cause)}`, {
      cause,
    })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BaramError('INPUT_INVALID', `${what} must be a JSON object, found ${JSON.stringify(value)?.slice(0, 60)}`)
  // JSON.parse gives plain JSON.
  return value as JsonObject
}

/** @throws BaramError INPUT_INVALID */
export function readInstant(text: string, what: string): number {
  const isDated = /^\d{4}-\d{2}-\d{2}/.test(text)
  // Without a zone a time is UTC, as in Airflow's default timezone.
  const hasZone = /(Z|[+-]\d{2}:?\d{2})$/.test(text) || text.length === 10
  const at = isDated ? Date.parse(hasZone ? text : `${text.replace(' ', 'T')}Z`) : Number.NaN
  if (Number.isNaN(at))
    throw new BaramError(
      'INPUT_INVALID',
      `${what} must be an ISO time such as 2026-03-18T09:00:00+09:00, found ${JSON.stringify(text)}`,
    )
  return at
}

/** @throws BaramError INPUT_INVALID */
export function readCount(text: string, what: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0)
    throw new BaramError('INPUT_INVALID', `${what} must be a whole number, found ${JSON.stringify(text)}`)
  return value
}
