// A run to trigger as it is written in the form: its configuration and dates, or what is wrong with them.

import type { Request } from 'express'
import { parseExactJson } from '../../../core/exact-json.ts'
import type { JsonObject } from '../../../core/json.ts'
import { parseDate } from '../../http/query.ts'
import { formField } from '../forms/form-field.ts'
import { instantOf } from '../forms/zoned.ts'

const FIELDS = ['conf', 'run_id', 'note', 'logical_date', 'interval_start', 'interval_end'] as const
export type TriggerDraft = Readonly<Record<(typeof FIELDS)[number], string>>

export interface TriggerFault {
  readonly field: 'conf' | 'run_id' | 'note' | 'logical_date' | 'interval'
  readonly text: string
}

export function readDraft(req: Request): TriggerDraft {
  const field = (name: (typeof FIELDS)[number]) => formField(req.body, name)
  return {
    conf: field('conf'),
    run_id: field('run_id'),
    note: field('note'),
    logical_date: field('logical_date'),
    interval_start: field('interval_start'),
    interval_end: field('interval_end'),
  }
}

/** The object that a text of JSON holds, or why it is none. */
export function readConf(text: string): { conf: JsonObject } | { fault: string } {
  if (text.trim() === '') return { conf: {} }
  try {
    const value: unknown = parseExactJson(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      // Proven an object that JSON.parse made.
      return { conf: value as JsonObject }
    return { fault: 'The configuration must be a JSON object, such as {"day": "2026-01-05"}.' }
  } catch (error) {
    return { fault: `This is no JSON yet: ${error instanceof Error ? error.message : 'it cannot be read'}.` }
  }
}

/** A time as written: with an offset as it is, without one in the DAG's zone. */
function readTime(text: string, zone: string): number | null | 'bad' {
  const trimmed = text.trim()
  if (trimmed === '') return null
  return instantOf(trimmed, zone) ?? parseDate(trimmed) ?? 'bad'
}

const BAD_TIME = 'This is no date with a time, such as 2026-01-05T09:00.'

/** The dates of the draft, or what is wrong with them. */
export function readDates(draft: TriggerDraft, zone: string) {
  const faults: TriggerFault[] = []
  const logicalDate = readTime(draft.logical_date, zone)
  const start = readTime(draft.interval_start, zone)
  const end = readTime(draft.interval_end, zone)
  if (logicalDate === 'bad') faults.push({ field: 'logical_date', text: BAD_TIME })
  if (start === 'bad' || end === 'bad') faults.push({ field: 'interval', text: BAD_TIME })
  else if ((start === null) !== (end === null))
    faults.push({ field: 'interval', text: 'A data interval needs both ends, or neither.' })
  else if (typeof start === 'number' && typeof end === 'number' && start > end)
    faults.push({ field: 'interval', text: 'The interval must not end before it starts.' })
  const dataInterval = typeof start === 'number' && typeof end === 'number' ? { start, end } : null
  return { faults, logicalDate: typeof logicalDate === 'number' ? logicalDate : null, dataInterval }
}
