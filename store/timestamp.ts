// Instants on their way into `timestamptz` columns.

import { BaramError } from '../core/errors.ts'
import { isStorableInstant } from '../core/storable.ts'

/**
 * Epoch ms as the text Postgres takes; null stays null.
 * @throws BaramError INPUT_INVALID for an instant outside the years 1 to 9999
 */
export function timestampOf(instant: number | null | undefined): string | null {
  if (instant === null || instant === undefined) return null
  if (!isStorableInstant(instant))
    throw new BaramError('INPUT_INVALID', `a date must lie in the years 1 to 9999, found ${instant} ms since 1970`)
  return new Date(instant).toISOString()
}
