// What a text of the API becomes: a number, or nothing. Never 0 of nothing.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MEASURE_NAMES, MEASURES, readObservation } from '../../../pipelines/weather/observation.ts'
import { readValue } from '../../../pipelines/weather/values.ts'
import { describeRecorded, recordedJson } from '../../support/recorded.ts'

const blanks = fc.stringMatching(/^\s*$/)
const numbers = fc.double({ noNaN: true, min: -1e6, max: 1e6 }).map((value) => Number(value.toFixed(4)))

describe('a value', () => {
  test('of any text is absent, wrong or the number that the text says', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), blanks, numbers.map(String)), fc.constantFrom('', '0'), (text, flag) => {
        const reading = readValue(text, flag)
        if (text.trim() === '') expect(reading).toBe('absent')
        else if (typeof reading === 'number') expect(reading).toBe(Number(text))
        else expect(reading).toBe('wrong')
      }),
    )
  })

  test('is 0 only where a zero is written', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, flag) => {
        if (readValue(text, flag) === 0) expect(text).toMatch(/^\s*[+-]?[0.]*0[0.]*\s*$/)
      }),
    )
  })

  test('that is a number is read as it is', () => {
    fc.assert(
      fc.property(numbers, (value) => {
        // A negative zero is a zero.
        expect(readValue(value.toFixed(4), '')).toBeCloseTo(value, 4)
      }),
    )
  })

  test('is used only with a flag that says good', () => {
    fc.assert(
      fc.property(fc.string(), (flag) => {
        const isGood = ['', '0'].includes(flag.trim())
        expect(readValue('1.5', flag)).toBe(isGood ? 1.5 : flag.trim() === '9' ? 'absent' : 'wrong')
      }),
    )
  })

  test.each([undefined, null, '', ' ', '\u00a0'])('that is %j is absent', (value) => {
    expect(readValue(value, undefined)).toBe('absent')
  })

  test.each([[true], [{}], [[]], ['1e3'], ['0x10'], ['Infinity'], ['NaN'], ['-'], ['1,000'], ['1.2.3']])(
    'that is %j is wrong',
    (value) => expect(readValue(value, '')).toBe('wrong'),
  )
})

describeRecorded('kma_asos', 'the recorded item of the API', () => {
  test('has the fields that are kept: numbers where something was measured', () => {
    // Its README describes it.
    const { response } = recordedJson('kma_asos', 'response_one_item_2019-01-20.json') as {
      response: { body: { items: { item: readonly Readonly<Record<string, string>>[] } } }
    }
    const [item = {}] = response.body.items.item
    const read = MEASURE_NAMES.flatMap((name) => ('flag' in MEASURES[name] ? [MEASURES[name].flag] : []))
    expect(Object.keys(item)).toEqual(
      expect.arrayContaining([...read, ...MEASURE_NAMES.map((name) => MEASURES[name].api)]),
    )
    const at = Date.parse('2019-01-20T01:00:00+09:00')
    const observation = readObservation(item, { id: '108', name: '서울' }, { first: at, last: at, count: 1 })
    expect(observation).toEqual({
      station: '108',
      station_name: '서울',
      tm: '2019-01-20T01:00:00+09:00',
      temperature: 3.6,
      wind_speed: 2.5,
      wind_direction: 290,
      humidity: 76,
      vapour_pressure: 6,
      dew_point: -0.2,
      station_pressure: 1_007.8,
      sea_level_pressure: 1_018.4,
      cloud_cover: 9,
      low_mid_cloud_cover: 8,
      cloud_base: 3,
      visibility: 310,
      ground_temperature: 0,
      soil_temperature_5cm: 0.5,
      soil_temperature_10cm: 0,
      soil_temperature_20cm: 0.2,
      soil_temperature_30cm: 0.7,
      wrong_values: 0,
    })
  })
})
