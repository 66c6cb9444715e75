// The shop's messages and what is computed of them.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { generateOrder, generateVisit, type ShopPlan } from '../../../pipelines/orders/generate.ts'
import { parseOrder, parseShopEvent, type ShopEvent, STEPS } from '../../../pipelines/orders/order.ts'
import { funnelOf, isLate, isTooLate, minuteOf, sumFunnel, sumOrders } from '../../../pipelines/orders/stats.ts'

const ARRIVED = Date.parse('2024-03-18T09:00:01+09:00')
const record = (value: unknown, timestamp = ARRIVED) => ({
  value: value === null ? null : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
  timestamp,
})
const ORDER = {
  orderId: 'A-1',
  userId: 'U1',
  itemCode: 'F001',
  quantity: 2,
  price: 1_500,
  purchase: 'solo',
  orderedAt: '2024-03-18T09:00:00+09:00',
}

describe('a message of the shop', () => {
  test('is an order with both of its times', () => {
    expect(parseOrder(record(ORDER))).toEqual({
      value: {
        ...{ orderId: 'A-1', userId: 'U1', itemCode: 'F001', quantity: 2, price: 1_500, purchase: 'solo' },
        ...{ at: Date.parse('2024-03-18T00:00:00Z'), arrived: ARRIVED },
      },
    })
  })

  test.each<[string, unknown, string]>([
    ['nothing', null, 'the record has no value'],
    ['a text cut in its middle', '{"orderId":', 'the value is not JSON'],
    ['a list', [ORDER], 'the value is no JSON object'],
    ['no id', { ...ORDER, orderId: undefined }, 'orderId must be 1 to 64 printable ASCII characters, found undefined'],
    [
      'a NUL in its id',
      { ...ORDER, orderId: 'a\0' },
      'orderId must be 1 to 64 printable ASCII characters, found "a\\u0000"',
    ],
    [
      'half a surrogate',
      { ...ORDER, itemCode: '\ud800' },
      'itemCode must be 1 to 64 printable ASCII characters, found "\\ud800"',
    ],
    [
      'an inherited name',
      { __proto__: { userId: 'U1' }, ...ORDER, userId: undefined },
      'userId must be 1 to 64 printable ASCII characters, found undefined',
    ],
    ['no pieces', { ...ORDER, quantity: 0 }, 'quantity must be a whole number from 1 to 1000, found 0'],
    ['half a piece', { ...ORDER, quantity: 1.5 }, 'quantity must be a whole number from 1 to 1000, found 1.5'],
    [
      'more pieces than a sum holds',
      { ...ORDER, quantity: 2 ** 31 },
      'quantity must be a whole number from 1 to 1000, found 2147483648',
    ],
    ['a price below zero', { ...ORDER, price: -1 }, 'price must be a whole number from 0 to 100000000, found -1'],
    ['another kind of purchase', { ...ORDER, purchase: 'gift' }, 'purchase must be solo, group, found "gift"'],
    [
      'a time without a zone',
      { ...ORDER, orderedAt: '2024-03-18T09:00:00' },
      'orderedAt must be a time with its offset, such as 2024-03-18T09:00:00+09:00, found "2024-03-18T09:00:00"',
    ],
    [
      'a day that is not there',
      { ...ORDER, orderedAt: '2024-13-18T09:00:00Z' },
      'orderedAt must be a time with its offset, such as 2024-03-18T09:00:00+09:00, found "2024-13-18T09:00:00Z"',
    ],
    [
      'the year 0',
      { ...ORDER, orderedAt: '0000-03-18T09:00:00Z' },
      'orderedAt must be after the year 1999, found "0000-03-18T09:00:00Z"',
    ],
    [
      'a clock that is ahead',
      { ...ORDER, orderedAt: '2024-03-18T10:00:00+09:00' },
      'orderedAt is 3599 s after the record arrived, found "2024-03-18T10:00:00+09:00"',
    ],
  ])('%s is for the dead letters', (_, value, fault) => {
    expect(parseOrder(record(value))).toEqual({ fault })
  })

  test('bytes that are no text are for the dead letters', () => {
    expect(parseOrder({ value: Buffer.from([0xff]), timestamp: ARRIVED })).toEqual({ fault: 'the value is not UTF-8' })
  })

  test('is a step of a visit', () => {
    const step = { sessionId: 's1', step: 'like', happenedAt: '2024-03-18T09:00:00+09:00' }
    expect(parseShopEvent(record(step))).toMatchObject({ value: { sessionId: 's1', step: 'like' } })
    expect(parseShopEvent(record({ ...step, step: 'return' }))).toEqual({
      fault: 'step must be visit, view, like, buy, found "return"',
    })
  })
})

