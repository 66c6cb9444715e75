import { expect, test } from 'vitest'
import { exceptionText } from '../../child/exception-text.ts'

/** First lines of stacks, without the frames. */
const told = (error: unknown) =>
  exceptionText(error)
    .split('\n')
    .filter((line) => !/^\s+at /.test(line))

test('an error is told with each cause below its stack', () => {
  const error = new TypeError('fetch failed', { cause: new Error('connect', { cause: 'no route' }) })
  expect(told(error)).toEqual(['TypeError: fetch failed', 'Caused by: Error: connect', 'Caused by: no route'])
  expect(exceptionText(error)).toMatch(/TypeError: fetch failed\n\s+at .*\n[\s\S]*Caused by: Error: connect\n\s+at /)
})

test('an AggregateError is told with each of its errors and their causes', () => {
  const error = new AggregateError([new Error('a', { cause: new RangeError('why') }), 'b'], 'all failed')
  expect(told(error)).toEqual([
    'AggregateError: all failed',
    'Error 1 of 2: Error: a',
    'Caused by: RangeError: why',
    'Error 2 of 2: b',
  ])
})

test('what causes itself ends', () => {
  const error = new Error('loop')
  error.cause = error
  expect(told(error).length).toBe(6)
})

test('an exception of very many errors is told in part, with their number', () => {
  const many = (level: number): Error =>
    new AggregateError(
      Array.from({ length: 1000 }, (_, i) => (level === 0 ? new Error(`part ${i}`) : many(level - 1))),
      'many',
    )
  expect(told(many(0)).at(-1)).toBe('Error 29 of 1000: Error: part 28')
  expect(told(many(1)).length).toBe(30)
})

test('what is no error is told as text', () => {
  expect(exceptionText('plain')).toBe('plain')
})
