// What the database refused, or that it did not answer, as an answer of ours. The net below the door and the engine's own
// checks: what lands here is logged, since it should have been refused with a better word before.

import { BaramError } from '../../core/errors.ts'
import { isConnectionError, pgCode } from '../../store/answers.ts'
import { ApiError } from './api-error.ts'

/** Seconds after which a client may try again. */
export const RETRY_AFTER_SECONDS = 5

/** Too many connections or no memory (53), locks (55P03), conflicts (40), a cancelled statement (57014), a transaction that idled (25P03). */
const PASSING = /^(53|40|57|55P03$|25P03$)/
/** Values that no column takes (22), broken constraints (23), limits of the product (54). */
const REFUSED = /^(22|23|54)/

const UNIQUE = '23505'

/** pg's own words for a statement and a checkout that took too long. */
const isTimeOut = (error: unknown) =>
  error instanceof Error && /timeout exceeded|Query read timeout/.test(error.message)

/** Null = the error is none of the database's. `isWrite`: the request may have changed something. */
export function ofDatabase(error: unknown, isWrite: boolean): ApiError | null {
  if (error instanceof BaramError && error.code === 'DATABASE_UNAVAILABLE')
    return new ApiError(503, 'The database does not answer. Try again in a few seconds.')
  const code = pgCode(error) ?? ''
  // The connection was lost under a statement: under a COMMIT, nobody knows which side of it.
  if (isConnectionError(error) || isTimeOut(error))
    return new ApiError(
      503,
      isWrite
        ? 'The connection to the database was lost. Whether the change was made is not known: look before you repeat it.'
        : 'The connection to the database was lost. Try again in a few seconds.',
    )
  if (PASSING.test(code))
    return new ApiError(503, 'The database is busy. Nothing was changed; try again in a few seconds.')
  if (code === UNIQUE)
    return new ApiError(409, {
      reason: 'Unique constraint violation',
      statement: 'hidden',
      orig_error: 'hidden',
      message: 'It exists already.',
    })
  if (REFUSED.test(code)) return new ApiError(422, 'A value of this request cannot be stored.')
  return null
}