describe('generated records', () => {
  const plan: ShopPlan = { seed: 1, perDay: 20_000, start: Date.parse('2024-03-18T00:00:00+09:00') }
  const orders = Array.from({ length: 20_000 }, (_, n) => generateOrder(plan, n))
  const parsed = orders.flatMap(({ kind, value, timestamp }) => {
    const read = parseOrder({ value: Buffer.from(value), timestamp })
    return 'value' in read ? [{ kind, order: read.value }] : []
  })

  test('are the same for the same numbers, and others for another seed', () => {
    expect(orders.slice(0, 300)).toEqual(Array.from({ length: 300 }, (_, n) => generateOrder(plan, n)))
    expect(orders.slice(0, 300)).not.toEqual(
      Array.from({ length: 300 }, (_, n) => generateOrder({ ...plan, seed: 2 }, n)),
    )
  })

  test('can be read, but for one in a thousand, which cannot', () => {
    const garbage = orders.filter(({ kind }) => kind === 'garbage').length
    expect(parsed).toHaveLength(orders.length - garbage)
    expect(parsed.every(({ kind, order }) => kind !== 'garbage' && order.orderId.startsWith('GEN-'))).toBe(true)
    expect(garbage / orders.length).toBeCloseTo(0.001, 3)
  })

  test('repeat some orders word by word, and bring some late and a few too late', () => {
    const first = new Map<string, string>()
    for (const { kind, value } of orders) {
      if (kind === 'garbage') continue
      const { orderId } = JSON.parse(value) as { orderId: string }
      if (kind === 'repeat') expect(first.get(orderId)).toBe(value)
      else first.set(orderId, value)
    }
    const share = (of: (typeof parsed)[number][]) => of.length / parsed.length
    expect(share(parsed.filter(({ kind }) => kind === 'repeat'))).toBeCloseTo(0.005, 2)
    expect(share(parsed.filter(({ order }) => isTooLate(order)))).toBeCloseTo(0.001, 3)
    expect(share(parsed.filter(({ order }) => isLate(order)))).toBeCloseTo(0.006, 2)
  })

  test('are of one day in Seoul, in the order of their arrival', () => {
    const times = orders.map(({ timestamp }) => timestamp)
    expect([...times].sort((a, b) => a - b)).toEqual(times)
    expect(times.at(-1)).toBeLessThan(plan.start + 86_400_000)
  })

  test('of a visit begin with the visit, and end anywhere after', () => {
    const lengths = new Set<number>()
    for (let n = 0; n < 500; n += 1) {
      const steps = generateVisit(plan, n).map(({ value }) => (JSON.parse(value) as { step: string }).step)
      expect(steps).toEqual(STEPS.slice(0, steps.length))
      lengths.add(steps.length)
    }
    expect([...lengths].sort()).toEqual([1, 2, 3, 4])
  })
})

const order = fc
  .record({
    at: fc.integer({ min: 0, max: 7_200_000 }),
    delay: fc.oneof(fc.integer({ min: 0, max: 3_700_000 }), fc.constantFrom(0, 60_000, 60_001, 3_600_000, 3_600_001)),
    item: fc.constantFrom('a', 'b', 'c'),
    quantity: fc.integer({ min: 1, max: 1_000 }),
    price: fc.integer({ min: 0, max: 100_000_000 }),
    purchase: fc.constantFrom('solo', 'group'),
  })
  .map(({ at, delay, item, quantity, price, purchase }) => ({
    ...{ orderId: 'o', userId: 'u', itemCode: item, at, arrived: at + delay, quantity, price },
    purchase: purchase === 'solo' ? ('solo' as const) : ('group' as const),
  }))

describe('the sums of orders', () => {
  test('are those of their parts, however windows are cut, and in any order', () => {
    fc.assert(
      fc.property(fc.array(order, { maxLength: 60 }), fc.nat(60), (orders, cut) => {
        const [a, b] = [sumOrders(orders.slice(0, cut)), sumOrders(orders.slice(cut).reverse())]
        for (const [minute, counts] of sumOrders(orders).minutes) {
          const parts = [a.minutes.get(minute), b.minutes.get(minute)]
          for (const name of ['orders', 'quantity', 'revenue', 'solo', 'group', 'late', 'tooLate'] as const)
            expect(parts.reduce((sum, part) => sum + (part?.[name] ?? 0), 0)).toBe(counts[name])
        }
      }),
    )
  })

  test('put an order into the minute of its own time, and a record that is more than an hour late beside it', () => {
    fc.assert(
      fc.property(order, (one) => {
        const { minutes, hours } = sumOrders([one])
        const counts = minutes.get(minuteOf(one.at))
        const late = one.arrived - one.at > 3_600_000
        expect(counts).toMatchObject(late ? { orders: 0, revenue: 0, tooLate: 1 } : { orders: 1, tooLate: 0 })
        expect(hours.size).toBe(late ? 0 : 1)
      }),
    )
  })
})

describe('the funnel', () => {
  const step = (name: ShopEvent['step'], at = 0): ShopEvent => ({ sessionId: 's', step: name, at, arrived: at })

  test('counts the steps of each hour', () => {
    const events = [step('visit'), step('visit'), step('view'), step('visit', 3_600_000)]
    expect([...sumFunnel(events)]).toEqual([
      [0, [2, 1, 0, 0]],
      [3_600_000, [1, 0, 0, 0]],
    ])
  })

  test('tells the share that each step loses, and the steepest', () => {
    expect(funnelOf([100, 60, 20, 10]).map(({ drop, isSteepest }) => [drop, isSteepest])).toEqual([
      [null, false],
      [0.4, false],
      [40 / 60, true],
      [0.5, false],
    ])
  })

  test('of nobody has no steepest step', () => {
    expect(funnelOf([0, 0, 0, 0]).some(({ isSteepest }) => isSteepest)).toBe(false)
    expect(funnelOf([]).map(({ sessions }) => sessions)).toEqual([0, 0, 0, 0])
  })

  test('has one steepest step where any step is known', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100), { minLength: 4, maxLength: 4 }), (sessions) => {
        const steepest = funnelOf(sessions).filter(({ isSteepest }) => isSteepest).length
        expect(steepest).toBe(sessions.slice(0, 3).some((count) => count > 0) ? 1 : 0)
      }),
    )
  })
})
