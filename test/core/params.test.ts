// A run's params: defaults, conf, schemas.

import { describe, expect, test } from 'vitest'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { resolveParams } from '../../core/params.ts'

const param = (schema: JsonObject, value?: JsonValue) => ({
  schema,
  description: null,
  ...(value !== undefined && { value }),
})

describe('params of a run', () => {
  test('are the defaults, with the conf over them; keys of the conf that are no params are kept', () => {
    const declared = { limit: param({ type: 'integer' }, 5), day: param({}, '2024-01-01') }
    expect(resolveParams(declared, {})).toEqual({ params: { limit: 5, day: '2024-01-01' } })
    expect(resolveParams(declared, { limit: 7, extra: [1] })).toEqual({
      params: { limit: 7, day: '2024-01-01', extra: [1] },
    })
  })

  test('that do not fit are told all together, each with its name, its schema and what was found', () => {
    const declared = {
      limit: param({ type: 'integer', minimum: 1 }, 5),
      mode: param({ enum: ['fast', 'slow'] }, 'fast'),
      day: param({ type: 'string', format: 'date' }),
    }
    const resolved = resolveParams(declared, { limit: 0, mode: 'x' })
    const faults = 'faults' in resolved ? resolved.faults : []
    expect(faults).toHaveLength(3)
    expect(faults[0]).toMatch(/^param "limit": expected .*"minimum":1.*, found 0: /)
    expect(faults[1]).toMatch(/^param "mode": .*"fast".*, found "x": /)
    expect(faults[2]).toMatch(/^param "day": expected .*"format":"date".*, found none$/)
    expect(resolveParams(declared, { day: '2024-02-31' })).toMatchObject({ faults: [expect.stringContaining('"day"')] })
    expect(resolveParams(declared, { day: '2024-02-29' })).toMatchObject({ params: { day: '2024-02-29' } })
  })

  test('null is a value: only a schema that allows it takes it', () => {
    expect(resolveParams({ a: param({ type: ['null', 'string'] }, null) }, {})).toEqual({ params: { a: null } })
    expect(resolveParams({ a: param({ type: 'string' }, 'x') }, { a: null })).toHaveProperty('faults')
  })

  test('drafts 2020-12: prefixItems, unevaluated properties and references inside the schema', () => {
    const schema = { $defs: { id: { type: 'string', minLength: 2 } }, prefixItems: [{ $ref: '#/$defs/id' }] }
    expect(resolveParams({ a: param(schema, ['xy']) }, {})).toHaveProperty('params')
    expect(resolveParams({ a: param(schema, ['x']) }, {})).toHaveProperty('faults')
  })

  test('a schema that cannot be read is a fault, not a crash', () => {
    expect(resolveParams({ a: param({ $ref: '#/nowhere' }, 1) }, {})).toMatchObject({
      faults: [expect.stringContaining('cannot be used')],
    })
  })

  test('named like parts of every object are params like any other', () => {
    const conf = JSON.parse('{"__proto__": 1, "constructor": 2}') as JsonObject
    const resolved = resolveParams({ toString: param({ type: 'integer' }, 3) }, conf)
    expect(JSON.stringify(resolved)).toBe('{"params":{"toString":3,"__proto__":1,"constructor":2}}')
  })
})
