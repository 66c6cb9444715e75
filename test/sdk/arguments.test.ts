// The object a handler receives (TS-SDK §5.3).

import { describe, expect, test } from 'vitest'
import { bindArguments } from '../../child/arguments.ts'

const bind = (values: Record<string, unknown>, warnings: string[] = []) =>
  bindArguments(
    Object.entries(values).map(([name, value]) => ({ name, value: value as never })),
    (message) => warnings.push(message),
  ) as Record<string, unknown>

describe('arguments', () => {
  test('bind by exact name first, then without case and underscores', () => {
    const args = bind({ region_code: 'kr', Rows: 3 })
    expect([args['region_code'], args['regionCode'], args['REGIONCODE'], args['rows']]).toEqual(['kr', 'kr', 'kr', 3])
    expect('regionCode' in args).toBe(true)
    expect('region' in args).toBe(false)
    expect(Object.keys(args)).toEqual(['region_code', 'Rows'])
    const { Rows, ...rest } = args
    expect([Rows, rest]).toEqual([3, { region_code: 'kr' }])
  })

  test('that were not given are undefined, with a warning; awaiting the object warns of nothing', async () => {
    const warnings: string[] = []
    const args = bind({ a: null }, warnings)
    expect(args['a']).toBeNull()
    expect(args['missing']).toBeUndefined()
    await args
    expect(warnings).toEqual(['argument "missing" was not given to this task'])
  })

  test('cannot be written', () => {
    const args = bind({ a: 1 })
    for (const write of [
      () => (args['a'] = 2),
      () => (args['b'] = 2),
      () => delete args['a'],
      () => Object.defineProperty(args, 'a', { value: 2 }),
    ])
      expect(write).toThrow('read-only')
    expect(args['a']).toBe(1)
  })

  test('whose names fold alike, or whose upstream pushed nothing, fail the task before its handler', () => {
    expect(() => bind({ a_b: 1, aB: 2 })).toThrow('arguments "a_b" and "aB" differ only')
    const missing = [{ name: 'rows', value: null, missingFrom: 'extract' }]
    expect(() => bindArguments(missing, () => undefined)).toThrow(/argument "rows".*task "extract"/)
  })

  test('named like parts of every object are data', () => {
    const args = bind(JSON.parse('{"__proto__": 1, "constructor": 2}') as Record<string, unknown>)
    expect([Reflect.get(args, '__proto__'), args['constructor']]).toEqual([1, 2])
  })
})
