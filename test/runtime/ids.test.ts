import fc from 'fast-check'
import { expect, test } from 'vitest'
import { uuidv7 } from '../../runtime/ids.ts'

test('ids are in the order in which they were made, within a millisecond and when the clock goes back', () => {
  const anyClock = fc.array(fc.integer({ min: 0, max: 2 ** 42 }), { minLength: 1, maxLength: 50 })
  fc.assert(
    fc.property(anyClock, (times) => {
      const made = times.flatMap((now) => [uuidv7(now), uuidv7(now)])
      expect([...made].sort()).toEqual(made)
    }),
  )
  const many = Array.from({ length: 20_000 }, () => uuidv7(0))
  expect([...many].sort()).toEqual(many)
  expect(new Set(many).size).toBe(many.length)
  for (const id of many.slice(0, 100))
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
})

test('an id begins with its millisecond', () => {
  const now = 2 ** 43
  expect(Number.parseInt(uuidv7(now).replaceAll('-', '').slice(0, 12), 16)).toBe(now)
})
