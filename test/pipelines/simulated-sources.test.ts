// A simulated source and the pipeline that reads it share no code, as a server and its client do not, and services/ may not
// import pipelines/ anyway. What both have to know is compared here instead.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { GMARKET_CATEGORIES } from '../../pipelines/gmarket/categories.ts'
import { STOCK_FIELDS } from '../../pipelines/stocks/rows.ts'
import { CANDLE_COLUMNS, MINUTE_UNITS } from '../../pipelines/upbit/candle.ts'
import { MEASURES } from '../../pipelines/weather/observation.ts'
import { WEATHER_STATIONS } from '../../pipelines/weather/stations.ts'
import { SHOP_CATEGORIES } from '../../services/simulated/gmarket/goods.ts'
import { HISTORY_COLUMNS } from '../../services/simulated/stocks/history.ts'
import { MINUTE_UNITS as SERVED_UNITS } from '../../services/simulated/upbit/candle.ts'
import { generatedSource } from '../../services/simulated/upbit/generated.ts'
import { generatedSource as generatedWeather, SERVED_STATIONS } from '../../services/simulated/weather/generated.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The Variables with a source's address that a file names. */
const variablesIn = (...path: readonly string[]): readonly string[] =>
  readFileSync(join(root, ...path), 'utf8').match(/\b[a-z]+_simulated_url\b/g) ?? []
const distinct = (names: readonly string[]) => [...new Set(names)].sort()

it('the exchange serves the units of minutes that the client may ask for', () => {
  expect(SERVED_UNITS).toEqual(MINUTE_UNITS)
})

it('the exchange writes a candle in the columns of the table, in their order', () => {
  const now = Date.parse('2024-03-18T00:00:00Z')
  const of = { kind: 'minutes', unit: 1 } as const
  const [candle] = generatedSource(1).candles({ market: 'KRW-BTC', of, to: now, count: 1, now })
  expect(Object.keys(candle ?? {})).toEqual(Object.keys(CANDLE_COLUMNS))
})

it('the shop has goods of every category that is crawled', () => {
  expect([...SHOP_CATEGORIES].sort()).toEqual(GMARKET_CATEGORIES.map(({ code }) => code).sort())
})

it('the generated history has the columns that are indexed, but for the one that the replay adds', () => {
  expect([...HISTORY_COLUMNS.split(','), 'Replay']).toEqual(Object.keys(STOCK_FIELDS))
})

it('the weather service has the stations that are collected, and the fields and flags that are read', () => {
  expect([...SERVED_STATIONS].sort()).toEqual(WEATHER_STATIONS.map(({ id }) => id).sort())
  const at = Date.parse('2026-01-05T12:00:00+09:00')
  const [observed = {}] = generatedWeather(1).observations({ station: '108', from: at, to: at })
  const read = Object.values(MEASURES).flatMap((measure) =>
    'flag' in measure ? [measure.api, measure.flag] : [measure.api],
  )
  expect(Object.keys(observed)).toEqual(expect.arrayContaining(read))
})

it('standalone and the page of connections name the Variables that the pipelines read', () => {
  const files = readdirSync(join(root, 'pipelines'), { recursive: true, encoding: 'utf8' })
  const read = files.filter((file) => file.endsWith('.ts')).flatMap((file) => variablesIn('pipelines', file))
  expect(read).not.toEqual([])
  expect(distinct(variablesIn('cli', 'commands', 'standalone.ts'))).toEqual(distinct(read))
  expect(distinct(variablesIn('webserver', 'pages', 'connections', 'kinds.ts'))).toEqual(distinct(read))
})
