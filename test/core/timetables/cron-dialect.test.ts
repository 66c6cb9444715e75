import { expect, test } from 'vitest'
import { parseCron, toCroner } from '../../../core/timetables/cron-dialect.ts'
import { nextFire, prevFire } from '../../../core/timetables/cron-schedule.ts'

const at = (text: string): number => Date.parse(text)
const croner = (expression: string): string => toCroner(parseCron(expression))

/** The first fires after an instant, in UTC. */
function fires(expression: string, from: string, count = 3): string[] {
  const found: string[] = []
  for (let instant: number | null = at(from); found.length < count; ) {
    instant = nextFire(expression, 'UTC', instant)
    if (instant === null) break
    found.push(new Date(instant).toISOString().replace(':00.000Z', 'Z').replace('.000Z', 'Z'))
  }
  return found
}

test.each([
  ['0 0 * * *', '0 0 0 * * *'],
  ['*/15 * * * *', '0 0,15,30,45 * * * *'],
  ['5/15 * * * *', '0 5,20,35,50 * * * *'],
  ['*/61 * * * *', '0 0 * * * *'],
  ['7-7 * * * *', '0 * * * * *'],
  ['0 0-23 * * *', '0 0 * * * *'],
  ['0 */1 * * *', '0 0 * * * *'],
  ['0 22-2 * * *', '0 0 0,1,2,22,23 * * *'],
  ['59/1 * * * *', '0 59 * * * *'],
  ['0 0 15W * *', '0 0 0 15W * *'],
  ['0 0 w15 * MON', '0 0 0 15W * *'],
  ['0 0 31W * *', '0 0 0 LW * *'],
  ['0 0 29W 3 *', '0 0 0 29W 3 *'],
  ['0 0 * * MON-WED#2', '0 0 0 * * 1#2,2#2,3#2'],
  ['50-10/7 * * * *', '0 5,50,57 * * * *'],
  ['0 20-3/3 * * *', '0 0 3,20,23 * * *'],
  ['0 0 * * mon/2', '0 0 0 * * 1,3,5'],
  ['0 0 * * 6-2/2', '0 0 0 * * 2,6'],
  ['0 0 13 * FRI#2', '0 0 0 * * 5#2'],
  ['0 0 5,* * 4,*', '0 0 0 * * *'],
  ['0 22-4/2 * * *', '0 0 0,2,4,22 * * *'],
  ['0 0 * * SAT-MON', '0 0 0 * * 0,1,6'],
  ['0 0 * * 1-7', '0 0 0 * * *'],
  ['0 0 * * 5-7', '0 0 0 * * 0,5,6'],
  ['0 0 * nov-feb *', '0 0 0 * 1,2,11,12 *'],
  ['0 0 L * *', '0 0 0 L * *'],
  ['0 0 28-L * *', '0 0 0 28,29,30,31 * *'],
  ['0 0 * * L5', '0 0 0 * * 5#L'],
  ['0 0 * * fri#2,mon#1', '0 0 0 * * 5#2,1#1'],
  ['0 0 ? * ?', '0 0 0 * * *'],
  ['0 0 1-31 * MON', `0 0 0 ${Array.from({ length: 31 }, (_, i) => i + 1).join(',')} * 1`],
  ['0 0 * * * 30', '30 0 0 * * *'],
  ['* * * * * */20', '0,20,40 * * * * *'],
  ['@quarterly', '0 0 0 1 1,4,7,10 *'],
  ['  0   6 * * 1 ', '0 0 6 * * 1'],
])('%s is understood as croniter does: %s', (expression, expected) => {
  expect(croner(expression)).toBe(expected)
})

test('a sixth field is the seconds, and stands last', () => {
  expect(fires('0 12 * * * 30', '2026-01-01T00:00:00Z', 1)).toEqual(['2026-01-01T12:00:30Z'])
})

test('day of month and day of week are alternatives', () => {
  expect(fires('0 0 13 * FRI', '2026-02-07T00:00:00Z', 4)).toEqual([
    '2026-02-13T00:00Z',
    '2026-02-20T00:00Z',
    '2026-02-27T00:00Z',
    '2026-03-06T00:00Z',
  ])
})

test('the last day, the last and the nth weekday of a month are found', () => {
  expect(fires('0 0 L * *', '2028-01-31T00:00:00Z', 2)).toEqual(['2028-02-29T00:00Z', '2028-03-31T00:00Z'])
  expect(fires('0 0 * * L5', '2026-01-01T00:00:00Z', 2)).toEqual(['2026-01-30T00:00Z', '2026-02-27T00:00Z'])
  expect(fires('0 0 * * 1#5', '2026-01-01T00:00:00Z', 2)).toEqual(['2026-03-30T00:00Z', '2026-06-29T00:00Z'])
})

test('the 29th of February comes every fourth year, and the previous one is found too', () => {
  expect(fires('0 0 29 2 *', '2026-01-01T00:00:00Z', 2)).toEqual(['2028-02-29T00:00Z', '2032-02-29T00:00Z'])
  expect(prevFire('0 0 29 2 *', 'UTC', at('2026-01-01T00:00:00Z'))).toBe(at('2024-02-29T00:00:00Z'))
})

test.each([
  ['0 0 0W * *', 'day of month'],
  ['0 0 1W,15W * *', 'day of month'],
  ['0 0 30W * *', '31W'],
  ['0 0 15W * MON#1', 'W in the day of month'],
  ['0 0 LW * *', 'day of month'],
  ['0 0 * * 5L', 'day of week'],
  ['0 0 + * *', 'day of month'],
  ['0 0 * * 1-5#2', 'day of week'],
  ['0 0 * * 1#6', '1 to 5'],
  ['0 0 * * 1#0', '1 to 5'],
  ['0 0 * * 3,1#2', 'mixes'],
  ['*/0 * * * *', 'step is 0'],
  ['1-5/0 * * * *', 'step is 0'],
  ['60 * * * *', 'outside 0-59'],
  ['* 24 * * *', 'outside 0-23'],
  ['* * 0 * *', 'outside 1-31'],
  ['* * * 13 *', 'outside 1-12'],
  ['* * * * 8', 'outside 0-7'],
  ['? * * * *', 'minute'],
  ['1,,2 * * * *', 'minute'],
  ['-1 * * * *', 'minute'],
  ['1-2-3 * * * *', 'not a range'],
  ['1/2/3 * * * *', 'minute'],
  ['* * * * funday', 'day of week'],
  ['0 0 30 2 *', 'no month it names has such a day'],
  ['0 0 31 4,6,9,11 *', 'no month it names has such a day'],
  ['* * * *', '4 fields'],
  ['* * * * * * *', '7 fields'],
  ['', '0 fields'],
  ['every day', '2 fields'],
])('%s is refused, with the reason', (expression, reason) => {
  expect(() => parseCron(expression)).toThrow(reason)
})
