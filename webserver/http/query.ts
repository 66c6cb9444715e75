// Reading query parameters by Airflow's rules: repeated keys are lists, patterns are ILIKE with `|` as or, limits are
// capped without a word, and a wrong value is told the way FastAPI tells it.

import type { Request } from 'express'
import { isStorableInstant, MAX_INT4 } from '../../core/storable.ts'
import type { Order, Page } from '../../store/postgres/read-filters.ts'
import { ApiError, type FieldFault, invalid } from './errors.ts'

const MAX_ORDER_KEYS = 10
const DATE = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?( ?(Z|[+-]\d{2}:?\d{2}))?)?$/

/** ISO text with an offset (none = UTC) as epoch ms; null when it is no date of the years 1 to 9999. A `+` may have arrived as a space. */
export function parseDate(text: string): number | null {
  const trimmed = text.trim()
  if (!DATE.test(trimmed)) return null
  const iso = trimmed.replace(/ (\d{2}:?\d{2})$/, '+$1').replace(' ', 'T')
  const zoned = /(Z|[+-]\d{2}:?\d{2})$/.test(iso.slice(10)) ? iso : iso.length === 10 ? iso : `${iso}Z`
  const at = Date.parse(zoned)
  return isStorableInstant(at) ? at : null
}

const escapeLike = (text: string): string => text.replaceAll('\\', '\\\\')

/** Values of a closed set, in Airflow's words where one is none of it: a filter that is dropped would show all. */
export function knownOnly(
  what: string,
  values: readonly string[] | undefined,
  known: readonly string[],
): readonly string[] | undefined {
  if (values?.every((value) => known.includes(value)) === false)
    throw new ApiError(422, `Invalid value for ${what}. Valid values are ${known.join(', ')}`)
  return values
}

export class Query {
  private readonly values: Readonly<Record<string, unknown>>
  private readonly faults: FieldFault[] = []

  constructor(req: Request) {
    // Express' simple parser: text or a list of texts by name.
    this.values = req.query
  }

  texts(name: string): string[] | undefined {
    const value = this.values[name]
    if (value === undefined) return undefined
    const list = Array.isArray(value) ? value : [value]
    return list.filter((item): item is string => typeof item === 'string')
  }

  text(name: string): string | undefined {
    return this.texts(name)?.at(-1)
  }

  private refuse(name: string, type: string, msg: string, input: unknown, ctx?: Record<string, unknown>): undefined {
    this.faults.push({ type, loc: ['query', name], msg, input, ...(ctx === undefined ? {} : { ctx }) })
    return undefined
  }

