// Errors as the API and the pages tell them. One mapping from what is thrown to a status and a text.

import { BaramError, ERRORS } from '../../core/errors.ts'
import { ApiError, invalid } from './api-error.ts'
import { ofDatabase } from './database-errors.ts'

export { ApiError, type FieldFault, invalid, notFound } from './api-error.ts'

/** Whether a request may change something. */
export const isWrite = (req: { readonly method: string }): boolean => !['GET', 'HEAD', 'OPTIONS'].includes(req.method)

/** What body-parser and express throw: an error with a status and a kind. */
interface HttpFault {
  readonly status: number
  readonly type: string
}

function httpFault(error: unknown): HttpFault | null {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return null
  return { status: error.status, type: 'type' in error && typeof error.type === 'string' ? error.type : '' }
}

function ofParser(fault: HttpFault): ApiError {
  if (fault.type === 'entity.parse.failed')
    return invalid({
      type: 'json_invalid',
      loc: ['body'],
      msg: 'JSON decode error',
      input: {},
      ctx: { error: 'The body is not valid JSON' },
    })
  if (fault.type === 'entity.too.large') return new ApiError(413, 'The body is larger than 1 MB')
  if (fault.status === 400) return new ApiError(400, 'The request cannot be read')
  return new ApiError(fault.status, 'The request cannot be served')
}

/** Any thrown value as an answer. Unknown ones become 500 without a word of their own. `isWrite`: of a request that changes. */
export function toApiError(error: unknown, isWrite = false): ApiError {
  if (error instanceof ApiError) return error
  const refused = ofDatabase(error, isWrite)
  if (refused !== null) return refused
  if (error instanceof BaramError) {
    const { status } = ERRORS[error.code]
    return new ApiError(status, status >= 500 ? 'Internal Server Error' : error.message)
  }
  const fault = httpFault(error)
  if (fault !== null && fault.status >= 400 && fault.status < 500) return ofParser(fault)
  return new ApiError(500, 'Internal Server Error')
}
