// A value of the API and its quality flag as a number, or as why there is none. Everything is text there, and "" is missing: a
// missing value must never become 0, which is a temperature.

import type { JsonValue } from '../../sdk/index.ts'

/** `absent`: not measured. `wrong`: flagged as wrong, or no number; it must not be used, and is counted. */
export type Reading = number | 'absent' | 'wrong'

const NUMBER = /^[+-]?(\d{1,15}(\.\d{0,15})?|\.\d{1,15})$/

function textOf(value: JsonValue | undefined): string | null {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : null
}

/** @param flag "" or 0 good, 1 wrong, 9 missing; a flag that is not known is no reason to trust a value */
export function readValue(value: JsonValue | undefined, flag: JsonValue | undefined): Reading {
  const text = textOf(value)
  const quality = textOf(flag)
  if (text === '' || quality === '9') return 'absent'
  if (text === null || (quality !== '' && quality !== '0') || !NUMBER.test(text)) return 'wrong'
  return Number(text)
}
