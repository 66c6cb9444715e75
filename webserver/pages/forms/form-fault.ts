// What is wrong with a field of a form, told beside it.

import { BaramError } from '../../../core/errors.ts'
import { asSentence } from '../frame/sentence.ts'

export interface FormFault {
  readonly field: string
  readonly text: string
}

/** By field, for a template; fields without a fault are null. */
export function faultsByField<Field extends string>(
  fields: readonly Field[],
  faults: readonly FormFault[],
): Readonly<Record<Field, string | null>> {
  const textOf = (name: Field) => faults.find(({ field }) => field === name)?.text ?? null
  // One entry a field, by the line itself.
  return Object.fromEntries(fields.map((name) => [name, textOf(name)])) as Record<Field, string | null>
}

/** The engine's refusal as a fault of the field it is about. */
export function refusalAt(field: string, error: unknown): FormFault[] {
  if (error instanceof BaramError && ['CONFLICT', 'INPUT_INVALID'].includes(error.code))
    return [{ field, text: asSentence(error.message) }]
  throw error
}
