// `baram/operators/open-data-kr`: the services of data.go.kr, Korea's portal of public data.

export type { OpenDataItem } from './answer.ts'
export { OpenDataClient, type OpenDataRequest } from './client.ts'
export {
  OpenDataAnswerError,
  OpenDataError,
  OpenDataKeyError,
  OpenDataNoDataError,
  OpenDataParameterError,
  OpenDataQuotaError,
  OpenDataServerError,
  OpenDataServiceError,
  taskEnding,
} from './errors.ts'
export { type OpenOpenData, openOpenData, openSimulatedOpenData } from './open.ts'
export { type OpenDataKrOptions, openDataKr } from './open-data-kr.ts'
