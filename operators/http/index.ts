// `baram/operators/http`: requests as tasks, and the client other operators ask servers with.

export type { ExpectedStatus, HttpAnswer } from './answer.ts'
export { HttpClient, type HttpLimits, type HttpRequest, openHttp } from './client.ts'
export {
  HttpAnswerError,
  HttpRedirectError,
  HttpStatusError,
  HttpTimedOutError,
  HttpUnreachableError,
} from './errors.ts'
export { type HttpOptions, http, type PagedHttpOptions } from './http.ts'
export { type HttpSensorOptions, httpSensor } from './http-sensor.ts'