  int(name: string, least?: number): number | undefined {
    const text = this.text(name)
    if (text === undefined || text === '') return undefined
    const value = Number(text)
    if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(value) || Math.abs(value) > MAX_INT4)
      return this.refuse(
        name,
        'int_parsing',
        'Input should be a valid integer, unable to parse string as an integer',
        text,
      )
    if (least !== undefined && value < least)
      return this.refuse(name, 'greater_than_equal', `Input should be greater than or equal to ${least}`, text, {
        ge: least,
      })
    return value
  }

  ints(name: string): number[] | undefined {
    const texts = this.texts(name)
    if (texts === undefined) return undefined
    return texts.flatMap((text) => {
      if (/^-?\d{1,9}$/.test(text)) return [Number(text)]
      this.refuse(name, 'int_parsing', 'Input should be a valid integer, unable to parse string as an integer', text)
      return []
    })
  }

  bool(name: string): boolean | undefined {
    const text = this.text(name)?.toLowerCase()
    if (text === undefined || text === '') return undefined
    if (['true', '1', 'yes', 'on', 't', 'y'].includes(text)) return true
    if (['false', '0', 'no', 'off', 'f', 'n'].includes(text)) return false
    return this.refuse(name, 'bool_parsing', 'Input should be a valid boolean, unable to interpret input', text)
  }

  /** One of a closed set; others are refused. */
  oneOf(name: string, allowed: readonly string[]): string | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    if (allowed.includes(text)) return text
    const expected = allowed.map((item) => `'${item}'`).join(', ')
    return this.refuse(name, 'enum', `Input should be ${expected}`, text, { expected })
  }

  /** A date filter as ISO text. @throws ApiError 400 */
  date(name: string): string | undefined {
    const text = this.text(name)
    if (text === undefined || text === '') return undefined
    const at = parseDate(text)
    if (at === null) throw new ApiError(400, `Invalid datetime: ${JSON.stringify(text)} for ${name}`)
    return new Date(at).toISOString()
  }

  private number(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined || text === '') return undefined
    const value = Number(text)
    if (Number.isFinite(value)) return value
    return this.refuse(
      name,
      'float_parsing',
      'Input should be a valid number, unable to parse string as a number',
      text,
    )
  }

  /** A number above 0 that must be there. */
  positive(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return this.refuse(name, 'missing', 'Field required', null)
    const value = this.number(name)
    if (value !== undefined && value <= 0)
      return this.refuse(name, 'greater_than', 'Input should be greater than 0', text, { gt: 0 })
    if (value === undefined && text === '')
      return this.refuse(name, 'float_parsing', 'Input should be a valid number', text)
    return value
  }

  /** `<name>_gte`, `_gt`, `_lte`, `_lt` of a date. */
  dates(...names: string[]): Record<string, string | undefined> {
    return Object.fromEntries(
      names.flatMap((name) => ['gte', 'gt', 'lte', 'lt'].map((end) => [`${name}_${end}`, this.date(`${name}_${end}`)])),
    )
  }

  numbers(name: string): Record<string, number | undefined> {
    return Object.fromEntries(
      ['gte', 'gt', 'lte', 'lt'].map((end) => [`${name}_${end}`, this.number(`${name}_${end}`)]),
    )
  }

  /** ILIKE patterns: `a | b` is or, a lone `~` is all. */
  pattern(name: string): string[] | undefined {
    const text = this.text(name)
    if (text === undefined || text === '' || text === '~') return undefined
    const parts = text.split('|').map((part) => part.trim())
    return parts.filter((part) => part !== '').map((part) => `%${escapeLike(part)}%`)
  }

  /** Any of the texts as a part, `%` and `_` literally. */
  substrings(name: string): string[] | undefined {
    const texts = this.texts(name)
    if (texts === undefined || texts.length === 0) return undefined
    return texts.map((text) => `%${escapeLike(text).replaceAll('%', '\\%').replaceAll('_', '\\_')}%`)
  }

  /** @throws ApiError 400 for an unknown key or more than 10 keys */
  order(columns: Readonly<Record<string, string>>, fallback: string, name = 'order_by'): Order[] {
    const keys = this.texts(name)?.filter((key) => key !== '') ?? []
    if (keys.length > MAX_ORDER_KEYS)
      throw new ApiError(400, `Ordering with more than ${MAX_ORDER_KEYS} keys is not allowed`)
    return readOrder(keys.length === 0 ? [fallback] : keys, columns)
  }

  page(
    config: { readonly maximumPageLimit: number; readonly fallbackPageLimit: number },
    columns: Readonly<Record<string, string>>,
    fallback: string,
  ): Page {
    const limit = this.int('limit', 0)
    const offset = this.int('offset', 0) ?? 0
    const order = this.order(columns, fallback)
    return { limit: capLimit(limit, config), offset, order }
  }

  /** Call when everything was read. @throws ApiError 422 with every fault */
  done(): void {
    if (this.faults.length > 0) throw invalid(...this.faults)
  }
}

export function capLimit(
  limit: number | undefined | null,
  config: { readonly maximumPageLimit: number; readonly fallbackPageLimit: number },
): number {
  const asked = limit === undefined || limit === null || limit === 0 ? config.fallbackPageLimit : limit
  return Math.min(asked, config.maximumPageLimit)
}

/** @throws ApiError 400 */
export function readOrder(keys: readonly string[], columns: Readonly<Record<string, string>>): Order[] {
  return keys.map((text) => {
    const isDescending = text.startsWith('-')
    const key = text.replace(/^[+-]/, '')
    if (!Object.hasOwn(columns, key))
      throw new ApiError(
        400,
        `Ordering with '${key.slice(0, 80)}' is disallowed or the attribute does not exist on the model`,
      )
    return { key, isDescending }
  })
}
