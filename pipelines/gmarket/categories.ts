// The twelve categories of the pipeline, by the group codes of Gmarket's best page (era 2024–2025).

/** `/n/best?groupCode=…` */
export interface Category {
  readonly code: string
  readonly label: string
}

/** Thirteen exist beside 전체 (all); travel is left out: its "prices" are deposits. */
export const GMARKET_CATEGORIES = [
  { code: '100000006', label: '신선식품' },
  { code: '100000005', label: '가공식품' },
  { code: '100000007', label: '생필품/육아' },
  { code: '100001001', label: '생활/주방' },
  { code: '100000001', label: '패션/잡화' },
  { code: '100000003', label: '뷰티' },
  { code: '100001007', label: '디지털/가전' },
  { code: '100001004', label: '가구/홈' },
  { code: '100001002', label: '스포츠/건강' },
  { code: '100001003', label: '취미/문구/펫' },
  { code: '100001009', label: '도서/음반' },
  { code: '100001011', label: 'e쿠폰' },
] as const satisfies readonly Category[]
