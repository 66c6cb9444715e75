// What the palette finds, and for whom.

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mayAct, type Role } from '../../engine/admin/accounts.ts'
import { findPlaces, MOST_FOUND } from '../../webserver/pages/palette/find.ts'
import { makeDag, storeDag } from './seed.ts'
import { startWeb, type TestWeb } from './start-web.ts'

const as = (role: Role) => (needed: Role) => mayAct(role, needed)
const DAGS = [
  { dagId: 'candle_daily', name: 'candle_daily', description: '업비트 캔들' },
  { dagId: 'gmarket_hourly', name: 'gmarket_hourly', description: null },
  { dagId: 'gmarket_mart', name: 'G마켓 마트', description: null },
]
const titles = (query: string, role: Role = 'admin') => findPlaces(query, DAGS, as(role)).map(({ title }) => title)

describe('the palette', () => {
  it.each([
    ['gmarket_hourly', 'gmarket_hourly'],
    ['gmh', 'gmarket_hourly'],
    ['마트', 'gmarket_mart'],
    ['ㅇㅂㅌ', 'candle_daily'],
    ['trigger hourly', 'Trigger gmarket_hourly'],
    ['conn', 'Connections'],
    ['failed', 'Failed runs'],
  ])('finds by %s first %s', (query, first) => {
    expect(titles(query)[0]).toBe(first)
  })

  it('finds actions alone after >', () => {
    const found = titles('> gmarket')
    expect(found.length).toBeGreaterThan(0)
    expect(found.every((title) => / gmarket/.test(title))).toBe(true)
  })

  it('offers nobody what they may not do', () => {
    expect(titles('connections', 'viewer')).not.toContain('Connections')
    expect(titles('trigger gmarket_hourly', 'viewer')).not.toContain('Trigger gmarket_hourly')
  })

  it('finds no more than it shows, whatever is typed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (query) => {
        expect(findPlaces(query, DAGS, as('admin')).length).toBeLessThanOrEqual(MOST_FOUND)
      }),
    )
  })
})

describe('its list', () => {
  let web: TestWeb
  beforeAll(async () => {
    web = await startWeb()
    await storeDag(web, makeDag('shop', { tasks: ['a'], description: '<img src=x>' }))
  }, 60_000)
  afterAll(() => web.stop())

  it('is a fragment of escaped options', async () => {
    const { status, text } = await web.call('GET', '/ui/palette?q=shop')
    expect(status).toBe(200)
    expect(text).toMatch(/role="option" id="found-0" href="\/dags\/shop"/)
    expect(text).not.toContain('<img')
  })

  it('says that nothing is called so, escaped', async () => {
    const { text } = await web.call('GET', `/ui/palette?q=${encodeURIComponent('<b>zzzz')}`)
    expect(text).toContain('Nothing is called “&lt;b&gt;zzzz”')
  })

  it('is for those who are signed in', async () => {
    expect((await web.call('GET', '/ui/palette?q=a', { role: null })).status).toBe(303)
  })
})
