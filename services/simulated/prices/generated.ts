// Generated trades of a wholesale market: a pure function of (seed, day, item). No market on Sundays.

import { chance, hashText } from '../chance.ts'

export type TradeRow = Readonly<Record<string, string>>

interface Good {
  readonly variety: string
  /** kg */
  readonly size: number
  /** KRW for one. */
  readonly price: number
}

const GOODS: Readonly<Record<string, Good>> = {
  배추: { variety: '봄배추', size: 10, price: 9_000 },
  무: { variety: '무', size: 20, price: 13_000 },
  양파: { variety: '만생양파', size: 15, price: 16_000 },
  대파: { variety: '대파', size: 1, price: 2_100 },
  사과: { variety: '부사', size: 10, price: 42_000 },
}
export const SERVED_ITEMS: readonly string[] = Object.keys(GOODS)

const GRADES = [
  ['특', 1.25],
  ['상', 1],
  ['중', 0.75],
] as const
const COMPANIES = ['가상청과', '모의청과'] as const

/** @param day `2026-01-05` */
export function tradesOf(seed: number, day: string, item: string): readonly TradeRow[] {
  const good = GOODS[item]
  const at = Date.parse(`${day}T00:00:00Z`) / 86_400_000
  // Day 0 was a Thursday.
  if (good === undefined || (at + 4) % 7 === 0) return []
  const own = hashText(`${seed}/${item}`)
  const level = good.price * (1 + 0.2 * Math.sin(at / 20) + 0.1 * chance(own, 1, at))
  return GRADES.flatMap(([grade, factor], g) =>
    COMPANIES.map((company, c) => {
      const average = Math.round((level * factor * (0.97 + 0.06 * chance(own, 10 + g * 2 + c, at))) / 10) * 10
      const boxes = 50 + Math.floor(chance(own, 20 + g * 2 + c, at) * 400)
      return {
        trd_clcln_ymd: day,
        whsl_mrkt_cd: '110001',
        whsl_mrkt_nm: '서울가락',
        corp_nm: company,
        gds_mclsf_nm: item,
        gds_sclsf_nm: good.variety,
        grd_nm: grade,
        unit_nm: 'kg',
        unit_qty: good.size.toFixed(1),
        unit_tot_qty: (boxes * good.size).toFixed(1),
        avgprc: String(average),
        lwprc: String(Math.round(average * 0.8)),
        hgprc: String(Math.round(average * 1.2)),
        totprc: String(average * boxes),
        trd_se: '경매',
      }
    }),
  )
}
