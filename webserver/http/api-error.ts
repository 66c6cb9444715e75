// An answer with a status of its own, as it is thrown.

export interface FieldFault {
  readonly type: string
  readonly loc: readonly (string | number)[]
  readonly msg: string
  readonly input?: unknown
  readonly ctx?: Readonly<Record<string, unknown>>
}

/** An answer with a status of its own; `detail` is Airflow's text or object. */
export class ApiError extends Error {
  readonly status: number
  readonly detail: string | Readonly<Record<string, unknown>> | readonly FieldFault[]

  constructor(status: number, detail: ApiError['detail']) {
    super(typeof detail === 'string' ? detail : `HTTP ${status}`)
    this.name = 'ApiError'
    this.status = status
    this.detail = detail
  }
}

export const notFound = (text: string): ApiError => new ApiError(404, text)
export const invalid = (...faults: FieldFault[]): ApiError => new ApiError(422, faults)
