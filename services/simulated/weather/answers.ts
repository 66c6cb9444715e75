// What the weather services answer to their parameters, as a value.

import { type Answer, gatewayError, hasPage, json, page, serviceError } from '../open-data/answers.ts'
import { daysOf } from './days.ts'
import { HOUR, hourAt, type ObservationSource, startOfDay } from './observation.ts'

export const HOURLY_PATH = '/1360000/AsosHourlyInfoService/getWthrDataList'
export const DAILY_PATH = '/1360000/AsosDalyInfoService/getWthrDataList'
/** More are cut without a word: a client that does not page loses rows. */
export const MOST_ROWS = 999
/** An hour's observation is there a minute after it; the real service has it the next day. */
const DELAY_MS = 60_000

export interface Serving {
  readonly source: ObservationSource
  /** The key that is accepted. */
  readonly key: string
  /** `now`: hours until a minute ago. `yesterday`: as the real service, none of today. */
  readonly until: 'now' | 'yesterday'
  /** Of a page. */
  readonly mostRows: number
}

interface Refusal {
  readonly code: string
  readonly message: string
}

const REQUIRED = ['dataCd', 'dateCd', 'startDt', 'endDt', 'stnIds'] as const
const REQUIRED_HOURS = [...REQUIRED, 'startHh', 'endHh'] as const

/** The hours that were asked for and are served, or the error instead. */
function spanOf({ until }: Serving, query: URLSearchParams, now: number): { from: number; to: number } | Refusal {
  const value = (name: string) => query.get(name) ?? ''
  const byDay = !query.has('startHh')
  const from = hourAt(value('startDt'), byDay ? '00' : value('startHh'))
  const to = hourAt(value('endDt'), byDay ? '23' : value('endHh'))
  if (from === null || to === null || from > to || !hasPage(query))
    return { code: '10', message: 'INVALID_REQUEST_PARAMETER_ERROR' }
  if (until === 'yesterday' && to >= startOfDay(now)) return { code: '99', message: '전날 자료까지 제공됩니다.' }
  return { from, to: Math.min(to, until === 'yesterday' ? startOfDay(now) - HOUR : now - DELAY_MS) }
}

function rowsFor(serving: Serving, by: 'hour' | 'day', query: URLSearchParams, now: number): Answer {
  const format = query.get('dataType') === 'JSON' ? 'JSON' : 'XML'
  if ((by === 'hour' ? REQUIRED_HOURS : REQUIRED).some((name) => (query.get(name) ?? '') === ''))
    return serviceError('11', 'NO_MANDATORY_REQUEST_PARAMETERS_ERROR', format)
  const span = spanOf(serving, query, now)
  if ('code' in span) return serviceError(span.code, span.message, format)
  const hours = serving.source.observations({ station: query.get('stnIds') ?? '', ...span })
  const rows = by === 'hour' ? hours : daysOf(hours)
  return rows.length === 0 ? serviceError('03', 'NO_DATA', format) : page(rows, query, format, serving.mostRows)
}

/** The gateway's checks, then the service's. */
export function answer(serving: Serving, path: string, query: URLSearchParams, now: number): Answer {
  if (path === '/')
    return json({
      name: 'Baram simulated weather service',
      simulated: true,
      source: serving.source.name,
      notice: '가상 데이터입니다. This is no real weather.',
    })
  if (path !== HOURLY_PATH && path !== DAILY_PATH) return gatewayError('12', 'NO_OPENAPI_SERVICE_ERROR')
  if (query.get('serviceKey') !== serving.key) return gatewayError('30', 'SERVICE_KEY_IS_NOT_REGISTERED_ERROR')
  return rowsFor(serving, path === HOURLY_PATH ? 'hour' : 'day', query, now)
}
