// How a call to apis.data.go.kr can go wrong: one class a kind, each with what to do, in Korean where its users will read it.

import { FailTask, RetryTask } from '../../sdk/index.ts'
import { secondsToNextDay } from './day.ts'

/** What the server said, without the key. */
export interface Refusal {
  /** Two digits, such as `30`; null when no code came with it. */
  readonly code: string | null
  /** The server's own words. */
  readonly message: string
  /** `1360000/AsosHourlyInfoService/getWthrDataList` */
  readonly service: string
  /** What was asked, but for the key. */
  readonly query: Readonly<Record<string, string | number>>
}

const told = ({ code, message, service }: Refusal): string =>
  `${service} answered ${code === null ? '' : `${code} `}${message === '' ? 'without a message' : message}`

/** Any of those below. */
export class OpenDataError extends Error {
  override readonly name: string = 'OpenDataError'
  readonly code: string | null
  readonly service: string
  constructor({ code, service }: Pick<Refusal, 'code' | 'service'>, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.service = service
  }
}

/** 03: the service has no rows for what was asked, now. They may come later. */
export class OpenDataNoDataError extends OpenDataError {
  override readonly name = 'OpenDataNoDataError'
  constructor(refusal: Refusal) {
    super(refusal, `${told(refusal)}: it has no rows for ${shown(refusal.query)}`)
  }
}

/** 10, 11: a parameter is wrong or missing. The same call is refused for ever. */
export class OpenDataParameterError extends OpenDataError {
  override readonly name = 'OpenDataParameterError'
  /** Those the server names; all that were sent when it names none, which is usual. */
  readonly parameters: readonly string[]
  constructor(refusal: Refusal) {
    const sent = Object.keys(refusal.query)
    const named = sent.filter((name) => new RegExp(String.raw`\b${name}\b`, 'i').test(refusal.message))
    const parameters = named.length > 0 ? named : sent
    const wrong = Object.fromEntries(Object.entries(refusal.query).filter(([name]) => parameters.includes(name)))
    const which = named.length > 0 ? 'it names' : 'it does not say which; sent were'
    super(
      refusal,
      `${told(refusal)}: a request parameter is wrong or missing, ${which} ${shown(wrong)}. 요청 변수를 확인하세요. ` +
        'Compare names and values with the guide of the service.',
    )
    this.parameters = parameters
  }
}

/** 12: there is no such service, or it was closed. */
export class OpenDataServiceError extends OpenDataError {
  override readonly name = 'OpenDataServiceError'
  constructor(refusal: Refusal) {
    super(
      refusal,
      `${told(refusal)}: there is no such service. 서비스 주소를 확인하세요. Compare the path with its page on data.go.kr.`,
    )
  }
}

/** 20, 30, 31, 32, 33: the key is not accepted. */
export class OpenDataKeyError extends OpenDataError {
  override readonly name = 'OpenDataKeyError'
  constructor(refusal: Refusal) {
    super(
      refusal,
      `${told(refusal)}: the service key is not accepted. 활용신청이 승인되었는지, 인증키가 맞는지, 사용 기간이 지나지 않았는지 확인하세요. ` +
        'Apply for the service on data.go.kr with this key (a new one counts after an hour), and put it into the password of the connection.',
    )
  }
}

/** 22, or our own count: the calls of this day are used up. */
export class OpenDataQuotaError extends OpenDataError {
  override readonly name = 'OpenDataQuotaError'
  constructor(refusal: Refusal) {
    super(
      refusal,
      `${told(refusal)}: the calls of this day are used up. 일일 트래픽을 모두 사용했습니다. 자정(KST) 이후에 다시 호출됩니다. ` +
        'They count anew at midnight in Seoul; more are granted on data.go.kr.',
    )
  }
}

/** 01, 02, 04, 05, 21, 99 and codes that are not known: the service failed. A later try may succeed. */
export class OpenDataServerError extends OpenDataError {
  override readonly name = 'OpenDataServerError'
  constructor(refusal: Refusal) {
    super(refusal, `${told(refusal)}: the service failed; a later try may succeed`)
  }
}

/** The answer is none of this portal's, or its pages do not add up: nothing of it can be trusted. Retries apply. */
export class OpenDataAnswerError extends OpenDataError {
  override readonly name = 'OpenDataAnswerError'
}

const shown = (query: Refusal['query']): string =>
  Object.entries(query)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ') || 'no parameters'

/** The error of a code, by the portal's list. */
export function errorOf(refusal: Refusal): OpenDataError {
  switch (refusal.code) {
    case '03':
      return new OpenDataNoDataError(refusal)
    case '10':
    case '11':
      return new OpenDataParameterError(refusal)
    case '12':
      return new OpenDataServiceError(refusal)
    case '20':
    case '30':
    case '31':
    case '32':
    case '33':
      return new OpenDataKeyError(refusal)
    case '22':
      return new OpenDataQuotaError(refusal)
    default:
      return new OpenDataServerError(refusal)
  }
}

/**
 * What a task that met this error throws: no retry where the same call is refused again, a retry after midnight in Seoul
 * where the day's calls are used up, and the error itself otherwise. The error is the `cause`.
 * @param now epoch ms
 */
export function taskEnding(error: unknown, now: number): unknown {
  if (error instanceof OpenDataQuotaError)
    return new RetryTask(`${error.message} (next try after midnight in Seoul)`, {
      after: secondsToNextDay(now),
      cause: error,
    })
  const isFinal =
    error instanceof OpenDataKeyError ||
    error instanceof OpenDataParameterError ||
    error instanceof OpenDataServiceError
  return isFinal ? new FailTask(error.message, { cause: error }) : error
}
