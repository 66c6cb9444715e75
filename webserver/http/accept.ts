// Answers that are JSON or text, whichever the client asks for.

import type { Request } from 'express'
import { ApiError } from './errors.ts'

/** @throws ApiError 406 when it takes neither */
export function acceptsText(req: Request): boolean {
  const type = req.accepts(['application/json', 'text/plain'])
  if (type === false) throw new ApiError(406, 'Only application/json or text/plain is supported')
  return type === 'text/plain'
}
