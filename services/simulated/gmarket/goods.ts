// Generated best sellers: a pure function of (seed, category, hour). Names are put together from everyday words and mean no
// real goods; the shop says on every page that it is simulated.

import { chance, hashText } from '../chance.ts'

export interface Good {
  readonly rank: number
  readonly goodsCode: string
  readonly title: string
  /** KRW, with the coupon. */
  readonly price: number
  /** KRW; null where the page shows no coupon. */
  readonly listPrice: number | null
  /** Percent. */
  readonly discount: number | null
}

/** Words of a category: what it is, and what stands around it. */
const NOUNS: Readonly<Record<string, readonly string[]>> = {
  '100000006': ['감자', '사과', '한우 국거리', '고등어', '대파', '딸기', '새우', '상추'],
  '100000005': ['라면', '통조림', '두유', '김', '만두', '커피믹스', '식용유', '과자'],
  '100000007': ['물티슈', '기저귀', '세탁세제', '화장지', '분유', '섬유유연제', '칫솔', '샴푸'],
  '100001001': ['후라이팬', '밀폐용기', '빨래건조대', '수건', '행주', '텀블러', '도마', '옷걸이'],
  '100000001': ['맨투맨', '운동화', '니트', '청바지', '패딩', '양말', '가방', '슬랙스'],
  '100000003': ['선크림', '마스크팩', '립밤', '토너', '크림', '쿠션', '헤어오일', '핸드크림'],
  '100001007': ['이어폰', '충전기', 'USB 메모리', '청소기', '모니터', '키보드', '공유기', '가습기'],
  '100001004': ['책상', '의자', '매트리스', '커튼', '이불', '선반', '조명', '러그'],
  '100001002': ['덤벨', '요가매트', '홍삼', '비타민', '자전거', '등산화', '골프공', '오메가3'],
  '100001003': ['볼펜', '노트', '사료', '고양이 모래', '퍼즐', '물감', '화분', '낚싯줄'],
  '100001009': ['문제집', '소설', '동화책', '사전', '만화', '음반', '잡지', '수험서'],
  '100001011': [
    '커피 쿠폰',
    '영화 예매권',
    '치킨 쿠폰',
    '문화상품권',
    '아이스크림 쿠폰',
    '주유권',
    '피자 쿠폰',
    '편의점 쿠폰',
  ],
}
/** By their group codes. */
export const SHOP_CATEGORIES = Object.keys(NOUNS)
const MAKERS = ['가상농원', '모의상회', '연습당', '예시몰', '견본전자', '가나다', '시험마을', '보기생활'] as const
const SIZES = ['1개', '2개 묶음', '3kg', '500g x 4', '10매', '대용량', '한정수량', '1+1', '특가', '"오늘만"'] as const

/** Goods that take turns among the best. */
const STOCK = 160
const HOUR = 3_600_000

function pick<T>(list: readonly T[], seed: number, salt: number, at: number): T {
  // The index is below the length, and the lists are not empty.
  return list[Math.floor(chance(seed, salt, at) * list.length)] as T
}

/** A tick as shops have it: three digits that matter, ending in 0. */
function rounded(price: number): number {
  const step = 10 ** Math.max(1, Math.floor(Math.log10(price)) - 2)
  return Math.round(price / step) * step
}

const codeOf = (own: number, index: number): string => String(1_000_000_000 + ((own + index * 7_919) % 3_000_000_000))

function goodOf(own: number, category: string, index: number, hour: number): Omit<Good, 'rank'> {
  const noun = pick(NOUNS[category] ?? ['상품'], own, 1, index)
  const title = `${pick(MAKERS, own, 2, index)} ${noun}, ${pick(SIZES, own, 3, index)} (${index + 1}호)`
  const usual = 2_000 * Math.exp(5 * chance(own, 4, index))
  // A price holds for six hours, then it may move a little.
  const price = rounded(usual * (0.9 + 0.2 * chance(own, 5, index * 1_000 + Math.floor(hour / 6))))
  const off = chance(own, 6, index) < 0.9 ? 5 + Math.floor(chance(own, 7, index) * 45) : null
  return {
    goodsCode: codeOf(own, index),
    title,
    price,
    discount: off,
    listPrice: off === null ? null : rounded((price * 100) / (100 - off)),
  }
}

/** The best of an hour, ranks from 1. The same arguments give the same list for ever. */
export function bestGoods(seed: number, category: string, at: number, count = 100): readonly Good[] {
  const own = hashText(`${seed}/${category}`)
  const hour = Math.floor(at / HOUR)
  const score = (index: number) => chance(own, 8, index) + 0.3 * chance(own, 9, index * 10_000 + (hour % 10_000))
  return Array.from({ length: STOCK }, (_, index) => ({ index, score: score(index) }))
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, count)
    .map(({ index }, i) => ({ rank: i + 1, ...goodOf(own, category, index, hour) }))
}

/** Finds goods of the known categories by their code, priced as in an hour: what a product page is made of. */
export function goodsByCode(seed: number): (goodsCode: string, at: number) => Omit<Good, 'rank'> | null {
  const places = new Map<string, { readonly own: number; readonly category: string; readonly index: number }>()
  for (const category of SHOP_CATEGORIES) {
    const own = hashText(`${seed}/${category}`)
    for (let index = 0; index < STOCK; index += 1) places.set(codeOf(own, index), { own, category, index })
  }
  return (goodsCode, at) => {
    const place = places.get(goodsCode)
    return place === undefined ? null : goodOf(place.own, place.category, place.index, Math.floor(at / HOUR))
  }
}
