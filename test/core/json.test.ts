// JSON values: nothing is lost or changed in silence, and the canonical text is RFC 8785's.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson, checkJson, type JsonValue } from '../../core/json.ts'

const refused = (value: unknown): { path: unknown; message: string } => {
  try {
    checkJson(value)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'XCOM_INVALID' && 'details' in error)
      return { path: (error.details as { path: unknown }).path, message: error.message }
    throw error
  }
  throw new Error('it was accepted')
}

describe('checkJson', () => {
  test('gives any JSON value back equal, as a copy', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6, stringUnit: 'grapheme' }), (value) => {
        // JSON has one zero, and Postgres stores no NUL; both are cases of their own below.
        fc.pre(
          !JSON.stringify(value).includes('\\u0000') &&
            JSON.stringify(value) === JSON.stringify(JSON.parse(JSON.stringify(value))),
        )
        const checked = checkJson(value)
        expect(JSON.stringify(checked)).toBe(JSON.stringify(value))
        if (typeof value === 'object' && value !== null) expect(checked).not.toBe(value)
      }),
    )
  })

  class Point {
    x = 1
  }
  const circle: { inner: { back?: unknown } } = { inner: {} }
  circle.inner.back = circle

  test.each<[name: string, value: unknown, path: string, what: string]>([
    ['a Map', { a: new Map() }, 'a', 'Map'],
    ['a Set', [new Set()], '[0]', 'Set'],
    ['a Date', { rows: [{ at: new Date(0) }] }, 'rows[0].at', 'Date'],
    ['an invalid Date', { at: new Date(Number.NaN) }, 'at', 'Date'],
    ['a bigint', { n: 12n }, 'n', '12n'],
    ['NaN', { n: Number.NaN }, 'n', 'NaN'],
    ['Infinity', [[-Infinity]], '[0][0]', '-Infinity'],
    ['a function', { f: () => 1 }, 'f', 'function'],
    ['a symbol', { s: Symbol('x') }, 's', 'symbol'],
    ['a class instance', { p: new Point() }, 'p', 'Point'],
    ['an Error', { e: new Error('x') }, 'e', 'Error'],
    ['a Buffer', { b: Buffer.from('x') }, 'b', 'Buffer'],
    ['a RegExp', /x/, '', 'RegExp'],
    ['a boxed number', { n: Object(1) as unknown }, 'n', 'Number'],
    ['a promise', { p: Promise.resolve(1) }, 'p', 'Promise'],
    ['undefined alone', undefined, '', 'undefined'],
    ['a circle', circle, 'inner.back', 'circle'],
    ['half of a surrogate pair', { s: 'a\ud800' }, 's', 'surrogate'],
    ['half of a pair in a key', { ['\udc00']: 1 }, '\udc00', 'surrogate'],
    ['NUL', { s: 'a\u0000b' }, 's', 'NUL'],
    ['NUL in a key', { a: { ['\u0000']: 1 } }, 'a.\u0000', 'NUL'],
  ])('refuses %s and says where it stands', (_name, value, path, what) => {
    const found = refused(value)
    expect(found.path).toBe(path)
    expect(found.message).toContain(what)
  })

  test('refuses 20,000 levels without overflowing, and takes 400', () => {
    const nest = (levels: number): unknown => {
      let value: unknown = 1
      for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { in: value }
      return value
    }
    expect(refused(nest(20_000)).message).toContain('deeper than')
    expect(JSON.stringify(checkJson(nest(400)))).toBe(JSON.stringify(nest(400)))
  })

  test('the same object twice is no circle', () => {
    const shared = { n: 1 }
    expect(checkJson({ a: shared, b: [shared] })).toEqual({ a: { n: 1 }, b: [{ n: 1 }] })
  })

  test('undefined inside becomes null, as do holes', () => {
    // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
    expect(checkJson({ a: undefined, list: [1, undefined, , 2] })).toEqual({ a: null, list: [1, null, null, 2] })
  })

  test('keys that are names of every object stay data', () => {
    const value: unknown = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 2, "toString": 3}')
    const checked = checkJson(value)
    expect(JSON.stringify(checked)).toBe(JSON.stringify(value))
    expect(Object.getPrototypeOf(checked)).toBe(Object.prototype)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  test('an object without prototype is plain', () => {
    expect(checkJson(Object.assign(Object.create(null) as object, { a: 1 }))).toEqual({ a: 1 })
  })
})

describe('canonicalJson', () => {
  test('is the text of RFC 8785’s own examples', () => {
    // §3.2.2 and §3.2.3: number forms, escapes, and the order by UTF-16 code units.
    expect(
      canonicalJson(
        JSON.parse(
          '{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001], "string": ' +
            '"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/", "literals": [null, true, false]}',
        ) as JsonValue,
      ),
    ).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
    const sorted = canonicalJson({ '€': 1, '\r': 2, '\ufb33': 3, '1': 4, '😀': 5, '\u0080': 6, ö: 7 })
    expect(
      Object.values(JSON.parse(`[${[...sorted.matchAll(/:(\d)/g)].map((m) => m[1]).join(',')}]`) as number[]),
    ).toEqual([2, 4, 6, 7, 1, 5, 3])
  })

  test('does not depend on the order of keys, and reads back as the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (raw) => {
        const value = JSON.parse(JSON.stringify(raw)) as JsonValue
        const reversed = (each: JsonValue): JsonValue =>
          each === null || typeof each !== 'object'
            ? each
            : Array.isArray(each)
              ? each.map(reversed)
              : Object.fromEntries(
                  Object.entries(each)
                    .reverse()
                    .map(([key, item]) => [key, reversed(item as JsonValue)]),
                )
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value))
        expect(JSON.parse(canonicalJson(value))).toEqual(value)
      }),
    )
  })
})
