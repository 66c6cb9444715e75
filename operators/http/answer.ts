// One answer of a server: read within bounds, judged by its status, turned into a value.

import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { type JsonValue, parseExactJson, RetryTask } from '../../sdk/index.ts'
import { CharsetUnknownError, decodeAnswer } from '../charset.ts'
import { HttpAnswerError, HttpStatusError } from './errors.ts'

const QUOTED = 500

/** Whole: its body has been read. */
export class HttpAnswer {
  /** Of the last request after redirects, without anything secret in it. */
  readonly url: string
  readonly method: string
  readonly status: number
  /** Names in lower case; several values of one name are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer

  constructor(from: Pick<HttpAnswer, 'url' | 'method' | 'status' | 'headers' | 'body'>) {
    this.url = from.url
    this.method = from.method
    this.status = from.status
    this.headers = from.headers
    this.body = from.body
  }

  /**
   * In the charset that a byte order mark, the content type or a page's own `<meta>` names, else UTF-8.
   * @throws HttpAnswerError for a charset that is not known: its text would be wrong. `body` has the bytes.
   */
  get text(): string {
    try {
      return decodeAnswer(this.body, this.headers['content-type'] ?? '')
    } catch (cause) {
      if (!(cause instanceof CharsetUnknownError)) throw cause
      throw new HttpAnswerError(`${this.method} ${this.url}: ${cause.message}`, { cause })
    }
  }

  /**
   * Integers beyond 2^53 - 1 are their digits as text: a number would round them.
   * @throws HttpAnswerError when the body is not JSON
   */
  json(): JsonValue {
    const { text } = this
    try {
      // What was parsed is JSON.
      return parseExactJson(text) as JsonValue
    } catch (cause) {
      throw new HttpAnswerError(
        `${this.method} ${this.url}: the answer is not JSON, it begins ${JSON.stringify(text.slice(0, 80))}`,
        { cause },
      )
    }
  }

  /** JSON when the content type says so (`null` for an empty body), else the text. */
  value(): JsonValue {
    const type = this.headers['content-type'] ?? ''
    if (!/^[\w.+-]+\/([\w.+-]+\+)?json\b/i.test(type.trim())) return this.text
    return this.body.length === 0 ? null : this.json()
  }
}

const DECODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream & Readable>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
}

export const ACCEPTED_ENCODINGS = 'gzip, deflate, br'

/** The unpacked body; bounded after unpacking, since a small body may unpack to any length. @throws HttpAnswerError */
export async function readBody(body: Readable, encoding: string, maxBytes: number): Promise<Buffer> {
  const make = encoding === '' || encoding === 'identity' ? null : DECODERS[encoding]
  if (make === undefined) {
    body.on('error', () => undefined).destroy()
    throw new HttpAnswerError(`the answer is encoded as ${encoding}, which was not asked for (${ACCEPTED_ENCODINGS})`)
  }
  // An error of either is what the loop throws; the callback keeps it from being thrown twice.
  const source = make === null ? body : pipeline(body, make(), () => undefined)
  const chunks: Buffer[] = []
  let length = 0
  // Both yield Buffers; their types say `any`.
  for await (const chunk of source as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBytes)
      throw new HttpAnswerError(
        `the answer is longer than the limit of ${maxBytes} bytes: ask for less, page through it, or raise maxBytes`,
      )
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** One status, several, or a hundred of them. */
export type ExpectedStatus = number | readonly number[] | '1xx' | '2xx' | '3xx' | '4xx' | '5xx'

export function isExpected(status: number, expected: ExpectedStatus): boolean {
  if (typeof expected === 'string') return Math.floor(status / 100) === Number(expected[0])
  return [expected].flat().includes(status)
}

/** `Retry-After`, which is seconds or a date; null when there is none that can be read. */
export function retryAfterSeconds(value: string | undefined, now: number): number | null {
  if (value === undefined) return null
  if (/^\s*\d+\s*$/.test(value)) return Number(value)
  const at = Date.parse(value)
  return Number.isNaN(at) ? null : Math.max(0, (at - now) / 1000)
}

export interface Judging {
  readonly expectStatus: ExpectedStatus
  /** Seconds. */
  readonly retryAfterLimit: number
  /** Epoch ms. */
  readonly now: number
}

/** For a message: a charset that is not known must not hide the status. */
function beginning(answer: HttpAnswer): string {
  try {
    return answer.text.trim().slice(0, QUOTED)
  } catch (error) {
    return `${answer.body.length} bytes (${error instanceof Error ? error.message : String(error)})`
  }
}

function tell(answer: HttpAnswer): string {
  const begin = beginning(answer)
  return `${answer.method} ${answer.url} answered ${answer.status}: ${begin === '' ? 'no body' : begin}`
}

/**
 * @throws RetryTask when the server says when to come again, HttpStatusError for any other status that is not expected
 */
export function judgeStatus(answer: HttpAnswer, { expectStatus, retryAfterLimit, now }: Judging): void {
  if (isExpected(answer.status, expectStatus)) return
  const problem = new HttpStatusError(answer.status, tell(answer))
  const isBusy = answer.status === 429 || answer.status === 503
  const seconds = isBusy ? retryAfterSeconds(answer.headers['retry-after'], now) : null
  if (seconds === null) throw problem
  const after = Math.min(seconds, retryAfterLimit)
  throw new RetryTask(`${problem.message} (next try in ${Math.ceil(after)} s, as the server asks)`, {
    after,
    cause: problem,
  })
}
