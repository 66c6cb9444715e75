// Requests to a server's REST API: one place for its address, its token, its limits and its errors.
//
// An answer is not trusted: it is read up to a size, as JSON, field by field (`answer.ts`), and printed by what shows control
// characters. A redirect is not followed, so that the token goes nowhere else.

import { BaramError } from '../../../core/errors.ts'
import { parseExactJson } from '../../../core/exact-json.ts'
import { productVersion } from '../../../runtime/paths.ts'
import { Answer } from './answer.ts'
import { errorOfStatus, unreachable } from './errors.ts'

/** A request that nobody answers ends after this, ms. */
const TIME_LIMIT_MS = 60_000
/** An answer may have this many bytes: no page of ours comes near. */
const MOST_BYTES = 64 * 1024 * 1024
/** Rows that are asked for at once; a server gives fewer if it likes. */
const PAGE = 1000

type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
/** Values of one name are given one after the other; an undefined one is left out. */
export type Query = Readonly<Record<string, string | number | boolean | readonly (string | number)[] | undefined>>

export interface ClientOptions {
  readonly url: string
  readonly token: string | null
  /** Default 60 s. */
  readonly timeLimitMs?: number
}

/** Parts of a path, each encoded. @throws BaramError INPUT_INVALID: `.` and `..` name another place in an address */
export function pathOf(strings: TemplateStringsArray, ...ids: readonly (string | number)[]): string {
  return strings.reduce((path, text, i) => {
    const id = String(ids[i - 1])
    if (id === '.' || id === '..' || id === '')
      throw new BaramError(
        'INPUT_INVALID',
        `a name must have a letter or a digit to be asked of a server, found ${JSON.stringify(id)}`,
      )
    return `${path}${encodeURIComponent(id)}${text}`
  })
}

/** An instant as bodies have it. */
export const isoOrNull = (at: number | null | undefined): string | null =>
  at === null || at === undefined ? null : new Date(at).toISOString()

function searchOf(query: Query): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    if (value !== undefined)
      for (const item of Array.isArray(value) ? (value as readonly (string | number)[]) : [value])
        search.append(name, String(item))
  const text = search.toString()
  return text === '' ? '' : `?${text}`
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  // The type of the library leaves open what a chunk is; fetch gives bytes.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > MOST_BYTES)
      throw new BaramError(
        'SERVER_FAILED',
        `${response.url} answers more than ${MOST_BYTES / 2 ** 20} MB; ask for less`,
      )
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

function parse(text: string): unknown {
  if (text.trim() === '') return null
  try {
    return parseExactJson(text)
  } catch {
    return undefined
  }
}

export class RestClient {
  readonly url: string
  private readonly options: ClientOptions

  constructor(options: ClientOptions) {
    this.options = options
    this.url = options.url
  }

  /**
   * @param path after the server's address, from `pathOf`
   * @throws BaramError SERVER_UNREACHABLE | SERVER_FAILED | SIGN_IN_REQUIRED | FORBIDDEN | NOT_FOUND | CONFLICT | INPUT_INVALID
   */
  async send(method: Method, path: string, query: Query = {}, body?: unknown): Promise<Answer> {
    const { token, timeLimitMs = TIME_LIMIT_MS } = this.options
    const address = `${this.url}${path}${searchOf(query)}`
    const asked = { method, path, server: this.url, hasToken: token !== null }
    let status: number
    let location: string | null
    let text: string
    try {
      const response = await fetch(address, {
        method,
        redirect: 'manual',
        signal: AbortSignal.timeout(timeLimitMs),
        headers: {
          accept: 'application/json',
          'user-agent': `dagctl/${productVersion}`,
          ...(token !== null && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      ;({ status } = response)
      location = response.headers.get('location')
      text = await readText(response)
    } catch (error) {
      if (error instanceof BaramError) throw error
      throw unreachable(asked, error, timeLimitMs)
    }
    const value = parse(text)
    if (status < 200 || status > 299) throw errorOfStatus(asked, status, value, location)
    if (value === undefined)
      throw new BaramError(
        'SERVER_FAILED',
        `${this.url}${path} must answer JSON, which it does not: is it a Baram server?`,
      )
    return new Answer(value, `${this.url}${path}`)
  }

  get(path: string, query?: Query): Promise<Answer> {
    return this.send('GET', path, query)
  }

  /** Null when there is no such thing. */
  async find(path: string, query?: Query): Promise<Answer | null> {
    try {
      return await this.get(path, query)
    } catch (error) {
      if (error instanceof BaramError && error.code === 'NOT_FOUND') return null
      throw error
    }
  }

  /** Rows of a list, page after page. @param most the first so many; default: all */
  async list(
    path: string,
    field: string,
    query: Query = {},
    most = Number.POSITIVE_INFINITY,
  ): Promise<{ readonly rows: readonly Answer[]; readonly total: number }> {
    const rows: Answer[] = []
    for (;;) {
      const page = await this.get(path, { ...query, limit: Math.min(PAGE, most - rows.length), offset: rows.length })
      const found = page.list(field)
      const total = page.number('total_entries')
      rows.push(...found)
      if (found.length === 0 || rows.length >= Math.min(most, total)) return { rows: rows.slice(0, most), total }
    }
  }
}

/** Calls for many things, a few at a time, in order. */
export async function each<T, R>(items: readonly T[], call: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = []
  let next = 0
  const lane = async () => {
    for (let i = next++; i < items.length; i = next++) {
      // In range: `i` is below the length.
      results[i] = await call(items[i] as T)
    }
  }
  await Promise.all(Array.from({ length: 8 }, lane))
  return results
}
