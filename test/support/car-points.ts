// Messages of the vehicles' feed, as the feed may write them, and what they say.

import fc from 'fast-check'
import type { CarPoint } from '../../pipelines/cars/schema.ts'

const text = fc
  .string({ unit: 'grapheme', maxLength: 40 })
  .filter((value) => value.trim() !== '' && !value.includes('\0'))
const orMissing = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null })
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value))
const epoch = fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2100, 0, 1) - 1 })
const instant = fc
  .date({ min: new Date('2000-01-01T00:00:00Z'), max: new Date('2099-12-31T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString())

/** A point that can be used. */
export const carPoint: fc.Arbitrary<CarPoint> = fc.record({
  dataId: text,
  trsmDy: orMissing(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  trmnId: orMissing(text),
  trsmUtcTime: orMissing(epoch),
  trsmYear: orMissing(text),
  trsmMt: orMissing(text),
  trsmTm: orMissing(text),
  trsmMs: orMissing(text),
  vhcleLot: fc.double({ min: 124, max: 132, noNaN: true }),
  vhcleLat: fc.double({ min: 33, max: 39, noNaN: true }),
  vhcleEvt: orMissing(number),
  trmnTypeCd: orMissing(text),
  gpsUtcTime: epoch,
  vhcleDrc: orMissing(number),
  vhcleSped: orMissing(number),
  trnsmStatCd: orMissing(text),
  lcdtRevisnStatCd: orMissing(text),
  vhcleTypeCd: orMissing(text),
  rgtrId: orMissing(text),
  regDt: orMissing(instant),
})

/** What is missing may be null, empty, or not there. */
const without = (value: unknown, how: number) => (value !== null ? value : [null, '', undefined][how % 3])
/** The feed writes numbers as texts, and whole ones like floats. */
function written(value: unknown, how: number): unknown {
  if (typeof value !== 'number') return value
  const isWhole = Number.isInteger(value) && Math.abs(value) < 1e15
  return [value, String(value), isWhole ? `${value}.0` : value][how % 3]
}

/** A point, and a message that says it. */
export const carMessage = fc
  .tuple(carPoint, fc.array(fc.nat(), { minLength: 20, maxLength: 20 }))
  .map(([point, how]) => {
    const fields = Object.entries(point).map(([name, value], i) => [
      name,
      written(without(value, how[i] ?? 0), how[i] ?? 0),
    ])
    return { point, message: Object.fromEntries(fields) as Readonly<Record<string, unknown>> }
  })
