// Notes of runs and task instances on their way into their columns.

import { BaramError } from '../core/errors.ts'
import { repairText } from '../core/storable.ts'

/** Airflow's limit, characters. */
export const NOTE_LENGTH = 1000

/** @throws BaramError INPUT_INVALID for a note of more than 1,000 characters */
export function noteText(note: string | null): string | null {
  if (note === null) return null
  if (note.length > NOTE_LENGTH)
    throw new BaramError('INPUT_INVALID', `a note has at most ${NOTE_LENGTH} characters, found ${note.length}`, {
      details: { field: 'note', most: NOTE_LENGTH },
    })
  return repairText(note)
}
