// The object a handler receives (docs/compatibility.md#arguments-of-a-handler).

import { describe, expect, test } from 'vitest'
import { bindArguments } from '../../../child/arguments.ts'
import { argNamesOf } from '../../../sdk/arg-names.ts'
import { runInScope } from '../../../sdk/context.ts'
import { Dag, getContext, withArgNames } from '../../../sdk/facade/index.ts'
import { madeUpContext } from '../../support/operator-context.ts'

const bind = (values: Record<string, unknown>, warnings: string[] = []) =>
  bindArguments(
    Object.entries(values).map(([name, value]) => ({ name, value: value as never })),
    (message) => warnings.push(message),
  ) as Record<string, unknown>

describe('32. arguments', () => {
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

test('33. withArgNames beats folding, never falls back to it, and needs an explicit task id', () => {
  const handler = withArgNames(
    { regionCode: 'Region', day: 'absent' },
    (args: { regionCode: string; day?: string }) => args,
  )
  const warnings: string[] = []
  const inputs = ['region_code', 'Region', 'day'].map((name) => ({ name, value: `of ${name}` }))
  const args = bindArguments(inputs, (message) => warnings.push(message), argNamesOf(handler)) as Record<
    string,
    unknown
  >
  expect([args['regionCode'], args['region_code'], args['day'], 'day' in args]).toEqual([
    'of Region',
    'of region_code',
    undefined,
    false,
  ])
  expect(warnings).toHaveLength(1)
  expect(Object.keys(args)).toEqual(['region_code', 'Region', 'day'])
  expect(() => new Dag('d').task(handler)).toThrow('pass an id')
  new Dag('d').task('named', handler)
  for (const names of [null, [], { a: '' }, { a: 5 }, new Map()])
    expect(() => withArgNames(names as never, () => 1)).toThrow('withArgNames')
  expect(() => withArgNames({}, 5 as never)).toThrow('must be a function')
})

test('34. two tasks in one process never see each other’s scope', async () => {
  const seen = (taskId: string) =>
    runInScope(madeUpContext({ embeddedRoot: '/', taskId }), async () => {
      const found: string[] = []
      for (let i = 0; i < 5; i++) {
        await Promise.resolve()
        found.push(getContext().taskId)
      }
      return new Set(found)
    })
  expect(await Promise.all([seen('one'), seen('two')])).toEqual([new Set(['one']), new Set(['two'])])
  expect(() => getContext()).toThrow('only inside a running task')
})
