// A generated market-cap history with the size and the shape of the real one: 6,507 trading days from 1995-05-02 to 2020-12-30,
// the twenty largest of each, 1,262 rows fewer than 20 a day: 128,878 rows. A pure function of the seed; no real prices.

import { chance } from '../chance.ts'

const DAY = 86_400_000
const FIRST = Date.UTC(1995, 4, 2)
const LAST = Date.UTC(2020, 11, 30)
/** As the real history has them. */
const TRADING_DAYS = 6_507
const ROWS = 128_878
const TOP = 20
/** Companies that take turns among the twenty. */
const COMPANIES = 60

export const HISTORY_COLUMNS =
  'Code,Name,Market,Dept,Close,ChangeCode,Changes,ChagesRatio,Open,High,Low,Volume,Amount,Marcap,Stocks,MarketId,Rank,Date'

interface Company {
  readonly code: string
  readonly name: string
  readonly isKosdaq: boolean
  readonly stocks: number
  readonly level: number
}

/** Names that sound like nobody's. Some hold a comma or quotes, as names may. */
function companyOf(seed: number, i: number): Company {
  const isKosdaq = i % 9 === 8
  const name = i % 20 === 7 ? `모의, ${i + 1}호` : i % 20 === 13 ? `"가상" ${i + 1}호` : `가상기업 ${i + 1}호`
  return {
    code: String(90 + i * 1_370).padStart(6, '0'),
    name,
    isKosdaq,
    stocks: Math.floor(2_000_000 + 900_000_000 * chance(seed, 1, i) ** 2),
    level: 9 + 4.5 * chance(seed, 2, i),
  }
}

/** The `count` of the indexes below `of` with the smallest hash: a sample that is always the same. */
function sample(seed: number, salt: number, of: number, count: number): ReadonlySet<number> {
  const order = Array.from({ length: of }, (_, i) => ({ i, at: chance(seed, salt, i) })).sort(
    (a, b) => a.at - b.at || a.i - b.i,
  )
  return new Set(order.slice(0, count).map(({ i }) => i))
}

/** First day, last day, and as many weekdays between them as the market was open. */
function tradingDays(seed: number): readonly number[] {
  const weekdays: number[] = []
  for (let at = FIRST + DAY; at < LAST; at += DAY) if (![0, 6].includes(new Date(at).getUTCDay())) weekdays.push(at)
  const open = sample(seed, 3, weekdays.length, TRADING_DAYS - 2)
  return [FIRST, ...weekdays.filter((_, i) => open.has(i)), LAST]
}

const quoted = (text: string): string => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** KRW of a share on a day: a slow wave, a faster one, and a step a day. */
function closeOf(seed: number, company: Company, i: number, day: number): number {
  const log =
    company.level +
    0.6 * Math.sin(day / 400 + i) +
    0.15 * Math.sin(day / 37 + 2 * i) +
    0.02 * chance(seed, 100 + i, day)
  return Math.max(100, Math.round(Math.exp(log) / 10) * 10)
}

function rowOf(seed: number, company: Company, i: number, day: number, rank: number, date: string): string {
  const close = closeOf(seed, company, i, day)
  const before = closeOf(seed, company, i, day - 1)
  const change = close - before
  const volume = Math.floor(company.stocks * 0.01 * chance(seed, 5, day * COMPANIES + i))
  const low = Math.min(close, before) - 10
  const cells = [
    company.code,
    quoted(company.name),
    company.isKosdaq ? 'KOSDAQ' : 'KOSPI',
    company.isKosdaq ? '우량기업부' : '',
    `${close}.0`,
    change > 0 ? 1 : change < 0 ? 2 : 3,
    `${change}.0`,
    ((change / before) * 100).toFixed(2),
    `${before}.0`,
    `${Math.max(close, before) + 10}.0`,
    `${low}.0`,
    `${volume}.0`,
    `${volume * close}.0`,
    `${close * company.stocks}.0`,
    company.stocks,
    company.isKosdaq ? 'KSQ' : 'STK',
    rank,
    date,
  ]
  return cells.join(',')
}

/** The file in pieces of a day: a header first. The same seed gives the same bytes for ever. */
export function* generatedHistory(seed: number): Generator<string> {
  const companies = Array.from({ length: COMPANIES }, (_, i) => companyOf(seed, i))
  const days = tradingDays(seed)
  const short = sample(seed, 4, days.length, TRADING_DAYS * TOP - ROWS)
  yield `${HISTORY_COLUMNS}\n`
  for (const [day, at] of days.entries()) {
    const date = new Date(at).toISOString().slice(0, 10)
    const largest = companies
      .map((company, i) => ({ company, i, marcap: closeOf(seed, company, i, day) * company.stocks }))
      .sort((a, b) => b.marcap - a.marcap || a.i - b.i)
      .slice(0, short.has(day) ? TOP - 1 : TOP)
    yield `${largest.map(({ company, i }, rank) => rowOf(seed, company, i, day, rank + 1, date)).join('\n')}\n`
  }
}
