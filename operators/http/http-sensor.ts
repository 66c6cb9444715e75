// Waits until a server answers as it should: Airflow's HttpSensor.

import { type JsonObject, type JsonValue, type Operator, RetryTask } from '../../sdk/index.ts'
import { type SensorOptions, templatedSensor } from '../sensor.ts'
import type { ExpectedStatus, HttpAnswer } from './answer.ts'
import { type HttpLimits, type HttpRequest, openHttp } from './client.ts'
import { HttpStatusError } from './errors.ts'
import { askOnce, limitsOf, requestOf } from './http.ts'

export interface HttpSensorOptions<TValue> extends HttpRequest, Omit<HttpLimits, 'timeout'>, SensorOptions {
  /** Connection of type http. Default `http_default`. */
  readonly httpConnId?: string
  /** Default `GET`. */
  readonly method?: string
  /** Seconds for one request; `timeout` is that of the waiting. Default 60. */
  readonly requestTimeout?: number
  /** Which status is right. Default `2xx`. Others fail the try, unless they mean "not yet". */
  readonly expectStatus?: ExpectedStatus
  /** Which status means "not yet". Default `[404]`; a 429 or 503 with `Retry-After` always does. */
  readonly responseErrorCodesAllowlist?: readonly number[]
  /** Looks at an answer of the right status; `false` means "not yet". Default: any is enough. */
  readonly responseCheck?: (answer: HttpAnswer) => boolean | Promise<boolean>
  /** What becomes the XCom once it is there. Default: nothing. */
  readonly responseFilter?: (answer: HttpAnswer) => TValue | Promise<TValue>
}

/** Whether an error of asking only means that it is too early. */
function isNotYet(error: unknown, allowed: readonly number[]): boolean {
  return error instanceof RetryTask || (error instanceof HttpStatusError && allowed.includes(error.status))
}

/**
 * Asks again and again until the answer is right. A server that cannot be reached fails the try.
 * `TArgs`: the task's inputs, for templates.
 */
export function httpSensor<TArgs extends object = Record<never, never>, TValue extends JsonValue = JsonValue>(
  options: HttpSensorOptions<TValue>,
): Operator<TArgs, TValue | undefined> {
  const { httpConnId = 'http_default', method = 'GET', responseErrorCodesAllowlist = [404], requestTimeout } = options
  const { responseCheck, responseFilter, redirects, maxBytes } = options
  const limits = limitsOf({
    ...(requestTimeout !== undefined && { timeout: requestTimeout }),
    ...(redirects !== undefined && { redirects }),
    ...(maxBytes !== undefined && { maxBytes }),
  })
  return templatedSensor<TArgs, HttpSensorOptions<TValue>, JsonObject, TValue>({
    name: 'HttpSensor',
    options: { ...options, httpConnId, method, responseErrorCodesAllowlist },
    templateFields: ['endpoint', 'query', 'headers', 'data', 'json'],
    prepare(op, rendered) {
      op.log.info({ endpoint: rendered.endpoint ?? '' }, 'waiting for an answer')
      // A request is JSON: texts, numbers, and what the author gave as JSON.
      return requestOf(rendered) as JsonObject
    },
    async poke(request, op) {
      const client = await openHttp(op, httpConnId, limits)
      try {
        // As above.
        const answer = await askOnce(client, request as HttpRequest, options)
        if (responseCheck !== undefined && !(await responseCheck(answer))) return false
        return responseFilter === undefined ? true : { done: true, value: await responseFilter(answer) }
      } catch (error) {
        if (isNotYet(error, responseErrorCodesAllowlist)) return false
        throw error
      } finally {
        await client.close()
      }
    },
  })
}
