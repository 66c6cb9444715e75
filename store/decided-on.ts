// A statement that finds other rows than were decided on fails by itself: so COMMIT can leave with it without
// waiting for its answer, and nothing is half done. SQL has no `raise` outside of functions; a division by zero is one.

import { pgCode } from './answers.ts'

/** As an expression of a select list: fails the statement unless `condition` holds. */
export const decidedOn = (condition: string): string => `1 / case when ${condition} then 1 else 0 end`

const DIVISION_BY_ZERO = '22012'

/** The rows had moved since they were decided on. */
export const isOutdated = (error: unknown): boolean => pgCode(error) === DIVISION_BY_ZERO
