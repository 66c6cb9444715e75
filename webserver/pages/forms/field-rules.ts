// What a field of a form must hold: the server refuses by these rules, the browser tells by them as the field is left.

import { MASK } from '../../../core/masker.ts'
import { idFault } from '../../../core/storable.ts'

function objectFault(text: string): string | null {
  if (text === '' || text === MASK) return null
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return null
  } catch {
    // Told below.
  }
  return 'Extra must be a JSON object, such as {"timeout": 10}.'
}

const RULES = {
  'variable-key': (text: string) => {
    const fault = idFault(text, 'A key')
    return fault === null ? null : `${fault}.`
  },
  'connection-id': (text: string) =>
    /^[\w.-]{1,200}$/.test(text) ? null : 'An id has 1 to 200 letters, digits, _ . or -.',
  port: (text: string) =>
    text === '' || (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) ? null : 'A port is a number from 0 to 65535.',
  'json-object': objectFault,
} as const

export type FieldRule = keyof typeof RULES

export const isFieldRule = (name: string): name is FieldRule => Object.hasOwn(RULES, name)

/** Why a trimmed text is refused, as a sentence; null when it is not. */
export const fieldFault = (rule: FieldRule, text: string): string | null => RULES[rule](text)
