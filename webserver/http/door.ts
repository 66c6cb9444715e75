// The door: what no handler should have to think of. An address that is not UTF-8, or names a place above itself; text that
// Postgres and JSON cannot hold; bodies nested deeper than anybody means.

import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { NextFunction, Request, Response } from 'express'
import { parseExactJson } from '../../core/exact-json.ts'
import { storableFault } from '../../core/storable.ts'
import { ApiError, type FieldFault, invalid } from './api-error.ts'

/** As deep as pydantic's parser goes, which reads Airflow's bodies. */
const MOST_LEVELS = 200

/** Percent-decoded; null when the bytes are no UTF-8 (overlong forms and halves of surrogate pairs are none). */
function decode(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

function checkPath(path: string): void {
  for (const part of path.split('/')) {
    const text = decode(part)
    if (text === null) throw new ApiError(400, 'The address is not valid UTF-8')
    const fault = storableFault(text)
    if (fault !== null) throw new ApiError(400, `The address must be text ${fault}`)
    // Whatever stands between here and the browser may have read it as another place, or will.
    if (text === '.' || text === '..') throw new ApiError(400, `The address must not hold "${text}" as a part`)
  }
}

/** Every name and value of a query or form, as the parser will read it. */
function checkPairs(text: string, where: string): void {
  for (const part of text.split(/[&=]/)) {
    const value = decode(part.replaceAll('+', ' '))
    if (value === null) throw new ApiError(400, `The ${where} is not valid UTF-8`)
    const fault = storableFault(value)
    if (fault !== null) throw new ApiError(400, `The ${where} must be text ${fault}`)
  }
}

/** Refuses addresses that cannot be meant. */
export function checkAddress(req: Request, _res: Response, next: NextFunction): void {
  const mark = req.url.indexOf('?')
  checkPath(mark === -1 ? req.url : req.url.slice(0, mark))
  if (mark !== -1) checkPairs(req.url.slice(mark + 1), 'query')
  next()
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPENS = new Set([0x5b, 0x7b])
const CLOSES = new Set([0x5d, 0x7d])

/** Whether JSON text opens more than so many brackets at once: told before it is parsed, in one look at its bytes. */
export function isDeeperThan(body: Uint8Array, most: number): boolean {
  let depth = 0
  let isInside = false
  for (let i = 0; i < body.length; i++) {
    const byte = body[i] ?? 0
    if (isInside && byte === BACKSLASH) i++
    else if (byte === QUOTE) isInside = !isInside
    else if (!isInside && OPENS.has(byte) && ++depth > most) return true
    else if (!isInside && CLOSES.has(byte)) depth--
  }
  return false
}

/** Texts of bodies in which a number may be too long for a JavaScript number. */
const longTexts = new WeakMap<IncomingMessage, string>()
const LONG_NUMBER = /\d{16}/

/** Behind body-parser: integers beyond 2^53 are their digits as text, where it has rounded them. */
export function keepIntegers(req: Request, _res: unknown, next: NextFunction): void {
  const text = longTexts.get(req)
  if (text !== undefined) req.body = parseExactJson(text)
  next()
}

/** For body-parser's `verify`: the bytes before they are parsed. */
export function checkJsonBytes(req: IncomingMessage, _res: unknown, body: Buffer, encoding: string): void {
  if (encoding !== 'utf-8') throw new ApiError(415, 'The body must be UTF-8')
  if (!isUtf8(body)) throw new ApiError(400, 'The body is not valid UTF-8')
  if (isDeeperThan(body, MOST_LEVELS))
    throw invalid({
      type: 'json_invalid',
      loc: ['body'],
      msg: 'JSON decode error',
      input: {},
      ctx: { error: `recursion limit exceeded: the body is nested more than ${MOST_LEVELS} levels deep` },
    })
  const text = body.toString('utf8')
  if (LONG_NUMBER.test(text)) longTexts.set(req, text)
}

/** The same of a form. */
export function checkFormBytes(_req: IncomingMessage, _res: unknown, body: Buffer): void {
  if (!isUtf8(body)) throw new ApiError(400, 'The form is not valid UTF-8')
  checkPairs(body.toString('utf8'), 'form')
}

type Location = readonly (string | number)[]

/** Strings and keys of a JSON value that cannot be stored, each with its place. */
function* unstorable(value: unknown, at: Location): Iterable<FieldFault> {
  if (typeof value === 'string') {
    const fault = storableFault(value)
    if (fault !== null) yield { type: 'string_unicode', loc: at, msg: `Input should be text ${fault}`, input: null }
  } else if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) yield* unstorable(item, [...at, i])
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      const fault = storableFault(key)
      if (fault !== null) yield { type: 'string_unicode', loc: at, msg: `Keys should be text ${fault}`, input: null }
      yield* unstorable(item, [...at, key.toWellFormed()])
    }
  }
}

/** Refuses parsed JSON whose strings cannot be stored (`"\u0000"`, `"\ud800"`). */
export function checkBody(req: Request, _res: Response, next: NextFunction): void {
  // Express leaves `undefined` where there was no body.
  const body: unknown = req.body
  const [first] = unstorable(body, ['body'])
  if (first !== undefined) throw invalid(first)
  next()
}
